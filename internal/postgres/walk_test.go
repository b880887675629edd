package postgres_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// estate fills the stage with enough that a walk takes several pages of
// everything, and returns all ids.
func estate(s *stage) *shown {
	s.t.Helper()
	super := connect(s.t, s.Super)
	if _, err := super.Exec(s.t.Context(), `
INSERT INTO projects (id, owner_id, title, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), $1, 'p', now(), CURRENT_TIMESTAMP, CASE WHEN n % 5 = 0 THEN now() END FROM generate_series(1, 250) AS n`, s.actor.User); err != nil {
		s.t.Fatal(err)
	}
	if _, err := super.Exec(s.t.Context(), `
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at)
SELECT gen_random_uuid(), $1, $2, n + (SELECT max(number) FROM specifications WHERE project_id = $1), 't', 'c', now(), CURRENT_TIMESTAMP
FROM   generate_series(1, 35) AS n`, s.live, s.actor.User); err != nil {
		s.t.Fatal(err)
	}
	must(s.t, super, "UPDATE projects SET next_specification_number = 5000")
	all := newShown()
	for _, p := range column[[16]byte](s.t, super, "SELECT id FROM projects WHERE owner_id = $1", s.actor.User) {
		all.projects[p]++
	}
	for _, p := range column[[16]byte](s.t, super, "SELECT id FROM specifications WHERE owner_id = $1", s.actor.User) {
		all.specs[p]++
	}
	for _, p := range column[[16]byte](s.t, super, "SELECT id FROM bullet_items WHERE owner_id = $1", s.actor.User) {
		all.items[p]++
	}
	return all
}

func (v *shown) differs(other *shown) string {
	return cmp.Diff([]any{v.projects, v.specs, v.items}, []any{other.projects, other.specs, other.items})
}

func TestAnExportShowsEverythingOnceAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	newStage(s.world) // somebody else's
	for _, mode := range postgres.ExecModes() {
		want, got := estate(s), newShown()
		if err := s.over(func(c *postgres.Config) { c.ExecMode = mode }).outline.Export(t.Context(), s.actor, got); err != nil {
			t.Fatal(err)
		}
		if diff := want.differs(got); diff != "" {
			t.Errorf("exec mode %s (-want +got):\n%s", mode, diff)
		}
	}
	s.free()
}

func TestAnExportShowsOneMoment(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t, pooled(2)))
	want, got := estate(s), newShown()
	got.then = func() error {
		got.then = nil
		s.project(s.actor)
		s.specification()
		return errors.Join(s.outline.DeleteItem(t.Context(), s.actor, s.items[0], requirements.Precondition{}), s.restoreSpec(t.Context(), s.trashedSpec))
	}
	if err := s.outline.Export(t.Context(), s.actor, got); err != nil {
		t.Fatal(err)
	}
	if diff := want.differs(got); diff != "" {
		t.Errorf("what changes meanwhile shows (-want +got):\n%s", diff)
	}
}

func TestAnExportThatFailsShowsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *stage, p *proxy) error{
		"its connection is reset":     func(_ *stage, p *proxy) error { p.reset(); return nil },
		"its connection is cut":       func(_ *stage, p *proxy) error { p.stop(); p.restart(); return nil },
		"its connection is killed":    func(s *stage, _ *proxy) error { s.kill(); return nil },
		"an answer to it is lost":     func(_ *stage, p *proxy) error { p.feel(cutting); return nil },
		"whom it is shown has enough": func(*stage, *proxy) error { return errOnPurpose },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := proxied(t, 1)
			estate(s)
			got := newShown()
			got.then = func() error { got.then = nil; return spoil(s, p) }
			if err := s.outline.Export(t.Context(), s.actor, got); err == nil {
				t.Error("it went well")
			}
			for n := range maps.Values(got.projects) {
				if n > 1 {
					t.Fatal("a project is shown twice in one export")
				}
			}
			s.recovers("a read", reads["Project"])
		})
	}
}

func TestThePurgeRemovesWhatIsDueAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pooled(2))
	ann, bob := newStage(w), newStage(w)
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
	removed, err := w.store.Purge(t.Context(), time.Now().AddDate(0, 0, -30))
	if err != nil || removed != 2 {
		t.Errorf("removed %d, %v; want 2", removed, err)
	}
	for _, id := range [][16]byte{ann.trashed, ann.trashedSpec} {
		if slices.Contains(column[[16]byte](t, super, "SELECT id FROM projects UNION ALL SELECT id FROM specifications"), id) {
			t.Errorf("%x is still there", id)
		}
	}
	if got := value[int](t, super, "SELECT count(*) FROM projects WHERE owner_id = $1 AND NOT trashed", ann.actor.User); got != live {
		t.Errorf("of ann's %d live projects %d are left", live, got)
	}
	if diff := cmp.Diff(bobs, fingerprint(t, super, tables, bob.actor.User.String())); diff != "" {
		t.Errorf("what is bob's changed:\n%s", diff)
	}
	if removed, err := w.store.Purge(t.Context(), time.Now().AddDate(0, 0, -30)); err != nil || removed != 0 {
		t.Errorf("a second purge removed %d, %v", removed, err)
	}
	ann.free()
}

func TestAPurgeWaitsNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	super := connect(t, s.Super)
	long := time.Now().AddDate(0, 0, -30)
	must(t, super, "UPDATE projects SET deleted_at = now() - interval '31 days' WHERE trashed", "BEGIN", "SELECT FROM projects FOR UPDATE")
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	_, err := s.store.Purge(ctx, long)
	wantCode(t, "the purge", err, problem.Unavailable)
	if took := time.Since(began); took > 7*time.Second {
		t.Errorf("it waited %v, want 5 s", took)
	}
	must(t, super, "ROLLBACK")
	if removed, err := s.store.Purge(t.Context(), long); err != nil || removed != 1 {
		t.Errorf("a second purge removed %d, %v", removed, err)
	}
	s.free()
}
