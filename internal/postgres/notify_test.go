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

// ear is what a replica hears.
type ear struct {
	mu    sync.Mutex
	said  []bool
	words []string
	log   strings.Builder

	stop func()
}

// listen lets the store listen at a URL until the test ends.
func listen(t testing.TB, store *postgres.Store, url string) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l, done := &ear{}, make(chan struct{})
	go func() {
		defer close(done)
		store.Listen(ctx, url, slog.New(slog.NewTextHandler(l, nil)), l.listening, l.heard)
	}()
	l.stop = sync.OnceFunc(func() {
		cancel()
		within(t, soon, "stop listening", func() { <-done })
	})
	t.Cleanup(l.stop)
	return l
}

func (l *ear) listening(heard bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, heard)
}

func (l *ear) heard(word string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.words = append(l.words, word)
}

// Write is that of its log.
func (l *ear) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

// hears is what was said last of whether anything is heard.
func (l *ear) hears() (yes, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.said) == 0 {
		return false, false
	}
	return l.said[len(l.said)-1], true
}

func (l *ear) awaitHearing(t testing.TB, want bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("a listener says that it hears: %t", want), func() bool { yes, known := l.hears(); return known && yes == want })
}

func (l *ear) awaitWord(t testing.TB, word string) {
	t.Helper()
	eventually(t, "a listener hears "+word, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Contains(l.words, word)
	})
}

func (l *ear) logged() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

func TestReplicasHearWhatEachAnnounces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.open()
	first, second := listen(t, w.store, w.Service), listen(t, other, w.Service)
	first.awaitHearing(t, true)
	second.awaitHearing(t, true)
	for n, store := range []*postgres.Store{w.store, other, w.store} {
		for _, word := range []string{fmt.Sprintf("user %d", n), "it's \"'; SELECT", strings.Repeat("x", 255)} {
			if err := store.Announce(t.Context(), word); err != nil {
				t.Fatal(err)
			}
			first.awaitWord(t, word)
			second.awaitWord(t, word)
		}
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	if i := slices.IndexFunc(first.words, func(word string) bool { return strings.HasPrefix(word, "echo") }); i >= 0 {
		t.Errorf("another replica's echo is passed on: %s", first.words[i])
	}
}

func TestAListenerWhoseConnectionIsKilledSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	super := connect(t, w.Super)
	l := listen(t, w.store, w.Service)
	for range 3 {
		l.awaitHearing(t, true)
		l.mu.Lock()
		l.said = nil
		l.mu.Unlock()
		if n := value[int](t, super, `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'codegenapp listener'`); n != 1 {
			t.Fatalf("%d listeners were killed", n)
		}
		l.awaitHearing(t, true)
		l.mu.Lock()
		if !slices.Equal(l.said, []bool{false, true}) {
			t.Errorf("it said %v", l.said)
		}
		l.mu.Unlock()
		if err := w.store.Announce(t.Context(), "after it"); err != nil {
			t.Fatal(err)
		}
		l.awaitWord(t, "after it")
	}
	l.stop()
	if yes, _ := l.hears(); yes {
		t.Error("it does not listen any more, and says that it does")
	}
	eventually(t, "its connection is closed", func() bool {
		return value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp listener'") == 0
	})
}

func TestAQuietConnectionGoesOnHearing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, heard := connect(t, w.Service), ""
	must(t, conn, "LISTEN codegenapp_changes")
	hear := func() {
		t.Helper()
		if err := postgres.HearFor(t.Context(), conn, 50*time.Millisecond, func(word string) { heard += word }); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		hear()
	}
	if err := w.store.Announce(t.Context(), "after the quiet"); err != nil {
		t.Fatal(err)
	}
	if hear(); heard != "after the quiet" {
		t.Errorf("heard %q", heard)
	}
}

func TestWhereNothingCanBeHeardNobodySaysOtherwise(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		url  func(w *world) string
		says string
	}{
		"another database": {func(w *world) string { return inDatabase(t, w.Service, "postgres") }, "DATABASE_DIRECT_URL"},
		"nobody there":     {func(*world) string { return "postgres://codegenapp:secret-password@127.0.0.1:1/x" }, "refused"},
		"no URL":           {func(*world) string { return "postgres://%zz:secret-password@" }, "DATABASE_DIRECT_URL is not"},
		"a pooler":         {func(w *world) string { return pooler(t, w.Service, nil).URL }, "DATABASE_DIRECT_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := listen(t, w.store, tc.url(w))
			l.awaitHearing(t, false)
			eventually(t, "it says why", func() bool { return strings.Contains(l.logged(), tc.says) })
			time.Sleep(time.Second)
			l.stop()
			if slices.Contains(l.said, true) {
				t.Errorf("it said that it hears: %v", l.said)
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
