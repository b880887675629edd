package e2e

import (
	"crypto/rand"
	"net/http"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// killableServer is a server with a proxy to its database, next to a healthy server.
type killableServer struct {
	t        *testing.T
	db       testkit.Database
	google   *testkit.Issuer
	proxy    *proxy
	env      []string
	killable *server
	ann      *testkit.Client // at the healthy server
	observer *pgx.Conn
}

func newKillableServer(t *testing.T) *killableServer {
	t.Helper()
	m := &killableServer{t: t, db: testkit.NewDatabase(t), google: testkit.NewIssuer(t)}
	way, byIt := newProxy(t, m.db.Service)
	way.open()
	m.proxy, m.env = way, serveEnv(byIt, m.google.URL, "DATABASE_EXEC_MODE=exec")
	lives := serve(t, serveEnv(m.db.Service, m.google.URL))
	m.ann = testkit.NewExternal(t, lives.URL, m.db, m.google).SignUp(t)
	m.killable = serve(t, m.env).waitReady()
	m.observer = connect(t, m.db.Super)
	return m
}

// revisions counts what the caller has written: a creation is one revision.
func (m *killableServer) revisions() (n int) {
	m.t.Helper()
	must(m.t, m.observer.QueryRow(m.t.Context(), `SELECT coalesce(sum(revision), 0) FROM project_revisions`).Scan(&n))
	return n
}

// post sends a creation with a key to the killable server, and returns the result.
func (m *killableServer) post(path, body, key string) <-chan result {
	ended := make(chan result, 1)
	go func() {
		a, err := trySend(m.t, http.MethodPost, m.killable.URL+path, m.ann.Token, body, "Idempotency-Key", key)
		ended <- result{a, err}
	}()
	return ended
}

type result struct {
	answer *response
	err    error
}

// waitForCommit waits until the saved response of the key is visible in the database, and
// with it the created row.
func (m *killableServer) waitForCommit(key string) {
	m.t.Helper()
	waitUntil(m.t, "the commit shows in the database", func() bool {
		var n int
		must(m.t, m.observer.QueryRow(m.t.Context(), "SELECT count(*) FROM idempotency_keys WHERE key = $1", key).Scan(&n))
		return n == 1
	})
}

// kill ends the process with SIGKILL.
func (m *killableServer) kill() {
	m.t.Helper()
	m.killable.signal(syscall.SIGKILL)
	m.killable.waitExit()
}

// restart starts a new process in place of the killed one.
func (m *killableServer) restart() {
	m.t.Helper()
	m.killable = serve(m.t, m.env).waitReady()
}

// repeat sends the creation again, to both servers, and fails unless both replay the
// first response, which was lost.
func (m *killableServer) repeat(path, body, key string) {
	m.t.Helper()
	here := m.ann.Post(path, body, "Idempotency-Key", key).Want(201)
	there := send(m.t, http.MethodPost, m.killable.URL+path, m.ann.Token, body, "Idempotency-Key", key).want(201)
	if here.Header.Get("Idempotency-Replayed") != "true" || there.Header.Get("Idempotency-Replayed") != "true" || string(here.Body) != there.Body {
		m.t.Errorf("the first answer is not replayed: %s, %s", here.Body, there.Body)
	}
	m.ann.Get(here.Header.Get("Location")).Want(200)
}

func TestIdempotency_LostResponseCreatesOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *killableServer, <-chan result){
		"since the process is killed": func(t *testing.T, m *killableServer, ended <-chan result) {
			t.Helper()
			m.kill()
			if got := <-ended; got.err == nil {
				t.Errorf("the killed server has answered %d: %s", got.answer.Status, got.answer.Body)
			}
			m.proxy.mute.Store(false)
			m.restart()
		},
		"since the database is cut off": func(t *testing.T, m *killableServer, ended <-chan result) {
			t.Helper()
			m.proxy.cut()
			got := <-ended
			must(t, got.err)
			if got.answer.want(503).code() != "unavailable" || got.answer.Header.Get("Retry-After") == "" {
				t.Errorf("the response does not ask to retry: %v %s", got.answer.Header, got.answer.Body)
			}
			m.proxy.mute.Store(false)
			m.proxy.open()
			m.killable.waitUntil("the API answers again", func() bool { return get(t, m.killable.URL+"/api/v1/projects", m.ann.Token).Status == 200 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newKillableServer(t)
			for what, creation := range races.Creations {
				for range testkit.Repetitions(1, 15) {
					path, body := creation(m.ann)
					before, key := m.revisions(), rand.Text()
					m.proxy.mute.Store(true)
					ended := m.post(path, body, key)
					m.waitForCommit(key)
					lose(t, m, ended)
					m.repeat(path, body, key)
					if after := m.revisions(); after != before+1 {
						t.Errorf("%s was created %d times", what, after-before)
					}
				}
			}
		})
	}
}

func TestIdempotency_KilledBeforeCommitCreatesNothing(t *testing.T) {
	t.Parallel()
	m := newKillableServer(t)
	for range testkit.Repetitions(1, 15) {
		before, key, body := m.revisions(), rand.Text(), `{"title": "x"}`
		release := lockTables(t, m.db)
		ended := m.post("/api/v1/projects", body, key)
		waitForBlocked(t, m.db)
		m.kill()
		release()
		if got := <-ended; got.err == nil {
			t.Errorf("the killed server has answered %d: %s", got.answer.Status, got.answer.Body)
		}
		m.restart()
		var made *testkit.Response
		waitUntil(t, "the database has noticed", func() bool { // until then the first request still runs
			made = m.ann.Post("/api/v1/projects", body, "Idempotency-Key", key)
			return made.Status != 409 && made.Status != 503
		})
		if made.Want(201).Header.Get("Idempotency-Replayed") != "" {
			t.Error("a response is replayed although the creation was rolled back")
		}
		m.repeat("/api/v1/projects", body, key)
		if after := m.revisions(); after != before+1 {
			t.Errorf("%d projects were created", after-before)
		}
	}
}
