package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

var asked atomic.Int64

// ask asks a server without a connection in between. CacheHit is true if the gate has
// answered by itself.
func ask(s *testkit.Server, method, path, token string, headers ...string) (answer *httptest.ResponseRecorder, byGate bool) {
	return askWith(s, method, path, token, "", headers...)
}

func askWith(s *testkit.Server, method, path, token, body string, headers ...string) (answer *httptest.ResponseRecorder, byGate bool) {
	name := "asked-" + strconv.FormatInt(asked.Add(1), 10)
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("X-Request-Id", name)
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	answer = httptest.NewRecorder()
	s.Handler.ServeHTTP(answer, r)
	return answer, s.CacheHit(name)
}

// keptBy reads until the gate answers, and reports whether it does.
func keptBy(s *testkit.Server, path, token string, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if answer, byGate := ask(s, http.MethodGet, path, token); byGate && answer.Code == http.StatusOK {
			return true
		}
	}
	return false
}

// warmAll reads at each server until its gate answers.
func warmAll(t *testing.T, servers []*testkit.Server, path string, callers ...*testkit.Client) {
	t.Helper()
	for _, c := range callers {
		for n, s := range servers {
			if !keptBy(s, path, c.Token, 20*time.Second) {
				t.Fatalf("server %d does not answer %s by its gate", n, path)
			}
		}
	}
}
