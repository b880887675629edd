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

// mortal is a server by way of a proxy, and one that lives.
type mortal struct {
	t        *testing.T
	db       testkit.Database
	google   *testkit.Issuer
	way      *proxy
	env      []string
	dies     *server
	ann      *testkit.Client // at the one that lives
	observer *pgx.Conn
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	m := &mortal{t: t, db: testkit.NewDatabase(t), google: testkit.NewIssuer(t)}
	way, byIt := newProxy(t, m.db.Service)
	way.open()
	m.way, m.env = way, serveEnv(byIt, m.google.URL, "DATABASE_EXEC_MODE=exec")
	lives := serve(t, serveEnv(m.db.Service, m.google.URL))
	m.ann = testkit.NewExternal(t, lives.URL, m.db, m.google).SignUp(t)
	m.dies = serve(t, m.env).ready()
	m.observer = connect(t, m.db.Super)
	return m
}

// rows counts everything that the caller owns.
func (m *mortal) rows() (n int) {
	m.t.Helper()
	must(m.t, m.observer.QueryRow(m.t.Context(), `
SELECT (SELECT count(*) FROM projects) + (SELECT count(*) FROM specifications) + (SELECT count(*) FROM bullet_items)`).Scan(&n))
	return n
}

// post sends a creation with a key to the server that dies, and returns what
// becomes of it.
func (m *mortal) post(path, body, key string) <-chan result {
	ended := make(chan result, 1)
	go func() {
		a, err := try(m.t, http.MethodPost, m.dies.URL+path, m.ann.Token, body, "Idempotency-Key", key)
		ended <- result{a, err}
	}()
	return ended
}

type result struct {
	answer *answer
	err    error
}

// awaitCommit waits until the answer that is kept for the key shows, and what it
// answers with it.
func (m *mortal) awaitCommit(key string) {
	m.t.Helper()
	await(m.t, "the commit shows in the database", func() bool {
		var n int
		must(m.t, m.observer.QueryRow(m.t.Context(), "SELECT count(*) FROM idempotency_keys WHERE key = $1", key).Scan(&n))
		return n == 1
	})
}

// kill ends the process with no time for anything.
func (m *mortal) kill() {
	m.t.Helper()
	m.dies.signal(syscall.SIGKILL)
	m.dies.awaitEnd()
}

// revive starts another process in place of the killed one.
func (m *mortal) revive() {
	m.t.Helper()
	m.dies = serve(m.t, m.env).ready()
}

// repeat sends the creation again, here and there, and fails unless both are
// answered as the first time, whose answer nobody has seen.
func (m *mortal) repeat(path, body, key string) {
	m.t.Helper()
	here := m.ann.Post(path, body, "Idempotency-Key", key).Want(201)
	there := send(m.t, http.MethodPost, m.dies.URL+path, m.ann.Token, body, "Idempotency-Key", key).want(201)
	if here.Header.Get("Idempotency-Replayed") != "true" || there.Header.Get("Idempotency-Replayed") != "true" || string(here.Body) != there.Body {
		m.t.Errorf("the first answer is not replayed: %s, %s", here.Body, there.Body)
	}
	m.ann.Get(here.Header.Get("Location")).Want(200)
}

func TestACreationWhoseAnswerIsLostHappensOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *mortal, <-chan result){
		"since the process is killed": func(t *testing.T, m *mortal, ended <-chan result) {
			t.Helper()
			m.kill()
			if got := <-ended; got.err == nil {
				t.Errorf("the killed server has answered %d: %s", got.answer.Status, got.answer.Body)
			}
			m.way.mute.Store(false)
			m.revive()
		},
		"since the database is cut off": func(t *testing.T, m *mortal, ended <-chan result) {
			t.Helper()
			m.way.cut()
			got := <-ended
			must(t, got.err)
			if got.answer.want(503).code() != "unavailable" || got.answer.Header.Get("Retry-After") == "" {
				t.Errorf("the caller is not told to repeat: %v %s", got.answer.Header, got.answer.Body)
			}
			m.way.mute.Store(false)
			m.way.open()
			m.dies.await("the API answers again", func() bool { return get(t, m.dies.URL+"/api/v1/projects", m.ann.Token).Status == 200 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMortal(t)
			for what, creation := range races.Creations {
				for range testkit.Repetitions(1, 15) {
					path, body := creation(m.ann)
					before, key := m.rows(), rand.Text()
					m.way.mute.Store(true)
					ended := m.post(path, body, key)
					m.awaitCommit(key)
					lose(t, m, ended)
					m.repeat(path, body, key)
					if after := m.rows(); after != before+1 {
						t.Errorf("%s was made %d times", what, after-before)
					}
				}
			}
		})
	}
}

func TestACreationWhoseServerIsKilledBeforeTheCommitHasNotHappened(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	for range testkit.Repetitions(1, 15) {
		before, key, body := m.rows(), rand.Text(), `{"title": "x"}`
		release := hold(t, m.db)
		ended := m.post("/api/v1/projects", body, key)
		awaitWaiter(t, m.db)
		m.kill()
		release()
		if got := <-ended; got.err == nil {
			t.Errorf("the killed server has answered %d: %s", got.answer.Status, got.answer.Body)
		}
		m.revive()
		var made *testkit.Response
		await(t, "the database has noticed", func() bool { // until then the first request still runs
			made = m.ann.Post("/api/v1/projects", body, "Idempotency-Key", key)
			return made.Status != 409 && made.Status != 503
		})
		if made.Want(201).Header.Get("Idempotency-Replayed") != "" {
			t.Error("what has not happened is replayed")
		}
		m.repeat("/api/v1/projects", body, key)
		if after := m.rows(); after != before+1 {
			t.Errorf("%d were made", after-before)
		}
	}
}
