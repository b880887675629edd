package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// withoutRevision are the operations that change no content: of accounts and sessions, and
// those that find nothing to change.
var withoutRevision = []string{
	"PatchProject without a change", "PatchSpecification without a change", "PatchSpecification with the default title", "CreateProject with a used key",
	"Rename", "DeleteAccount", "EndSession", "ChangeUser", "CreateToken", "RevokeToken", "CreateBot", "RenameBot", "DeleteBot",
	"AddBot", "ChangeRole", "Accept", "Remove", "Remove oneself", "Invite", "Withdraw",
}

// Every method that writes content leaves one revision with a change of its project, and
// a method that changes nothing leaves none. A new method is among these operations, or
// another test fails.
func TestHistory_EveryWriteLeavesOneRevision(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	super := connect(t, f.Super)
	const counted = `
SELECT coalesce((SELECT sum(revision) FROM project_revisions WHERE owner_id = $1), 0) || ' ' || (SELECT count(DISTINCT (project_id, revision)) FROM changes WHERE owner_id = $1)`
	for name, op := range writes {
		s := newTenant(f)
		if op.before != nil {
			if err := op.before(t.Context(), s); err != nil {
				t.Errorf("before %s: %v", name, err)
			}
		}
		var sum, rows, newSum, newRows int
		_, _ = fmt.Sscan(value[string](t, super, counted, s.actor.User), &sum, &rows)
		if err := op.do(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, _ = fmt.Sscan(value[string](t, super, counted, s.actor.User), &newSum, &newRows)
		want := 1
		if slices.Contains(withoutRevision, name) {
			want = 0
		}
		if newSum != sum+want || newRows != rows+want {
			t.Errorf("%s left %d revisions with changes, want %d; the numbers rose by %d", name, newRows-rows, want, newSum-sum)
		}
	}
}

// The service role reads the history of its user, and can neither write nor delete it.
func TestHistory_ServiceCannotWriteIt(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	service := connect(t, s.Service)
	for _, sql := range []string{
		"INSERT INTO changes (owner_id, project_id, revision, kind, revised_at) VALUES (app_user_id(), gen_random_uuid(), 1, 'item.changed', now())",
		"UPDATE changes SET actor_id = NULL", "DELETE FROM changes", "TRUNCATE changes",
		"UPDATE project_revisions SET revision = revision + 1", "DELETE FROM project_revisions",
		"SELECT revise(app_user_id(), gen_random_uuid())", "SELECT nextval('change_numbers')", "SELECT setval('change_numbers', 1)",
		"UPDATE specifications SET revision = 7", "UPDATE specifications SET version = 7", "INSERT INTO bullet_items (id, version) VALUES (gen_random_uuid(), 7)",
	} {
		err := inScope(t, service, s.actor.User, func(tx pgx.Tx) error { _, err := tx.Exec(t.Context(), sql); return err })
		if err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// With 64 writers over three stores, the revisions of one project have no gap in any
// snapshot, their times never decrease, and there is one for each write.
func TestHistory_RevisionsAreGaplessInCommitOrder(t *testing.T) {
	t.Parallel()
	pool := func(c *postgres.Config) { c.PoolSize = 8 }
	s := newTenant(newFixture(t, pool))
	services := []*requirements.Service{s.service}
	for range 2 {
		services = append(services, requirements.NewService(s.open(pool), highLimits))
	}
	const writers = 64
	rounds := testkit.Repetitions(6, 100)
	before := value[int64](t, connect(t, s.Super), "SELECT revision FROM project_revisions WHERE project_id = $1", s.live)
	specs := make([]requirements.SpecificationID, 8)
	for n := range specs {
		specs[n] = s.specification()
	}
	before += int64(len(specs))
	var written atomic.Int64
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for range rounds {
				err := writeSomething(t.Context(), services[n%len(services)], s, specs[n%len(specs)], n%3)
				if err == nil {
					written.Add(1)
				} else if problem.CodeOf(err) != problem.Unavailable { // a lock timeout, on a busy machine
					t.Errorf("writer %d: %v", n, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	snapshots := watchRevisions(t, s, done)
	if got := value[int64](t, connect(t, s.Super), "SELECT revision FROM project_revisions WHERE project_id = $1", s.live); got != before+written.Load() {
		t.Errorf("%d writes were committed, the revision rose from %d to %d", written.Load(), before, got)
	}
	t.Logf("%d writes, %d snapshots", written.Load(), snapshots)
}

func writeSomething(ctx context.Context, service *requirements.Service, s *tenant, spec requirements.SpecificationID, kind int) (err error) {
	switch kind {
	case 0:
		_, _, err = service.CreateItem(ctx, s.actor, spec, requirements.IdempotentRequest{}, requirements.Precondition{}, itemDraft(s.t, nil))
	case 1:
		_, _, err = service.CreateItem(ctx, s.actor, spec, requirements.IdempotentRequest{Key: id.New[tenant]().String()}, requirements.Precondition{}, itemDraft(s.t, new(0)))
	default:
		patch, _ := requirements.ParseSpecificationPatch(nil, new(id.New[tenant]().String()))
		_, err = service.PatchSpecification(ctx, s.actor, spec, requirements.Precondition{}, patch)
	}
	return err
}

// watchRevisions checks the history of a project in one snapshot after another, until
// done is closed.
func watchRevisions(t *testing.T, s *tenant, done <-chan struct{}) (snapshots int) {
	t.Helper()
	super := connect(t, s.Super)
	for last := false; !last; snapshots++ {
		select {
		case <-done:
			last = true
		default:
		}
		var count, newest, decreasing int64
		if err := super.QueryRow(t.Context(), `
SELECT count(DISTINCT revision), max(revision), count(*) FILTER (WHERE revised_at < earlier)
FROM (SELECT revision, revised_at, lag(revised_at) OVER (ORDER BY revision, number) AS earlier FROM changes WHERE project_id = $1) AS c`,
			s.live).Scan(&count, &newest, &decreasing); err != nil {
			t.Fatal(err)
		}
		if count != newest || decreasing > 0 {
			t.Fatalf("a snapshot has %d revisions up to %d, and %d go back in time", count, newest, decreasing)
		}
	}
	return snapshots
}
