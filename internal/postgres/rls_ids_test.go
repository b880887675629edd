package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// An id is unique for its owner. That no other owner has it is chance, and nothing may
// depend on it.
func TestRLS_UsersWithTheSameIDsAreIsolated(t *testing.T) {
	t.Parallel()
	ann := newTenant(newFixture(t))
	bob := *ann
	bob.actor = ann.signUp()
	super := connect(t, ann.Super)
	tables := readTables(t, super)
	for _, tb := range tables {
		if tb.name == "projects" || tb.name == "specifications" || tb.name == "bullet_items" {
			copyRows(t, super, tb, ann.actor.User, bob.actor.User)
		}
	}
	before := fingerprint(t, super, tables, bob.actor.User.String())
	for name, op := range writes {
		if op.before != nil {
			if err := op.before(t.Context(), ann); err != nil {
				t.Fatalf("before %s: %v", name, err)
			}
		}
		wantCode(t, name, op.do(t.Context(), ann), "")
	}
	_, items, err := ann.service.Items(t.Context(), bob.actor, ann.spec)
	if err != nil || len(items) != 3 {
		t.Errorf("bob has %d items, %v; want the three that ann had", len(items), err)
	}
	if _, err := ann.service.Item(t.Context(), ann.actor, ann.items[0]); err != nil {
		t.Errorf("ann's item: %v", err)
	}
	ann.spare = auth.Actor{}
	wantCode(t, "the deletion of ann's account", writes["DeleteAccount"].do(t.Context(), ann), "")
	if diff := cmp.Diff(before, fingerprint(t, super, tables, bob.actor.User.String())); diff != "" {
		t.Errorf("ann has changed bob's rows (-before +after):\n%s", diff)
	}
}

// copyRows copies the rows of one user to another.
func copyRows(t *testing.T, super *pgx.Conn, tb table, from, to auth.UserID) {
	t.Helper()
	into := strings.Join(tb.only(func(c col) bool { return !c.generated }), ", ")
	values := strings.Replace(into, tb.owner, quote(to), 1)
	mustExec(t, super, "SET session_replication_role = replica",
		"INSERT INTO "+tb.name+" ("+into+") SELECT "+values+" FROM "+tb.name+" WHERE "+tb.owner+" = "+quote(from))
}
