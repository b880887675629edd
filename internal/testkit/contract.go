package testkit

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/codegenapp/codegenapp/internal/httpapi"
)

// contract checks answers against the published document, with a validator
// that shares no code with what makes them.
type contract struct {
	mu        sync.Mutex
	validator validator.Validator
}

var (
	sharedContract *contract
	errContract    error
	contractOnce   sync.Once
)

func loadContract(t testing.TB) *contract {
	t.Helper()
	contractOnce.Do(func() {
		api, _ := httpapi.New(httpapi.Config{Now: time.Now})
		document, err := api.ContractJSON()
		if err != nil {
			errContract = err
			return
		}
		parsed, err := libopenapi.NewDocument(document)
		if err != nil {
			errContract = err
			return
		}
		v, errs := validator.NewValidator(parsed)
		if len(errs) > 0 {
			errContract = errs[0]
			return
		}
		sharedContract = &contract{validator: v}
	})
	if errContract != nil {
		t.Fatalf("read the contract: %v", errContract)
	}
	return sharedContract
}

// check fails the test if the answer is not one that the contract allows for
// the operation. What is outside of the contract's paths is not judged here,
// nor are answers that no operation gives (unknown route, other method).
func (c *contract) check(t testing.TB, r *http.Request, answer *http.Response, body []byte) {
	t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/api/v1/") || strings.HasPrefix(r.URL.Path, "/api/v1/openapi.") {
		return
	}
	if bytes.Contains(body, []byte(`"code":"route_not_found"`)) || answer.StatusCode == http.StatusMethodNotAllowed ||
		r.Method == http.MethodOptions || r.Method == http.MethodHead {
		return
	}
	judged := *answer
	judged.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok, faults := c.validator.ValidateHttpResponse(r, &judged); !ok {
		for _, f := range faults {
			t.Errorf("%s %s answered what the contract does not allow: %s: %s: %v\n%s", r.Method, r.URL.Path, f.Message, f.Reason, f.SchemaValidationErrors, body)
		}
	}
}
