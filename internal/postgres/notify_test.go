package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit/pgbouncer"
)

// notifications records the notifications that a replica receives.
type notifications struct {
	mu       sync.Mutex
	states   []bool
	payloads []string
	log      strings.Builder

	stop func()
}

// listen lets the store listen at a URL until the test ends.
func listen(t testing.TB, store *postgres.Store, url string) *notifications {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l, done := &notifications{}, make(chan struct{})
	go func() {
		defer close(done)
		store.Listen(ctx, url, slog.New(slog.NewTextHandler(l, nil)), l.setListening, l.receive)
	}()
	l.stop = sync.OnceFunc(func() {
		cancel()
		within(t, testTimeout, "stop listening", func() { <-done })
	})
	t.Cleanup(l.stop)
	return l
}

func (l *notifications) setListening(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, on)
}

func (l *notifications) receive(payload string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.payloads = append(l.payloads, payload)
}

// Write is that of its log.
func (l *notifications) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

// listens returns the last state, if there is one.
func (l *notifications) listens() (yes, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.states) == 0 {
		return false, false
	}
	return l.states[len(l.states)-1], true
}

func (l *notifications) awaitListening(t testing.TB, want bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("a listener reports that it listens: %t", want), func() bool { yes, known := l.listens(); return known && yes == want })
}

func (l *notifications) awaitPayload(t testing.TB, payload string) {
	t.Helper()
	eventually(t, "a listener receives "+payload, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Contains(l.payloads, payload)
	})
}

func (l *notifications) logged() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

func TestNotify_EveryReplicaReceivesEachPayload(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	other := w.open()
	first, second := listen(t, w.store, w.Service), listen(t, other, w.Service)
	first.awaitListening(t, true)
	second.awaitListening(t, true)
	for n, store := range []*postgres.Store{w.store, other, w.store} {
		for _, payload := range []string{fmt.Sprintf("user %d", n), "it's \"'; SELECT", strings.Repeat("x", 255)} {
			if err := store.Notify(t.Context(), payload); err != nil {
				t.Fatal(err)
			}
			first.awaitPayload(t, payload)
			second.awaitPayload(t, payload)
		}
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	if i := slices.IndexFunc(first.payloads, func(payload string) bool { return strings.HasPrefix(payload, "round trip") }); i >= 0 {
		t.Errorf("the test of another replica is passed on: %s", first.payloads[i])
	}
}

func TestNotify_ListenerReportsAKilledConnection(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	super := connect(t, w.Super)
	l := listen(t, w.store, w.Service)
	for range 3 {
		l.awaitListening(t, true)
		l.mu.Lock()
		l.states = nil
		l.mu.Unlock()
		if n := value[int](t, super, `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'codegenapp listener'`); n != 1 {
			t.Fatalf("%d listeners were killed", n)
		}
		l.awaitListening(t, true)
		l.mu.Lock()
		if !slices.Equal(l.states, []bool{false, true}) {
			t.Errorf("it reported %v", l.states)
		}
		l.mu.Unlock()
		if err := w.store.Notify(t.Context(), "after it"); err != nil {
			t.Fatal(err)
		}
		l.awaitPayload(t, "after it")
	}
	l.stop()
	if yes, _ := l.listens(); yes {
		t.Error("it has stopped, and reports that it listens")
	}
	eventually(t, "its connection is closed", func() bool {
		return value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp listener'") == 0
	})
}

func TestNotify_QuietConnectionKeepsListening(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	conn, received := connect(t, w.Service), ""
	mustExec(t, conn, "LISTEN codegenapp_changes")
	receive := func() {
		t.Helper()
		if err := postgres.ReceiveUntilQuiet(t.Context(), conn, 50*time.Millisecond, func(payload string) { received += payload }); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		receive()
	}
	if err := w.store.Notify(t.Context(), "after the quiet"); err != nil {
		t.Fatal(err)
	}
	if receive(); received != "after the quiet" {
		t.Errorf("received %q", received)
	}
}

func TestNotify_ReportsWhyNothingIsReceived(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		url  func(w *fixture) string
		says string
	}{
		"another database": {func(w *fixture) string { return inDatabase(t, w.Service, "postgres") }, "DATABASE_DIRECT_URL"},
		"no server":        {func(*fixture) string { return "postgres://codegenapp:secret-password@127.0.0.1:1/x" }, "refused"},
		"no URL":           {func(*fixture) string { return "postgres://%zz:secret-password@" }, "DATABASE_DIRECT_URL is not"},
		"a pooler":         {func(w *fixture) string { return pooler(t, w.Service, nil).URL }, "DATABASE_DIRECT_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			l := listen(t, w.store, tc.url(w))
			l.awaitListening(t, false)
			eventually(t, "it reports why", func() bool { return strings.Contains(l.logged(), tc.says) })
			time.Sleep(time.Second)
			l.stop()
			if slices.Contains(l.states, true) {
				t.Errorf("it reported that it listens: %v", l.states)
			}
			if log := l.logged(); strings.Contains(log, "secret-password") || strings.Count(log, "\n") > 2 {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

// pooler is a PgBouncer in transaction mode before a database.
func pooler(t testing.TB, database string, settings map[string]string) *pgbouncer.Server {
	t.Helper()
	s, err := pgbouncer.Start(t.Context(), database, settings)
	if errors.Is(err, pgbouncer.ErrNoProgram) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}
