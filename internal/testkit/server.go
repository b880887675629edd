package testkit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
)

const (
	// ClientID is the OAuth client that the test issuer signs in for.
	ClientID     = "codegenapp-test"
	clientSecret = "test-client-secret"
	// Project is the Google Cloud project whose user store signs in too.
	Project = "codegenapp-project"
	// Callback is where the issuer sends browsers that come from a server, on
	// whatever port that listens.
	Callback = "/api/v1/auth/google/callback"
)

// Server is the whole server over a database of the test, on loopback, with a sign-in
// issuer.
type Server struct {
	URL      string
	Database Database
	Issuer   *Issuer
	// Stop stops it before the end of the test.
	Stop func()
	// Handler is the server's handler, without the listener.
	Handler http.Handler

	contract *contract
	users    *atomic.Int64
	log      *cacheLog
	// singleReplica is true if no other server may run over the same database.
	singleReplica bool
	// redis is the URL of the Redis that replicas share.
	redis server.Secret
}

// Start starts a server, the only one over its database. Change may alter its
// settings first.
func Start(t testing.TB, change ...func(*server.Settings)) *Server {
	t.Helper()
	alone := func(s *server.Settings) { s.SingleReplica = s.RedisURL == "" }
	return StartOn(t, NewDatabase(t), NewIssuer(t), append(change, alone)...)
}

// StartShared starts the first of several servers over one database and one Redis. Change
// may alter its settings first, including the Redis.
func StartShared(t testing.TB, change ...func(*server.Settings)) *Server {
	t.Helper()
	shared := withRedis(server.Secret(NewRedis(t)))
	return StartOn(t, NewDatabase(t), NewIssuer(t), slices.Insert(change, 0, shared)...)
}

// withRedis makes a server use a Redis, with a timeout for a busy machine.
func withRedis(redis server.Secret) func(*server.Settings) {
	return func(s *server.Settings) {
		s.RedisURL, s.RedisTimeout = redis, testRedisTimeout
		s.CacheQuietPeriod, s.CacheDetachedPeriod = testQuietPeriod, testQuietPeriod
	}
}

// testQuietPeriod lets responses be cached soon; it is too short where marks of writes
// get lost. testRedisTimeout is enough for a busy machine.
const (
	testQuietPeriod  = 20 * time.Millisecond
	testRedisTimeout = 5 * time.Second
)

// Replica starts another server over the same database and issuer.
func (s *Server) Replica(t testing.TB, change ...func(*server.Settings)) *Server {
	t.Helper()
	if s.singleReplica {
		t.Fatal("this server was started as a single replica; use StartShared")
	}
	r := StartOn(t, s.Database, s.Issuer, slices.Insert(change, 0, withRedis(s.redis))...)
	r.users = s.users
	return r
}

// StartOn starts a server over a given database and issuer.
func StartOn(t testing.TB, db Database, google *Issuer, change ...func(*server.Settings)) *Server {
	t.Helper()
	return start(t, db, google, testLog(t), change)
}

// StartLogging starts a server, the only one over its database, that logs to w.
func StartLogging(t testing.TB, w io.Writer, change ...func(*server.Settings)) *Server {
	t.Helper()
	return start(t, NewDatabase(t), NewIssuer(t), io.MultiWriter(w, testLog(t)), change)
}

