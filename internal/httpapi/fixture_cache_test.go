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

var requestCount atomic.Int64

// serve sends a request to a server's handler without a connection. It reports
// whether the response came from the cache.
func serve(s *testkit.Server, method, path, token string, headers ...string) (answer *httptest.ResponseRecorder, hit bool) {
	return serveWithBody(s, method, path, token, "", headers...)
}

func serveWithBody(s *testkit.Server, method, path, token, body string, headers ...string) (answer *httptest.ResponseRecorder, hit bool) {
	name := "asked-" + strconv.FormatInt(requestCount.Add(1), 10)
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

// awaitCached reads until the response comes from the cache, and reports
// whether it does.
func awaitCached(s *testkit.Server, path, token string, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if answer, hit := serve(s, http.MethodGet, path, token); hit && answer.Code == http.StatusOK {
			return true
		}
	}
	return false
}

// fillCaches reads at each server until its cache responds.
func fillCaches(t *testing.T, servers []*testkit.Server, path string, callers ...*testkit.Client) {
	t.Helper()
	for _, c := range callers {
		for n, s := range servers {
			if !awaitCached(s, path, c.Token, time.Minute) {
				t.Fatalf("server %d does not cache %s", n, path)
			}
		}
	}
}
