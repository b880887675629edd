package e2e

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestSettings_ServeReportsAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	example, err := filepath.Abs("../../.env.example")
	must(t, err)
	for name, tc := range map[string]struct {
		env    []string
		dotenv string // a file to be copied to .env
		want   []string
	}{
		"nothing is set": {
			want: []string{"DATABASE_URL is needed", "SECRET_KEY is needed", "JWT_SECRET_KEY is needed", "GOOGLE_CLIENT_ID is needed"},
		},
		"some cannot be read and others are missing": {
			env:  []string{"LOG_LEVEL=canary-LOUD", "DATABASE_POOL_SIZE=canary-many", "SHUTDOWN_GRACE=canary-soon", "DATABASE_URL=canary"},
			want: []string{"LOG_LEVEL is not", "DATABASE_POOL_SIZE is not", "SHUTDOWN_GRACE is not", "DATABASE_URL is not", "SECRET_KEY is needed", "JWT_SECRET_KEY is needed", "GOOGLE_CLIENT_ID is needed"},
		},
		"what production refuses": {
			env: []string{
				"DATABASE_URL=postgres://canary@127.0.0.1/canary", "GOOGLE_CLIENT_ID=canary", "GOOGLE_ISSUER_URL=http://canary.example",
				"SECRET_KEY=please-change-me-canary-0123456789", "JWT_SECRET_KEY=canary-short", "JWT_PREVIOUS_SECRET_KEYS=please-change-me-canary-0123456789",
				"REQUIRE_HTTPS=false", "CORS_ORIGINS=*", "TLS_CERT_FILE=/canary/tls.crt",
			},
			want: []string{
				"SECRET_KEY looks like a placeholder", "JWT_SECRET_KEY is shorter than 32 bytes", "JWT_PREVIOUS_SECRET_KEYS looks like", "GOOGLE_ISSUER_URL is not https://",
				"REQUIRE_HTTPS is false", "CORS_ORIGINS entry 1 allows every origin", "TLS_KEY_FILE is needed",
			},
		},
		"the example as it is": {
			dotenv: example,
			want:   []string{"\n  - SECRET_KEY looks like a placeholder", "JWT_SECRET_KEY looks like a placeholder"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tc.dotenv != "" {
				text, err := os.ReadFile(tc.dotenv)
				must(t, err)
				must(t, os.WriteFile(filepath.Join(dir, ".env"), text, 0o600))
			}
			binaryPath(t) // build it before the measurement
			began := time.Now()
			p := run(t, programOptions{args: []string{"serve"}, dir: dir, env: tc.env})
			p.wantExit(2)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s to refuse", took)
			}
			wantAll(t, p.logs.String(), tc.want...)
			wantNone(t, p.logs.String(), "canary")
			if got := strings.Count(p.logs.String(), "\n  - "); tc.dotenv == "" && got != len(tc.want) {
				t.Errorf("it names %d settings, want %d:\n%s", got, len(tc.want), p.logs.String())
			}
		})
	}
}

func TestServe_RejectsPrivilegedRoleInProduction(t *testing.T) {
	t.Parallel()
	db := testkit.NewDatabase(t)
	const bypass = "codegenapp_e2e_bypass"
	super := connect(t, db.Super)
	execute(t, super, "DROP ROLE IF EXISTS "+bypass)
	execute(t, super, "CREATE ROLE "+bypass+" LOGIN BYPASSRLS PASSWORD 'only-here' IN ROLE codegenapp_app")
	t.Cleanup(func() { execute(t, super, "DROP ROLE "+bypass) })
	bypassing := as(t, db.Service, url.UserPassword(bypass, "only-here"))

	for name, tc := range map[string]struct{ databaseURL, want string }{
		"a superuser":             {db.Super, "is a superuser"},
		"the owner of the tables": {db.Owner, "owns the tables"},
		"one that has BYPASSRLS":  {bypassing, "has BYPASSRLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := serveEnv(tc.databaseURL, "https://accounts.google.com", "APP_ENV=production", "LOG_LEVEL=INFO", "SHUTDOWN_DRAIN=1m")
			p := run(t, programOptions{args: []string{"serve"}, env: env})
			p.wantExit(2)
			wantAll(t, p.logs.String(), "- DATABASE_URL: its role "+tc.want)
			wantNone(t, p.logs.String(), `"message":"ready"`, password(t, tc.databaseURL), secretKey, jwtSecret)
		})
	}
}