func start(t testing.TB, db Database, google *Issuer, to io.Writer, change []func(*server.Settings)) *Server {
	t.Helper()
	settings, err := server.Load([]string{
		"APP_ENV=development", "LOG_LEVEL=DEBUG", "LOG_FORMAT=text",
		"DATABASE_URL=" + db.Service, "MIGRATION_DATABASE_URL=" + db.Owner,
		"SECRET_KEY=the-tests-secret-key-of-32-bytes-or-more", "JWT_SECRET_KEY=the-tests-jwt-secret-of-32-bytes-or-more",
		"GOOGLE_CLIENT_ID=" + ClientID, "GOOGLE_CLIENT_SECRET=" + clientSecret, "GOOGLE_ISSUER_URL=" + google.URL,
		"GOOGLE_CLOUD_PROJECT=" + Project,
		"CACHE_TTL=60",            // a busy machine takes longer than ten seconds
		"RATELIMIT_ENABLED=false", // tests of rate limits turn them on
	}, "")
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	settings.GoogleUserStore = google.URL + userStorePath
	for _, c := range change {
		c(settings)
	}
	if err := settings.ForServe(); err != nil {
		t.Fatalf("settings: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	log := &cacheLog{Writer: to, hits: map[string]bool{}}
	a, err := server.New(ctx, settings, server.Logger(settings, log))
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	listener, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Serve(ctx, listener); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	end := sync.OnceFunc(func() {
		stop()
		running.Wait()
		a.Close()
	})
	t.Cleanup(end)
	s := NewExternal(t, "http://"+listener.Addr().String(), db, google)
	if settings.RedisTimeout == testRedisTimeout {
		s.waitFor200(t, "/health/redis")
	}
	s.Handler, s.Stop, s.log, s.singleReplica, s.redis = a.Handler(), end, log, settings.SingleReplica, settings.RedisURL
	return s
}

// NewExternal is a server in another process, over a database and with an issuer of
// testkit.
func NewExternal(t testing.TB, url string, db Database, google *Issuer) *Server {
	t.Helper()
	s := &Server{URL: url, Database: db, Issuer: google, contract: loadContract(t), users: &atomic.Int64{}}
	s.waitFor200(t, "/health/ready")
	return s
}

// waitFor200 repeats a request until its status is 200.
func (s *Server) waitFor200(t testing.TB, path string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		answer, err := http.Get(s.URL + path)
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s: the status is not 200 after a minute", path)
}

// testLog collects a server's log, and shows it at the end of a failed test. t.Output
// would print the logs of all tests under -v and -json.
func testLog(t testing.TB) io.Writer {
	t.Helper()
	log := &logBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of a server:\n%s", log.text())
		}
	})
	return log
}

// Issuer is an OpenID Connect issuer on loopback that stands in for Google.
type Issuer struct {
	*issuer.Issuer
	URL string
	// UserStore stands in for Identity Platform, at the same address.
	UserStore *issuer.Issuer
	// Wrap, if set, wraps the issuer's handler: to make it slow, wrong or unavailable.
	Wrap atomic.Pointer[func(http.Handler) http.Handler]
}

const userStorePath = "/user-store"

// NewIssuer starts an issuer.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var h http.Handler = i.Issuer
		if strings.HasPrefix(r.URL.Path, userStorePath+"/") {
			h = i.UserStore
		}
		if wrap := i.Wrap.Load(); wrap != nil {
			h = (*wrap)(h)
		}
		h.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	i.URL = "http://" + server.Listener.Addr().(*net.TCPAddr).String()
	users := []issuer.User{{Email: "ann@example.com", Name: "Ann"}}
	issuerKey, userStoreKey := signingKeys(t)
	var err error
	i.Issuer, err = issuer.New(issuer.Config{
		URL: i.URL,
		Clients: []issuer.Client{{ID: ClientID, Secret: clientSecret, RedirectURIs: []string{
			"http://127.0.0.1/callback", "http://127.0.0.1" + Callback, "https://127.0.0.1" + Callback, "http://127.0.0.1/requirements" + Callback, "https://elsewhere.example.com/callback",
		}}},
		Users: users, Key: issuerKey,
	})
	if err != nil {
		t.Fatalf("start the issuer: %v", err)
	}
	i.UserStore, err = issuer.New(issuer.Config{URL: i.URL + userStorePath, Project: Project, Users: users, Key: userStoreKey})
	if err != nil {
		t.Fatalf("start the user store: %v", err)
	}
	server.Start()
	t.Cleanup(server.Close)
	return i
}

// IDToken returns an ID token with the claims.
func (s *Server) IDToken(t testing.TB, c issuer.Claims) string {
	t.Helper()
	token, err := s.Issuer.IDToken(c)
	if err != nil {
		t.Fatalf("make an ID token: %v", err)
	}
	return token
}

// SignUp signs in a new user.
func (s *Server) SignUp(t testing.TB) *Client {
	t.Helper()
	return s.SignIn(t, fmt.Sprintf("user-%d@example.com", s.users.Add(1)))
}

// SignIn signs in the user with this e-mail address.
func (s *Server) SignIn(t testing.TB, email string) *Client {
	t.Helper()
	anonymous := s.Anonymous(t)
	var grant struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		SessionID    string `json:"session_id"`
		User         struct{ ID string }
	}
	anonymous.Post("/api/v1/auth/login", map[string]any{"id_token": s.IDToken(t, issuer.Claims{Email: email})}).Want(200).Decode(&grant)
	return &Client{t: t, server: s, Token: grant.AccessToken, RefreshToken: grant.RefreshToken, Session: grant.SessionID, User: grant.User.ID}
}

// Anonymous is a client without a token.
func (s *Server) Anonymous(t testing.TB) *Client {
	t.Helper()
	return &Client{t: t, server: s}
}
