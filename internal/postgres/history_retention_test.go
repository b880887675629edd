package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// What is older than the retention is deleted, unless a baseline needs it, and states
// before it are expired.
func TestHistory_RetentionKeepsWhatBaselinesNeed(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	past := history.NewService(s.store, highLimits)
	super := connect(t, s.Super)
	count := func() int {
		return value[int](t, super, "SELECT count(*) FROM changes WHERE project_id = $1", s.live)
	}
	before := count()
	baseline, _ := history.ParseNewBaseline("1.0", "", new(int64(2)))
	named, err := past.CreateBaseline(t.Context(), s.actor, s.live, requirements.IdempotentRequest{}, baseline)
	if err != nil {
		t.Fatal(err)
	}
	if deleted, err := s.store.DeleteHistory(t.Context(), time.Now().Add(time.Hour)); err != nil || deleted != 0 {
		t.Fatalf("%d changes of the last day were deleted: %v", deleted, err)
	}
	mustExec(t, super, "UPDATE changes SET revised_at = revised_at - interval '3 days'")
	if _, err := s.store.DeleteHistory(t.Context(), time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left := count(); left >= before || left == 0 {
		t.Errorf("%d of %d changes are left", left, before)
	}
	if _, digest, err := past.Digest(t.Context(), s.actor, s.live, history.Point{Baseline: new("1.0")}); err != nil || digest != named.Value.Digest {
		t.Errorf("the baseline reads %s, %v", digest, err)
	}
	if _, err := past.SpecificationsAt(t.Context(), s.actor, s.live, history.Point{Revision: new(int64(1))}, requirements.ListQuery{}.Query); problem.CodeOf(err) != problem.HistoryExpired {
		t.Errorf("an older state: %v", err)
	}
	if err := past.DeleteBaseline(t.Context(), s.actor, named.Value.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.DeleteHistory(t.Context(), time.Now().Add(-48*time.Hour)); err != nil || count() != 0 {
		t.Errorf("%d changes are left without the baseline: %v", count(), err)
	}
}

// A secret that was pasted and removed is in no row any more once its history is erased.
func TestHistory_ErasedTextIsInNoTable(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	past := history.NewService(s.store, highLimits)
	super := connect(t, s.Super)
	const secret = "AKIA-7f3c-pasted-by-mistake"
	draft, _ := requirements.ParseNewItem("the key is "+secret, nil)
	parent, item, err := s.service.CreateItem(t.Context(), s.actor, s.spec, requirements.IdempotentRequest{Key: "k"}, requirements.Precondition{}, draft)
	if err != nil {
		t.Fatal(err)
	}
	patch, _ := requirements.ParseItemPatch(new("the key is in the vault"), nil)
	now, _, err := s.service.PatchItem(t.Context(), s.actor, item.Value.ID, requirements.Precondition{}, patch)
	if err != nil {
		t.Fatal(err)
	}
	found := func() (tables []string) {
		for _, tb := range readTables(t, super) {
			if value[int](t, super, "SELECT count(*) FROM "+tb.name+" AS r WHERE strpos(r::text, $1) > 0", secret) > 0 {
				tables = append(tables, tb.name)
			}
		}
		return tables
	}
	if got := strings.Join(found(), " "); got != "changes idempotency_keys" {
		t.Fatalf("before, the secret is in %s", got)
	}
	if err := past.EraseHistory(t.Context(), s.actor, s.spec, now.Version); err != nil {
		t.Fatal(err)
	}
	if got := found(); got != nil {
		t.Errorf("the secret is in %v", got)
	}
	if _, err := past.SpecificationAt(t.Context(), s.actor, s.spec, history.Point{Version: &parent.Version}); problem.CodeOf(err) != problem.HistoryExpired {
		t.Errorf("the erased version: %v", err)
	}
	if _, err := past.SpecificationAt(t.Context(), s.actor, s.spec, history.Point{Version: &now.Version}); err != nil {
		t.Errorf("the version itself: %v", err)
	}
	if n := value[int](t, super, "SELECT count(*) FROM audit_events WHERE action = 'history.deleted'"); n != 1 {
		t.Errorf("%d audit events", n)
	}
}
