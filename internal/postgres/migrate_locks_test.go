package postgres_test

import (
	"fmt"
	"testing"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// A migration of the history waits for a table in use in short intervals, up and down. So
// a writer behind it does not wait for a long transaction as well.
func TestMigrate_HistoryYieldsToTransactions(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	m := migrator(t, db.Owner)
	up(t, m, db)
	watcher, holder, writer := connect(t, db.Super), connect(t, db.Super), connect(t, db.Super)
	held := func(what string, migrate func() error) {
		t.Helper()
		mustExec(t, holder, "BEGIN", "LOCK TABLE projects IN ROW EXCLUSIVE MODE")
		ended := make(chan error, 1)
		go func() { ended <- migrate() }()
		eventually(t, what+" waits for projects", func() bool {
			return value[bool](t, watcher, "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'projects'::regclass AND NOT granted)")
		})
		// The service's own limit is a second.
		mustExec(t, writer, "BEGIN", "SET LOCAL lock_timeout = '900ms'", "LOCK TABLE projects IN ROW EXCLUSIVE MODE", "COMMIT")
		mustExec(t, holder, "COMMIT")
		within(t, testTimeout, what, func() {
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	for _, number := range []int{12, 11} { // those that touch a table of the release before
		down(t, m, len(files(t))-number)
		held(fmt.Sprintf("%d down", number), func() error { _, err := m.Down(t.Context()); return err })
		held(fmt.Sprintf("%d up", number), func() error { _, err := m.Up(t.Context(), db.Service); return err })
	}
}

// down rolls some migrations back.
func down(t *testing.T, m *postgres.Migrator, count int) {
	t.Helper()
	for range count {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
