package httpapi

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

// handle is the API's way around a route that does this.
func handle(do http.HandlerFunc) (http.Handler, *bytes.Buffer) {
	log := &bytes.Buffer{}
	a := &API{Config: Config{Metrics: uncounted{}, Traces: untraced{}, Now: time.Now, Log: slog.New(slog.NewJSONHandler(log, nil))}}
	mux := http.NewServeMux()
	mux.Handle("GET /here/{id}", do)
	return a.wrap(mux), log
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return answer
}

func TestAPanicIsAnsweredLikeAnyFailureOfOurs(t *testing.T) {
	t.Parallel()
	h, log := handle(func(http.ResponseWriter, *http.Request) { panic("canary in the panic") })
	answer := get(h, "/here/canary-in-the-path")
	var p problemDetails
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	if answer.Code != 500 || p.Code != "internal" || p.RequestID == "" || p.RequestID != answer.Header().Get("X-Request-Id") {
		t.Errorf("answered %d: %s", answer.Code, answer.Body)
	}
	if got := answer.Header().Get("Content-Type"); got != problemJSON {
		t.Errorf("Content-Type = %s", got)
	}
	if strings.Contains(answer.Body.String(), "canary in the panic") {
		t.Errorf("the caller is told of the panic: %s", answer.Body)
	}
	if !strings.Contains(log.String(), p.RequestID) || !strings.Contains(log.String(), "middleware_test.go") {
		t.Errorf("the log does not lead to the panic: %s", log)
	}
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log repeats what was in hand: %s", log)
	}
}

func TestAnAbortedAnswerStaysAborted(t *testing.T) {
	t.Parallel()
	h, log := handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
			t.Errorf("recovered %v", v)
		}
		if strings.Contains(log.String(), `"panic"`) {
			t.Errorf("logged as a panic: %s", log)
		}
	}()
	get(h, "/here/1")
}

func TestARequestIsLoggedOnceByItsRoute(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ path, route, status string }{
		"a route":            {"/here/canary", `"route":"/here/{id}"`, `"status":200`},
		"no route":           {"/canary", `"route":""`, `"status":404`},
		"a query":            {"/here/1?canary=canary", `"route":"/here/{id}"`, `"status":200`},
		"an unclean path":    {"/here//canary", `"route":`, `"status":404`},
		"a path with quotes": {"/canary%0a%22", `"route":""`, `"status":404`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := handle(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
			get(h, tc.path)
			line := log.String()
			if strings.Count(line, "\n") != 1 || strings.Contains(line, "canary") {
				t.Errorf("log: %s", line)
			}
			for _, want := range []string{tc.route, tc.status, `"request_id":`, `"method":"GET"`} {
				if !strings.Contains(line, want) {
					t.Errorf("no %s in %s", want, line)
				}
			}
		})
	}
}

func TestALineTellsWhomAValidTokenStandsFor(t *testing.T) {
	t.Parallel()
	ann := id.New[auth.User]()
	for name, tc := range map[string]struct {
		known *caller
		told  bool
	}{
		"a valid token": {&caller{user: ann.String()}, true},
		"a bad token":   {&caller{user: ann.String(), err: errors.New("forged")}, false},
		"no token":      {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := handle(func(_ http.ResponseWriter, r *http.Request) { recordOf(r.Context()).caller = tc.known })
			get(h, "/here/1")
			if told := strings.Contains(log.String(), `"user":"`+ann.String()+`"`); told != tc.told || !told && strings.Contains(log.String(), `"user"`) {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestHTTPSIsKeptOverHTTPSOnly(t *testing.T) {
	t.Parallel()
	h, _ := handle(func(http.ResponseWriter, *http.Request) {})
	const strict = "Strict-Transport-Security"
	if got := get(h, "/here/1").Header().Get(strict); got != "" {
		t.Errorf("over plain HTTP %s = %s", strict, got)
	}
	r := httptest.NewRequest(http.MethodGet, "/nothing", http.NoBody)
	r.TLS = &tls.ConnectionState{}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	if got := answer.Header().Get(strict); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("over HTTPS %s = %q", strict, got)
	}
}
