package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// response is a response of a server.
type response struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   string
}

// httpClient has no keep-alive: each request makes a new connection.
var httpClient = &http.Client{Timeout: waitTimeout, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: insecureTLS}}

// trySend sends a request. Headers are pairs of name and value.
func trySend(t *testing.T, method, address, token, body string, headers ...string) (*response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	r.Header.Set("X-Forwarded-Proto", "https") // has effect only where proxies are trusted
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	got, err := httpClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	return &response{t: t, Status: got.StatusCode, Header: got.Header, Body: string(text)}, err
}

func send(t *testing.T, method, address, token, body string, headers ...string) *response {
	t.Helper()
	a, err := trySend(t, method, address, token, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return a
}

func get(t *testing.T, address, token string) *response {
	t.Helper()
	return send(t, http.MethodGet, address, token, "")
}

func (a *response) want(status int) *response {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("the server answered %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

func (a *response) decode(v any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		a.t.Fatalf("the server answered no JSON: %v: %s", err, a.Body)
	}
}

// code is the code of a problem.
func (a *response) code() string {
	a.t.Helper()
	var problem struct{ Code string }
	a.decode(&problem)
	return problem.Code
}

type project struct {
	ID      string
	OwnerID string `json:"owner_id"`
	Title   string
}

type projects struct{ Projects []project }

// server is a running `codegenapp serve`.
type server struct {
	*process
	URL string
}

const (
	secretKey = "gOzQ9vZ1rT5mXc7KpL2wYb8NfE4hJ6sD0aUiRkQe3Vt"
	jwtSecret = "Wm3xP8qLz5Rt1Yk9Jv7Hc2Nd4Bf6Sg0AeUiOlKjTrXq"
)

// serveEnv is the environment of a server on loopback.
func serveEnv(databaseURL, issuerURL string, more ...string) []string {
	return append([]string{
		"APP_ENV=development", "HTTP_ADDR=127.0.0.1:0", "LOG_LEVEL=DEBUG",
		"DATABASE_URL=" + databaseURL, "SECRET_KEY=" + secretKey, "JWT_SECRET_KEY=" + jwtSecret,
		"GOOGLE_CLIENT_ID=" + testkit.ClientID, "GOOGLE_ISSUER_URL=" + issuerURL,
		"RATELIMIT_ENABLED=false", // tests send more requests than the limits allow
	}, more...)
}

// serve starts a server and waits until it listens.
func serve(t *testing.T, env []string) *server {
	t.Helper()
	p := start(t, programOptions{args: []string{"serve"}, env: env})
	return &server{process: p, URL: "http://" + p.waitForOutput(&p.logs, `"message":"listening","address":"([^"]+)"`)[1]}
}

// waitReady waits until the server is ready.
func (s *server) waitReady() *server {
	s.t.Helper()
	s.waitUntil("it is ready", func() bool { return get(s.t, s.URL+"/health/ready", "").Status == http.StatusOK })
	return s
}

// signIn signs a user in and returns the access token.
func (s *server) signIn(google *testkit.Issuer, email string) string {
	s.t.Helper()
	idToken, err := google.IDToken(issuer.Claims{Email: email})
	must(s.t, err)
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	send(s.t, http.MethodPost, s.URL+"/api/v1/auth/login", "", `{"id_token":"`+idToken+`"}`).want(http.StatusOK).decode(&grant)
	return grant.AccessToken
}

// viaProxy is a database URL with another address.
func viaProxy(t *testing.T, databaseURL, address string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	u.Host = address
	return u.String()
}

// freeAddress is an address that is not in use.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}
