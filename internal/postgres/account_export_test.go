package postgres_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// fillForExport creates enough for several pages of everything, and returns all ids.
func fillForExport(s *tenant) *recordingVisitor {
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
	mustExec(s.t, super, "UPDATE projects SET next_specification_number = 5000")
	all := newRecordingVisitor()
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

func (v *recordingVisitor) differs(other *recordingVisitor) string {
	return cmp.Diff([]any{v.projects, v.specs, v.items}, []any{other.projects, other.specs, other.items})
}

func TestExport_VisitsEverythingOnce(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	newTenant(s.fixture) // of another user
	for _, mode := range postgres.ExecModes() {
		want, got := fillForExport(s), newRecordingVisitor()
		if err := s.over(func(c *postgres.Config) { c.ExecMode = mode }).service.Export(t.Context(), s.actor, got); err != nil {
			t.Fatal(err)
		}
		if diff := want.differs(got); diff != "" {
			t.Errorf("exec mode %s (-want +got):\n%s", mode, diff)
		}
	}
	s.checkIdle()
}

func TestExport_ShowsOneSnapshot(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t, withPoolSize(2)))
	want, got := fillForExport(s), newRecordingVisitor()
	got.then = func() error {
		got.then = nil
		s.project(s.actor)
		s.specification()
		_, err := s.service.DeleteItem(t.Context(), s.actor, s.items[0], requirements.Precondition{})
		return errors.Join(err, s.restoreSpec(t.Context(), s.trashedSpec))
	}
	if err := s.service.Export(t.Context(), s.actor, got); err != nil {
		t.Fatal(err)
	}
	if diff := want.differs(got); diff != "" {
		t.Errorf("concurrent writes are visible (-want +got):\n%s", diff)
	}
}

func TestExport_FailureVisitsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *tenant, p *proxy) error{
		"its connection is reset":  func(_ *tenant, p *proxy) error { p.reset(); return nil },
		"its connection is cut":    func(_ *tenant, p *proxy) error { p.stop(); p.restart(); return nil },
		"its connection is killed": func(s *tenant, _ *proxy) error { s.kill(); return nil },
		"a response is lost":       func(_ *tenant, p *proxy) error { p.setMode(cutNextResponse); return nil },
		"the visitor fails":        func(*tenant, *proxy) error { return errOnPurpose },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := newProxiedTenant(t, 1)
			fillForExport(s)
			got := newRecordingVisitor()
			got.then = func() error { got.then = nil; return spoil(s, p) }
			if err := s.service.Export(t.Context(), s.actor, got); err == nil {
				t.Error("it succeeded")
			}
			for n := range maps.Values(got.projects) {
				if n > 1 {
					t.Fatal("one export visits a project twice")
				}
			}
			s.recovers("a read", reads["Project"])
		})
	}
}