func TestServe_RunsInProduction(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	google, authorities := httpsIssuer(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	// Secrets from files, as containers have them; the rest from .env.
	file(".env", "GOOGLE_CLIENT_ID="+testkit.ClientID+"\nGOOGLE_ISSUER_URL="+google.URL+"\nLOG_LEVEL=CRITICAL\n")
	env := []string{
		"DATABASE_URL_FILE=" + file("service", db.Service+"\n"), "MIGRATION_DATABASE_URL_FILE=" + file("owner", db.Owner+"\r\n"),
		"SECRET_KEY_FILE=" + file("secret", secretKey), "JWT_SECRET_KEY_FILE=" + file("jwt", jwtSecret+"\n"),
		"HTTP_ADDR=127.0.0.1:0", "LOG_LEVEL=INFO", "SHUTDOWN_DRAIN=0", "SSL_CERT_FILE=" + authorities,
		"TRUSTED_PROXIES=127.0.0.1",
	}
	run(t, programOptions{args: []string{"migrate", "up"}, env: env, dir: dir}).wantExit(0)

	p := start(t, programOptions{args: []string{"serve"}, env: env, dir: dir})
	s := &server{process: p, URL: "http://" + p.waitForOutput(&p.logs, `"message":"listening","address":"([^"]+)"`)[1]}
	s.waitReady()
	ann, ben := s.signIn(google, "ann@example.com"), s.signIn(google, "ben@example.com")
	var made project
	send(t, http.MethodPost, s.URL+"/api/v1/projects", ann, `{"title":"Hers"}`).want(http.StatusCreated).decode(&made)
	get(t, s.URL+"/api/v1/projects/"+made.ID, ann).want(http.StatusOK)
	get(t, s.URL+"/api/v1/projects/"+made.ID, ben).want(http.StatusNotFound)
	if a := get(t, s.URL+"/health/live", "").want(http.StatusOK); a.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("the answer through the proxy has the headers %v", a.Header)
	}
	a := send(t, http.MethodGet, s.URL+"/api/v1/projects", ann, "", "X-Forwarded-Proto", "http").want(http.StatusForbidden)
	if a.code() != "https_required" {
		t.Errorf("what came over plain HTTP is answered %s", a.Body)
	}
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
}

func TestDatabaseOutage_ServeStarts(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	elsewhere := serve(t, serveEnv(db.Service, google.URL)).waitReady() // a server with the same keys and with the database
	ann := elsewhere.signIn(google, "ann@example.com")
	way, byIt := newProxy(t, db.Service)
	s := serve(t, serveEnv(byIt, google.URL))

	isAway := func() {
		t.Helper()
		a := get(t, s.URL+"/api/v1/projects", ann).want(http.StatusServiceUnavailable)
		if a.code() != "unavailable" || a.Header.Get("Retry-After") == "" || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("the answer is not a problem `unavailable` with Retry-After: %v %s", a.Header, a.Body)
		}
		get(t, s.URL+"/health/live", "").want(http.StatusOK)
		get(t, s.URL+"/health/db", "").want(http.StatusServiceUnavailable)
		get(t, s.URL+"/health", "").want(http.StatusServiceUnavailable)
	}
	isBack := func() {
		t.Helper()
		began := time.Now()
		s.waitUntil("the API answers again", func() bool { return get(t, s.URL+"/api/v1/projects", ann).Status == http.StatusOK })
		t.Logf("it answers %s after the database came", time.Since(began).Round(time.Millisecond))
	}
	isAway()
	get(t, s.URL+"/health/ready", "").want(http.StatusServiceUnavailable)
	get(t, s.URL+"/api/v1/projects", "").want(http.StatusUnauthorized) // needs no database
	if said := strings.Count(s.logs.String(), "not ready: waiting for the database"); said != 1 {
		t.Errorf("the log says %d times why the server is not ready, want once", said)
	}

	way.open()
	s.waitReady()
	isBack()
	way.cut()
	isAway()
	get(t, s.URL+"/health/ready", "").want(http.StatusOK) // the load balancer must keep replicas, which respond with 503 problems
	way.open()
	isBack()
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
	wantNone(t, s.logs.String(), password(t, db.Service))
}

func TestShutdown_DuringDatabaseOutage(t *testing.T) {
	t.Parallel()
	_, byIt := newProxy(t, testkit.NewDatabase(t).Service)
	s := serve(t, serveEnv(byIt, "http://127.0.0.1:1"))
	get(t, s.URL+"/health/ready", "").want(http.StatusServiceUnavailable)
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
}

func TestServe_WaitsForItsSchema(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	env := serveEnv(db.Service, "http://127.0.0.1:1", "MIGRATION_DATABASE_URL="+db.Owner)
	waits := func() *server {
		t.Helper()
		s := serve(t, env)
		s.waitForOutput(&s.logs, `not ready.*codegenapp migrate up`)
		get(t, s.URL+"/health/ready", "").want(http.StatusServiceUnavailable)
		get(t, s.URL+"/health/live", "").want(http.StatusOK)
		return s
	}
	fresh := waits()
	run(t, programOptions{args: []string{"migrate", "up"}, env: env}).wantExit(0)
	fresh.waitReady()

	run(t, programOptions{args: []string{"migrate", "down"}, env: env}).wantExit(0)
	older := waits()
	run(t, programOptions{args: []string{"migrate", "up"}, env: env}).wantExit(0)
	older.waitReady()
}

func TestServe_ReportsAPortInUse(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1"))
	env := serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1", "HTTP_ADDR="+strings.TrimPrefix(s.URL, "http://"))
	run(t, programOptions{args: []string{"serve"}, env: env}).wantLine(1, "HTTP_ADDR is", "another program uses that port", "such as HTTP_ADDR=")
}

// httpsIssuer is an issuer over HTTPS, with the file of its certificate authority.
func httpsIssuer(t *testing.T) (google *testkit.Issuer, authorities string) {
	t.Helper()
	google = &testkit.Issuer{}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { google.ServeHTTP(w, r) }))
	web.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	google.URL = "https://" + web.Listener.Addr().String()
	made, err := issuer.New(issuer.Config{
		URL: google.URL, Clients: []issuer.Client{{ID: testkit.ClientID}}, Users: []issuer.User{{Email: "ann@example.com"}},
	})
	must(t, err)
	google.Issuer = made
	web.StartTLS()
	t.Cleanup(web.Close)
	authorities = filepath.Join(t.TempDir(), "authority.pem")
	must(t, os.WriteFile(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600))
	return google, authorities
}
