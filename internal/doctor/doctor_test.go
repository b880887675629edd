package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/doctor"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

const (
	oneKey     = "canary-0123456789abcdefghijklmnopqrstuv"
	anotherKey = "canary-vutsrqponmlkjihgfedcba9876543210"
)

// fixture is a healthy server's settings and services, which a test breaks.
type fixture struct {
	t      *testing.T
	db     testkit.Database
	issuer *testkit.Issuer
	redis  *redisserver.Server
	env    map[string]string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, db: testkit.NewDatabase(t), issuer: testkit.NewIssuer(t)}
	var err error
	if f.redis, err = redisserver.Start(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.redis.Stop)
	f.env = map[string]string{
		"APP_ENV": "development", "HTTP_ADDR": "127.0.0.1:0", "DATABASE_URL": f.db.Service, "REDIS_URL": f.redis.URL(),
		"SECRET_KEY": oneKey, "JWT_SECRET_KEY": anotherKey,
		"GOOGLE_CLIENT_ID": testkit.ClientID, "GOOGLE_CLIENT_SECRET": "canary-of-the-client", "GOOGLE_ISSUER_URL": f.issuer.URL,
	}
	return f
}

// sql executes statements as the superuser of the database.
func (f *fixture) sql(statements ...string) {
	f.t.Helper()
	ctx := context.WithoutCancel(f.t.Context()) // also while the test cleans up
	conn, err := pgx.Connect(ctx, f.db.Super)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			f.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// alterDatabase changes a default of the database until the test ends.
func (f *fixture) alterDatabase(change string) {
	f.t.Helper()
	u, err := url.Parse(f.db.Super)
	if err != nil {
		f.t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	f.sql("ALTER DATABASE " + name + " " + change)
	f.t.Cleanup(func() { f.sql("ALTER DATABASE " + name + " RESET ALL") })
}

// changeDatabaseURL changes DATABASE_URL.
func (f *fixture) changeDatabaseURL(change func(*url.URL)) {
	f.t.Helper()
	u, err := url.Parse(f.db.Service)
	if err != nil {
		f.t.Fatal(err)
	}
	change(u)
	f.env["DATABASE_URL"] = u.String()
}

// report runs the doctor and returns its report.
func (f *fixture) report() (string, error) {
	f.t.Helper()
	var environ []string
	for name, value := range f.env {
		environ = append(environ, name+"="+value)
	}
	s, _ := server.Load(environ, "") // the doctor reports its error
	var out bytes.Buffer
	err := doctor.Run(f.t.Context(), s, &out)
	for _, secret := range []string{oneKey, anotherKey, "canary-of-the-client", "canary-of-the-password"} {
		if strings.Contains(out.String(), secret) {
			f.t.Errorf("the report contains a secret:\n%s", &out)
		}
	}
	return out.String(), err
}

// redisUser makes REDIS_URL one of a user with the rights that the manual lists, and then
// these rules.
func (f *fixture) redisUser(rules ...string) {
	f.t.Helper()
	command := append(strings.Fields("ACL SETUSER codegenapp on >word "+manualRights(f.t)), rules...)
	redisCommand(f.t, f.redis.Address, command...)
	f.env["REDIS_URL"] = "redis://codegenapp:word@" + f.redis.Address + "/0"
}

// manualRights are the rights of the ACL in docs/operations/redis.md.
func manualRights(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rights, found := strings.Cut(string(text), "ACL SETUSER codegenapp on >PASSWORD ")
	rights, _, _ = strings.Cut(rights, "\n")
	if !found {
		t.Fatal("docs/operations/redis.md has no ACL")
	}
	return rights
}

// redisCommand sends one command to a Redis.
func redisCommand(t *testing.T, address string, command ...string) {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Do(t.Context(), client.B().Arbitrary(command...).Build()).Error(); err != nil {
		t.Fatalf("%q: %v", command, err)
	}
}

func TestDoctor_HealthyServerHasNoFailures(t *testing.T) {
	t.Parallel()
	report, err := newFixture(t).report()
	if err != nil || strings.Contains(report, "FAIL") {
		t.Errorf("%v:\n%s", err, report)
	}
	for _, what := range []string{"settings ", "https ", "address ", "database ", "role ", "schema ", "notifications ", "redis ", "google "} {
		if !strings.Contains(report, what) {
			t.Errorf("the report does not mention %s:\n%s", what, report)
		}
	}
}

// brokenServers are ways to break a server, and what the report must contain for each:
// a status, and in the same line all the words.
var brokenServers = map[string]struct {
	breakIt func(*fixture)
	want    []string
}{
	"no key":                       {func(f *fixture) { delete(f.env, "SECRET_KEY") }, []string{"FAIL", "SECRET_KEY is needed", "openssl rand"}},
	"an invalid number":            {func(f *fixture) { f.env["DATABASE_POOL_SIZE"] = "0" }, []string{"FAIL", "DATABASE_POOL_SIZE is not between"}},
	"HTTPS that no client can use": {func(f *fixture) { f.env["REQUIRE_HTTPS"] = "true" }, []string{"FAIL", "every request would be rejected", "TRUSTED_PROXIES"}},
	"a port that is in use": {func(f *fixture) {
		l, err := (&net.ListenConfig{}).Listen(f.t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			f.t.Fatal(err)
		}
		f.t.Cleanup(func() { _ = l.Close() })
		f.env["HTTP_ADDR"] = l.Addr().String()
	}, []string{"FAIL", "HTTP_ADDR is", "another program uses that port", "such as HTTP_ADDR="}},
	"a port for metrics that is in use": {func(f *fixture) {
		l, err := (&net.ListenConfig{}).Listen(f.t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			f.t.Fatal(err)
		}
		f.t.Cleanup(func() { _ = l.Close() })
		f.env["METRICS_ADDR"] = l.Addr().String()
	}, []string{"FAIL", "METRICS_ADDR is", "another program uses that port"}},
	"a misspelt setting": {func(f *fixture) {
		f.env["RATELIMIT_DEFAULTS"] = "10/minute"
	}, []string{"warn", "settings", "did you mean RATELIMIT_DEFAULT?"}},
	"a database that every role may connect to": {func(*fixture) {
		// A clone of the tests' template does not take over the rights on the database.
	}, []string{"warn", "database", "every role of the cluster may connect", "migrate up"}},
	"no row security by default": {func(f *fixture) {
		f.alterDatabase("SET row_security = off")
	}, []string{"warn", "database", "row_security is off by default"}},
	"dates in another style": {func(f *fixture) {
		f.alterDatabase("SET datestyle = 'SQL, DMY'")
	}, []string{"ok", "schema", "at least the version"}},
	"another encoding": {func(f *fixture) {
		const name = "codegenapp_doctor_ascii"
		f.sql("DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
		f.t.Cleanup(func() { f.sql("DROP DATABASE " + name + " (FORCE)") })
		f.changeDatabaseURL(func(u *url.URL) { u.Path = "/" + name })
	}, []string{"FAIL", "database", "the encoding of the database is SQL_ASCII", "ENCODING 'UTF8'"}},
	"an unreachable database": {func(f *fixture) {
		f.changeDatabaseURL(func(u *url.URL) { u.Host = "127.0.0.1:1" })
	}, []string{"FAIL", "DATABASE_URL cannot be reached", "connection refused"}},
	"no such host": {func(f *fixture) {
		f.changeDatabaseURL(func(u *url.URL) { u.Host = "nowhere.invalid:5432" })
	}, []string{"FAIL", "the host nowhere.invalid does not exist"}},
	"another password": {func(f *fixture) {
		f.changeDatabaseURL(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "canary-of-the-password") })
	}, []string{"FAIL", "rejects the user or the password"}},
	"no such database": {func(f *fixture) {
		f.changeDatabaseURL(func(u *url.URL) { u.Path = "/nothing" })
	}, []string{"FAIL", "no such database"}},
	"an old schema": {func(f *fixture) {
		f.sql("UPDATE goose_db_version SET version_id = -version_id WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
		// Another test gets this database next.
		f.t.Cleanup(func() { f.sql("UPDATE goose_db_version SET version_id = -version_id WHERE version_id < 0") })
	}, []string{"FAIL", "schema", "codegenapp migrate up"}},
	"a table without row-level security": {func(f *fixture) {
		f.sql("ALTER TABLE projects NO FORCE ROW LEVEL SECURITY")
		f.t.Cleanup(func() { f.sql("ALTER TABLE projects FORCE ROW LEVEL SECURITY") })
	}, []string{"FAIL", "not enabled and forced on projects", "FORCE ROW LEVEL SECURITY"}},
	"the owner as the service": {func(f *fixture) {
		f.env["DATABASE_URL"] = f.db.Owner
	}, []string{"warn", "role", "row-level security would not apply to it"}},
	"too many connections": {func(f *fixture) {
		f.env["DATABASE_POOL_SIZE"] = "1000"
	}, []string{"FAIL", "a replica may open 1011 connections", "DATABASE_MAX_OVERFLOW"}},
	"an issuer at no host": {func(f *fixture) {
		f.env["GOOGLE_ISSUER_URL"] = "https://nowhere.invalid"
	}, []string{"FAIL", "users cannot sign in: discover https://nowhere.invalid: its host does not exist"}},
	"an unreachable Redis": {func(f *fixture) { f.redis.Kill() }, []string{"FAIL", "REDIS_URL cannot be used", "connection refused"}},
	"Redis without rights": {func(f *fixture) {
		u := "redis://narrow:word@" + f.redis.Address + "/0"
		redisCommand(f.t, f.redis.Address, "ACL", "SETUSER", "narrow", "on", ">word", "~codegenapp:*", "+@connection", "+mget")
		f.env["REDIS_URL"] = u
	}, []string{"FAIL", "REDIS_URL: the user lacks rights", "docs/operations/redis.md"}},
	"Redis without channels":  {func(f *fixture) { f.redisUser("resetchannels") }, []string{"warn", "live updates are slower", "channel", "docs/operations/redis.md"}},
	"Redis without PUBLISH":   {func(f *fixture) { f.redisUser("-publish") }, []string{"warn", "live updates are slower", "publish"}},
	"Redis without SUBSCRIBE": {func(f *fixture) { f.redisUser("-subscribe") }, []string{"warn", "live updates are slower", "subscribe"}},
	"Redis with all rights":   {func(f *fixture) { f.redisUser() }, []string{"rate limits and cache work"}},
	"a Redis that rejects writes when full": {func(f *fixture) {
		redisCommand(f.t, f.redis.Address, "CONFIG", "SET", "maxmemory", "100mb")
	}, []string{"warn", "noeviction", "allkeys-lru"}},
	"no Redis": {func(f *fixture) { delete(f.env, "REDIS_URL") }, []string{"warn", "each replica counts by itself", "SINGLE_REPLICA=true"}},
	"an issuer that responds with HTML": {func(f *fixture) {
		garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
		f.t.Cleanup(garbage.Close)
		f.env["GOOGLE_ISSUER_URL"] = garbage.URL
	}, []string{"FAIL", "users cannot sign in"}},
	"an unreachable issuer": {func(f *fixture) {
		f.env["GOOGLE_ISSUER_URL"] = "http://127.0.0.1:1"
	}, []string{"FAIL", "users cannot sign in", "connection refused"}},
	"an issuer whose clock is far off":        {func(f *fixture) { f.shiftGoogle(-time.Minute) }, []string{"FAIL", "its clock differs", "tokens are rejected", "NTP"}},
	"an issuer whose clock is somewhat ahead": {func(f *fixture) { f.shiftGoogle(10 * time.Second) }, []string{"warn", "its clock differs", "beyond 30s"}},
	"an issuer with a password": {func(f *fixture) {
		f.env["GOOGLE_ISSUER_URL"] = strings.Replace(f.issuer.URL, "://", "://me:canary-of-the-password@", 1)
	}, []string{"FAIL", "GOOGLE_ISSUER_URL contains a password"}},
	"an unreachable collector": {func(f *fixture) {
		f.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
	}, []string{"warn", "traces", "are lost", "connection refused"}},
	"a collector that rejects exports": {func(f *fixture) {
		other := httptest.NewServer(http.NotFoundHandler())
		f.t.Cleanup(other.Close)
		f.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = other.URL
	}, []string{"warn", "traces", "404 Not Found"}},
	"no client secret": {func(f *fixture) { delete(f.env, "GOOGLE_CLIENT_SECRET") }, []string{"warn", "without GOOGLE_CLIENT_SECRET"}},
	"a certificate that expires soon": {func(f *fixture) {
		files := testkit.NewCertificateFiles(f.t, testkit.NewCertificate(f.t, "soon"))
		f.env["TLS_CERT_FILE"], f.env["TLS_KEY_FILE"] = files.Cert, files.Key
	}, []string{"warn", "the certificate in TLS_CERT_FILE expires on", "replace the file"}},
	"a certificate that is not valid yet": {func(f *fixture) {
		files := testkit.NewCertificateFiles(f.t, testkit.NewCertificateFrom(f.t, "tomorrow", time.Now().AddDate(0, 0, 1)))
		f.env["TLS_CERT_FILE"], f.env["TLS_KEY_FILE"] = files.Cert, files.Key
	}, []string{"FAIL", "https", "is not valid before"}},
	"an expired certificate": {func(f *fixture) {
		files := testkit.NewCertificateFiles(f.t, testkit.NewCertificateFrom(f.t, "yesterday", time.Now().AddDate(0, 0, -1)))
		f.env["TLS_CERT_FILE"], f.env["TLS_KEY_FILE"] = files.Cert, files.Key
	}, []string{"FAIL", "https", "expired on"}},
	"a file that is not a certificate": {func(f *fixture) {
		files := testkit.NewCertificateFiles(f.t, testkit.Certificate{Cert: []byte("no"), Key: []byte("no")})
		f.env["TLS_CERT_FILE"], f.env["TLS_KEY_FILE"] = files.Cert, files.Key
	}, []string{"FAIL", "TLS_CERT_FILE"}},
}

func TestDoctor_ReportsWhatIsBrokenAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tc := range brokenServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tc.breakIt(f)
			report, err := f.report()
			if tc.want[0] == "FAIL" && !errors.Is(err, doctor.ErrFailed) {
				t.Errorf("the error is %v:\n%s", err, report)
			}
			for line := range strings.Lines(report) {
				missing := func(word string) bool { return !strings.Contains(line, word) }
				if !slices.ContainsFunc(tc.want, missing) {
					return
				}
			}
			t.Errorf("no line contains all of %q:\n%s", tc.want, report)
		})
	}
}

// shiftGoogle replaces the issuer by a proxy whose clock is off.
func (f *fixture) shiftGoogle(by time.Duration) {
	f.t.Helper()
	target, err := url.Parse(f.issuer.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	var shifted *httptest.Server
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(response *http.Response) error {
			body, err := io.ReadAll(response.Body)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, []byte(target.String()), []byte(shifted.URL))
			response.Body = io.NopCloser(bytes.NewReader(body))
			response.Header.Del("Content-Length")
			response.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	shifted = httptest.NewServer(proxy)
	f.t.Cleanup(shifted.Close)
	f.env["GOOGLE_ISSUER_URL"] = shifted.URL
}
