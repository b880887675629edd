package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestPurge_DeletesOnlyWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newFixture(t, withPoolSize(2))
	ann, bob := newTenant(w), newTenant(w)
	super := connect(t, w.Super)
	tables := readTables(t, super)
	if _, err := super.Exec(t.Context(), "UPDATE projects SET deleted_at = now() - interval '31 days' WHERE id = $1", ann.trashed); err != nil {
		t.Fatal(err)
	}
	if _, err := super.Exec(t.Context(), "UPDATE specifications SET deleted_at = now() - interval '31 days' WHERE id = $1", ann.trashedSpec); err != nil {
		t.Fatal(err)
	}
	bobs := fingerprint(t, super, tables, bob.actor.User.String())
	live := value[int](t, super, "SELECT count(*) FROM projects WHERE owner_id = $1 AND NOT trashed", ann.actor.User)
	deleted, err := w.store.Purge(t.Context(), time.Now().AddDate(0, 0, -30))
	if err != nil || deleted != 2 {
		t.Errorf("deleted %d, %v; want 2", deleted, err)
	}
	for _, id := range [][16]byte{ann.trashed, ann.trashedSpec} {
		if slices.Contains(column[[16]byte](t, super, "SELECT id FROM projects UNION ALL SELECT id FROM specifications"), id) {
			t.Errorf("%x still exists", id)
		}
	}
	if got := value[int](t, super, "SELECT count(*) FROM projects WHERE owner_id = $1 AND NOT trashed", ann.actor.User); got != live {
		t.Errorf("of ann's %d live projects %d are left", live, got)
	}
	if diff := cmp.Diff(bobs, fingerprint(t, super, tables, bob.actor.User.String())); diff != "" {
		t.Errorf("bob's rows have changed:\n%s", diff)
	}
	if deleted, err := w.store.Purge(t.Context(), time.Now().AddDate(0, 0, -30)); err != nil || deleted != 0 {
		t.Errorf("a second purge deleted %d, %v", deleted, err)
	}
	ann.checkIdle()
}

func TestPurge_LockTimeoutIsFiveSeconds(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super := connect(t, s.Super)
	long := time.Now().AddDate(0, 0, -30)
	mustExec(t, super, "UPDATE projects SET deleted_at = now() - interval '31 days' WHERE trashed", "BEGIN", "SELECT FROM projects FOR UPDATE")
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*testTimeout)
	defer cancel()
	_, err := s.store.Purge(ctx, long)
	wantCode(t, "the purge", err, problem.Unavailable)
	if took := time.Since(began); took < 4500*time.Millisecond || took > testTimeout {
		t.Errorf("it waited %v, want 5 s", took)
	}
	mustExec(t, super, "ROLLBACK")
	if deleted, err := s.store.Purge(t.Context(), long); err != nil || deleted != 1 {
		t.Errorf("a second purge deleted %d, %v", deleted, err)
	}
	s.checkIdle()
}
