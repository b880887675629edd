package testkit

import (
	"bytes"
	"encoding/json"
	"errors"
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

// contract checks responses against the published contract, with a validator that shares
// no code with the server.
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
		api, _ := httpapi.New(httpapi.Config{Telemetry: httpapi.Telemetry{Now: time.Now}})
		document, err := api.ContractJSON()
		if err != nil {
			errContract = err
			return
		}
		closed, err := closeSchemas(document)
		if err != nil {
			errContract = err
			return
		}
		parsed, err := libopenapi.NewDocument(closed)
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

// closeSchemas forbids additional fields. The published contract allows them in
// responses, for later versions, but this version must document each field that it sends.
func closeSchemas(document []byte) ([]byte, error) {
	var whole map[string]any
	if err := json.Unmarshal(document, &whole); err != nil {
		return nil, err
	}
	components, _ := whole["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	if len(schemas) == 0 {
		return nil, errors.New("the contract has no schemas")
	}
	for _, s := range schemas {
		if schema, ok := s.(map[string]any); ok && schema["type"] == "object" {
			schema["additionalProperties"] = false
		}
	}
	return json.Marshal(whole)
}

// check fails the test if the contract does not allow the response. It skips paths outside
// of the contract, and responses of no operation (unknown route, other method).
func (c *contract) check(t testing.TB, r *http.Request, answer *http.Response, body []byte) {
	t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/api/v1/") || strings.HasPrefix(r.URL.Path, "/api/v1/openapi.") {
		return
	}
	if bytes.Contains(body, []byte(`"code":"route_not_found"`)) || answer.StatusCode == http.StatusMethodNotAllowed ||
		r.Method == http.MethodOptions || r.Method == http.MethodHead {
		return
	}
	// Texts that a caller asks for are in the descriptions only, see texts in httpapi.
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if (media == "text/markdown" || media == "text/x-diff") && strings.Contains(strings.ToLower(r.Header.Get("Accept")), media) {
		return
	}
	checked := *answer
	checked.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok, faults := c.validator.ValidateHttpResponse(r, &checked); !ok {
		for _, f := range faults {
			t.Errorf("%s %s: the contract does not allow this response: %s: %s: %v\n%s", r.Method, r.URL.Path, f.Message, f.Reason, f.SchemaValidationErrors, body)
		}
	}
}
