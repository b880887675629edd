package postgres_test

import (
	"context"
	"fmt"
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

func TestDeleteAuditEvents_KeepsTheRetention(t *testing.T) {
	t.Parallel()
	w := newFixture(t, withPoolSize(2))
	super := connect(t, w.Super)
	insert := func(name string, actor any, days int) {
		mustExec(t, super, fmt.Sprintf(`INSERT INTO audit_events (id, at, actor_id, action, resource_type, ip, user_agent, request_id)
			VALUES (gen_random_uuid(), now() - interval '%d days', %s, 'session.created', 'session', '', '', '%s')`, days, actor, name))
	}
	mustExec(t, super, "DELETE FROM audit_events")
	for _, days := range []int{0, 29, 31, 364, 366} {
		insert(fmt.Sprint("known ", days), "gen_random_uuid()", days)
		insert(fmt.Sprint("anonymous ", days), "NULL", days)
	}
	left := func() []string {
		return column[string](t, super, "SELECT request_id FROM audit_events ORDER BY request_id COLLATE \"C\"")
	}
	purge := func(before *time.Time, want int64) {
		t.Helper()
		if deleted, err := w.store.DeleteAuditEvents(t.Context(), before); err != nil || deleted != want {
			t.Errorf("deleted %d, %v; want %d", deleted, err, want)
		}
	}
	purge(nil, 3)
	if diff := cmp.Diff([]string{"anonymous 0", "anonymous 29", "known 0", "known 29", "known 31", "known 364", "known 366"}, left()); diff != "" {
		t.Errorf("without a retention of users' events (-want +got):\n%s", diff)
	}
	purge(new(time.Now().AddDate(0, 0, -365)), 1)
	// The service's role deletes no event that is younger than 30 days.
	purge(new(time.Now().AddDate(1, 0, 0)), 2)
	if diff := cmp.Diff([]string{"anonymous 0", "anonymous 29", "known 0", "known 29"}, left()); diff != "" {
		t.Errorf("with a time in the future (-want +got):\n%s", diff)
	}
	purge(new(time.Now()), 0)
}

// The service's clock decides whether an ID token is accepted, and that of the database
// when its use is forgotten.
func TestDeleteExpired_KeepsUsedIDTokensForAnotherDay(t *testing.T) {
	t.Parallel()
	w := newFixture(t, withPoolSize(2))
	super := connect(t, w.Super)
	mustExec(t, super, "INSERT INTO used_id_tokens (hash, expires_at) VALUES ('recent', now() - interval '23 hours'), ('old', now() - interval '25 hours')")
	if deleted, err := w.store.DeleteExpired(t.Context()); err != nil || deleted != 1 {
		t.Errorf("deleted %d, %v; want 1", deleted, err)
	}
	if diff := cmp.Diff([]string{"recent"}, column[string](t, super, "SELECT encode(hash, 'escape') FROM used_id_tokens")); diff != "" {
		t.Errorf("used tokens (-want +got):\n%s", diff)
	}
}
