package server_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// patient is a server's settings and surroundings, to be broken.
type patient struct {
	t     *testing.T
	world world
	redis *redisserver.Server
	env   map[string]string
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{t: t, world: newWorld(t)}
	var err error
	if p.redis, err = redisserver.Start(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.redis.Stop)
	p.env = map[string]string{
		"APP_ENV": "development", "HTTP_ADDR": "127.0.0.1:0", "DATABASE_URL": p.world.db.Service, "REDIS_URL": p.redis.URL(),
		"SECRET_KEY": oneKey, "JWT_SECRET_KEY": anotherKey,
		"GOOGLE_CLIENT_ID": testkit.ClientID, "GOOGLE_CLIENT_SECRET": "canary-of-the-client", "GOOGLE_ISSUER_URL": p.world.google.URL,
	}
	return p
}

// sql runs statements as the superuser of the patient's database.
func (p *patient) sql(statements ...string) {
	p.t.Helper()
	ctx := context.WithoutCancel(p.t.Context()) // also while the test cleans up
	conn, err := pgx.Connect(ctx, p.world.db.Super)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			p.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// database changes the URL of the database.
func (p *patient) database(change func(*url.URL)) {
	p.t.Helper()
	u, err := url.Parse(p.world.db.Service)
	if err != nil {
		p.t.Fatal(err)
	}
	change(u)
	p.env["DATABASE_URL"] = u.String()
}

// examined is what the doctor says.
func (p *patient) examined() (string, error) {
	p.t.Helper()
	var environ []string
	for name, value := range p.env {
		environ = append(environ, name+"="+value)
	}
	s, _ := server.Load(environ, "") // the doctor repeats what it says
	var out bytes.Buffer
	began := time.Now()
	err := server.Doctor(p.t.Context(), s, &out)
	if took := time.Since(began); took > 15*time.Second {
		p.t.Errorf("it took %s", took)
	}
	for _, secret := range []string{oneKey, anotherKey, "canary-of-the-client", "canary-of-the-password"} {
		if strings.Contains(out.String(), secret) {
			p.t.Errorf("it tells a secret:\n%s", &out)
		}
	}
	return out.String(), err
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

func TestTheDoctorHasNothingToSayAgainstAHealthyServer(t *testing.T) {
	t.Parallel()
	said, err := newPatient(t).examined()
	if err != nil || strings.Contains(said, "FAIL") {
		t.Errorf("%v:\n%s", err, said)
	}
	for _, what := range []string{"settings ", "https ", "address ", "database ", "role ", "schema ", "announcements ", "redis ", "google "} {
		if !strings.Contains(said, what) {
			t.Errorf("it says nothing of %s:\n%s", what, said)
		}
	}
}

// ailments are ways to break a server, and what the doctor has to say of them: FAIL
// or warn, and in the same line all the words.
var ailments = map[string]struct {
	befall func(*patient)
	said   []string
}{
	"no key":             {func(p *patient) { delete(p.env, "SECRET_KEY") }, []string{"FAIL", "SECRET_KEY is needed", "openssl rand"}},
	"a number amiss":     {func(p *patient) { p.env["DATABASE_POOL_SIZE"] = "0" }, []string{"FAIL", "DATABASE_POOL_SIZE is not between"}},
	"HTTPS out of reach": {func(p *patient) { p.env["REQUIRE_HTTPS"] = "true" }, []string{"FAIL", "every request would be refused", "TRUSTED_PROXIES"}},
	"a port that is taken": {func(p *patient) {
		l, err := (&net.ListenConfig{}).Listen(p.t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = l.Close() })
		p.env["HTTP_ADDR"] = l.Addr().String()
	}, []string{"FAIL", "address already in use"}},
	"no database there": {func(p *patient) {
		p.database(func(u *url.URL) { u.Host = "127.0.0.1:1" })
	}, []string{"FAIL", "DATABASE_URL cannot be reached", "connection refused"}},
	"no such host": {func(p *patient) {
		p.database(func(u *url.URL) { u.Host = "nowhere.invalid:5432" })
	}, []string{"FAIL", "there is no host nowhere.invalid"}},
	"another password": {func(p *patient) {
		p.database(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "canary-of-the-password") })
	}, []string{"FAIL", "refuses the user or the password"}},
	"no such database": {func(p *patient) {
		p.database(func(u *url.URL) { u.Path = "/nothing" })
	}, []string{"FAIL", "no such database"}},
	"an old schema": {func(p *patient) {
		p.sql("UPDATE goose_db_version SET version_id = -version_id WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
		// The database is lent to others next.
		p.t.Cleanup(func() { p.sql("UPDATE goose_db_version SET version_id = -version_id WHERE version_id < 0") })
	}, []string{"FAIL", "schema", "codegenapp migrate up"}},
	"a table without a wall": {func(p *patient) {
		p.sql("ALTER TABLE projects NO FORCE ROW LEVEL SECURITY")
		p.t.Cleanup(func() { p.sql("ALTER TABLE projects FORCE ROW LEVEL SECURITY") })
	}, []string{"FAIL", "not enabled and forced on projects", "FORCE ROW LEVEL SECURITY"}},
	"the owner as the service": {func(p *patient) {
		p.env["DATABASE_URL"] = p.world.db.Owner
	}, []string{"warn", "role", "row-level security would not confine it"}},
	"more connections than there are": {func(p *patient) {
		p.env["DATABASE_POOL_SIZE"] = "1000"
	}, []string{"FAIL", "a replica may open 1011 connections", "DATABASE_MAX_OVERFLOW"}},
	"Redis away": {func(p *patient) { p.redis.Kill() }, []string{"FAIL", "REDIS_URL cannot be used", "connection refused"}},
	"Redis without rights": {func(p *patient) {
		u := "redis://narrow:word@" + p.redis.Address + "/0"
		redisCommand(p.t, p.redis.Address, "ACL", "SETUSER", "narrow", "on", ">word", "~codegenapp:*", "+@connection", "+mget")
		p.env["REDIS_URL"] = u
	}, []string{"FAIL", "REDIS_URL lacks rights", "docs/operations/redis.md"}},
	"Redis that refuses when full": {func(p *patient) {
		redisCommand(p.t, p.redis.Address, "CONFIG", "SET", "maxmemory", "100mb")
	}, []string{"warn", "noeviction", "allkeys-lru"}},
	"no Redis": {func(p *patient) { delete(p.env, "REDIS_URL") }, []string{"warn", "each replica counts by itself", "SINGLE_REPLICA=true"}},
	"an issuer that talks nonsense": {func(p *patient) {
		garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
		p.t.Cleanup(garbage.Close)
		p.env["GOOGLE_ISSUER_URL"] = garbage.URL
	}, []string{"FAIL", "nobody could sign in"}},
	"an issuer that is away": {func(p *patient) {
		p.env["GOOGLE_ISSUER_URL"] = "http://127.0.0.1:1"
	}, []string{"FAIL", "nobody could sign in", "connection refused"}},
	"an issuer of another time": {func(p *patient) { p.shiftGoogle(-time.Minute) }, []string{"FAIL", "its clock is ", "tokens are refused", "NTP"}},
	"an issuer somewhat ahead":  {func(p *patient) { p.shiftGoogle(10 * time.Second) }, []string{"warn", "its clock is", "from 30s on"}},
	"an issuer with a password": {func(p *patient) {
		p.env["GOOGLE_ISSUER_URL"] = strings.Replace(p.world.google.URL, "://", "://me:canary-of-the-password@", 1)
	}, []string{"FAIL", "GOOGLE_ISSUER_URL holds a password"}},
	"a collector that is away": {func(p *patient) {
		p.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
	}, []string{"warn", "traces", "are lost", "connection refused"}},
	"a collector that takes nothing": {func(p *patient) {
		other := httptest.NewServer(http.NotFoundHandler())
		p.t.Cleanup(other.Close)
		p.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = other.URL
	}, []string{"warn", "traces", "the collector answered 404"}},
	"an end without codes": {func(p *patient) { delete(p.env, "GOOGLE_CLIENT_SECRET") }, []string{"warn", "without GOOGLE_CLIENT_SECRET"}},
	"a certificate that ends soon": {func(p *patient) {
		f := newPairFiles(p.t, newPair(p.t, "soon"))
		p.env["TLS_CERT_FILE"], p.env["TLS_KEY_FILE"] = f.cert, f.key
	}, []string{"warn", "the certificate in TLS_CERT_FILE ends on", "put a new one there"}},
	"a certificate of tomorrow": {func(p *patient) {
		f := newPairFiles(p.t, newPairFrom(p.t, "tomorrow", time.Now().AddDate(0, 0, 1)))
		p.env["TLS_CERT_FILE"], p.env["TLS_KEY_FILE"] = f.cert, f.key
	}, []string{"FAIL", "https", "is good from"}},
	"a certificate that has ended": {func(p *patient) {
		f := newPairFiles(p.t, newPairFrom(p.t, "yesterday", time.Now().AddDate(0, 0, -1)))
		p.env["TLS_CERT_FILE"], p.env["TLS_KEY_FILE"] = f.cert, f.key
	}, []string{"FAIL", "https", "has ended on"}},
	"a certificate that is none": {func(p *patient) {
		f := newPairFiles(p.t, pair{[]byte("no"), []byte("no")})
		p.env["TLS_CERT_FILE"], p.env["TLS_KEY_FILE"] = f.cert, f.key
	}, []string{"FAIL", "TLS_CERT_FILE"}},
}

func TestTheDoctorNamesWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, ailment := range ailments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			ailment.befall(p)
			said, err := p.examined()
			if ailment.said[0] == "FAIL" && !errors.Is(err, server.ErrUnwell) {
				t.Errorf("the doctor returns %v:\n%s", err, said)
			}
			for line := range strings.Lines(said) {
				all := true
				for _, word := range ailment.said {
					all = all && strings.Contains(line, word)
				}
				if all {
					return
				}
			}
			t.Errorf("no line has all of %q:\n%s", ailment.said, said)
		})
	}
}
