package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// fixture has the services of a server.
type fixture struct {
	db     testkit.Database
	google *testkit.Issuer
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	return fixture{testkit.NewDatabase(t), testkit.NewIssuer(t)}
}

func (w fixture) settings(t *testing.T, more ...string) *server.Settings {
	t.Helper()
	s := load(t, "", append([]string{
		"APP_ENV=development", "LOG_LEVEL=DEBUG", "DATABASE_URL=" + w.db.Service,
		"SECRET_KEY=" + oneKey, "JWT_SECRET_KEY=" + anotherKey,
		"GOOGLE_CLIENT_ID=" + testkit.ClientID, "GOOGLE_ISSUER_URL=" + w.google.URL,
	}, more...)...)
	if err := s.ForServe(); err != nil {
		t.Fatal(err)
	}
	return s
}

// running is a server, and what it has logged.
type running struct {
	*server.App
	url  string
	stop context.CancelFunc
	done chan error
	log  *output
}

func (w fixture) run(t *testing.T, change func(*server.App), more ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, done: make(chan error, 1), log: &output{}}
	s := w.settings(t, more...)
	var err error
	if r.App, err = server.New(ctx, s, server.Logger(s, r.log)); err != nil {
		t.Fatal(err)
	}
	change(r.App)
	listener, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + listener.Addr().String()
	go func() { r.done <- r.Serve(ctx, listener) }()
	return r
}

// end stops the server and gives back what it took.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("serve: %v", err)
	}
	r.Close()
}

// output is a log that may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// call sends a request on a connection of its own.
func call(t *testing.T, method, url, token, body string) (status int, response string) {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

func (w fixture) signIn(t *testing.T, r *running) (token string) {
	t.Helper()
	// A token that is like another in everything has signed in before.
	idToken, err := w.google.IDToken(issuer.Claims{Extra: map[string]any{"jti": rand.Text()}})
	if err != nil {
		t.Fatal(err)
	}
	status, response := call(t, http.MethodPost, r.url+"/api/v1/auth/login", "", `{"id_token":"`+idToken+`"}`)
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(response), &grant); err != nil || status != http.StatusOK {
		t.Fatalf("the sign-in got %d %s", status, response)
	}
	return grant.AccessToken
}

// Not parallel: the goroutines of other tests would be taken for leaks.
//
//nolint:paralleltest // see above
func TestShutdown_LeavesNoGoroutines(t *testing.T) {
	w := newFixture(t)
	redis := testkit.NewRedis(t)
	away := "DATABASE_URL=postgres://user@" + freeAddress(t) + "/none"
	before := goleak.IgnoreCurrent()
	for range 20 {
		r := w.run(t, func(*server.App) {}, "REDIS_URL="+redis, "RATELIMIT_AUTH=1000/minute")
		token := w.signIn(t, r)
		if status, response := call(t, http.MethodGet, r.url+"/api/v1/projects", token, ""); status != http.StatusOK {
			t.Errorf("the list got %d %s", status, response)
		}
		r.end(t)
	}
	for n := range 5 {
		r := w.run(t, func(*server.App) {}, away, []string{"REDIS_URL=", "REDIS_URL=" + redis}[n%2])
		if status, _ := call(t, http.MethodGet, r.url+"/health/ready", "", ""); status != http.StatusServiceUnavailable {
			t.Errorf("a server without a database is ready: %d", status)
		}
		r.end(t)
	}
	p := testkit.NewCertificate(t, "one")
	for range 5 {
		r := w.run(t, func(*server.App) {}, testkit.NewCertificateFiles(t, p).Environ(away)...)
		address := strings.TrimPrefix(r.url, "http://")
		for _, http2 := range []bool{true, false} {
			getBy(t, over(p, http2), "https://"+address+"/health/live")
		}
		silent, err := net.Dial("tcp", address) // in the middle of its handshake
		if err != nil {
			t.Fatal(err)
		}
		r.end(t)
		_ = silent.Close()
	}
	http.DefaultClient.CloseIdleConnections() // its connections to the issuer are shared by all tests
	goleak.VerifyNone(t, before)
}

func TestServe_EndsWhenTheListenerFails(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	s := w.settings(t, "SHUTDOWN_DRAIN=1h")
	a, err := server.New(t.Context(), s, server.Logger(s, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	listener, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(t.Context(), listener); err == nil { // and does not drain for an hour
		t.Error("it ends as after a shutdown")
	}
}

func TestPanic_ResponseContainsNoDetails(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	r := w.run(t, func(a *server.App) { a.PanicAtProjects(canary) })
	defer r.end(t)
	token := w.signIn(t, r)
	for range 2 { // it lives on
		status, response := call(t, http.MethodGet, r.url+"/api/v1/projects", token, "")
		var problem struct{ Code string }
		if err := json.Unmarshal([]byte(response), &problem); err != nil || status != http.StatusInternalServerError || problem.Code != "internal" {
			t.Errorf("the panic got %d %s", status, response)
		}
		wantNone(t, "the response", response, canary, "goroutine", ".go:", "panic")
	}
	log := r.log.String()
	wantNone(t, "the log", log, canary, token)
	if strings.Count(log, `"severity":"ERROR","message":"panic"`) != 2 || !strings.Contains(log, "PanicAtProjects") && !strings.Contains(log, "panicking.Projects") {
		t.Errorf("the log does not say where the panics were:\n%s", log)
	}
}

func wantNone(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%s has %q in it: %s", what, part, text)
		}
	}
}

// freeAddress is an address without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
