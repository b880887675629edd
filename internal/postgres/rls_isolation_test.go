package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// These tests send plain SQL over a connection of the service, as after an injection: as
// the login role, and as the role of the service.
var serviceRoles = map[string]string{"the login role": "", "the role of the service": appRole}

func TestRLS_SQLOfOneUserReachesNothingOfAnother(t *testing.T) {
	t.Parallel()
	for name, role := range serviceRoles {
		t.Run("as "+name, func(t *testing.T) {
			t.Parallel()
			x := newRLSAttack(t, testkit.NewDatabase(t), role)
			if found := x.attackAsAnn(); len(found) > 0 {
				t.Errorf("attacks that succeeded:\n%s", strings.Join(found, "\n"))
			}
		})
	}
}

// attackAsAnn attacks every table as ann, then deletes all that a statement without a
// condition reaches. It returns the attacks that succeeded.
func (x *rlsAttack) attackAsAnn() []string {
	x.t.Helper()
	bob := x.bob["users"]["id"]
	before := fingerprint(x.t, x.super, x.tables, bob)
	x.actAs(x.ann["users"]["id"])
	for _, tb := range x.tables {
		x.attackTable(tb)
	}
	for _, tb := range slices.Backward(x.tables) {
		for _, name := range tb.only(func(c col) bool { return c.update }) {
			_, err := x.attacker.Exec(x.t.Context(), "UPDATE "+tb.name+" SET "+name+" = "+name)
			x.checkAttack("UPDATE "+tb.name, err)
		}
		_, err := x.attacker.Exec(x.t.Context(), "DELETE FROM "+tb.name)
		x.checkAttack("DELETE FROM "+tb.name, err)
	}
	if diff := cmp.Diff(before, fingerprint(x.t, x.super, x.tables, bob)); diff != "" {
		x.succeeded("what is bob's was changed:\n%s", diff)
	}
	return x.found
}

func TestRLS_SQLWithoutUserIsAnError(t *testing.T) {
	t.Parallel()
	callers := map[string]func(x *rlsAttack){
		"no user was ever set": func(*rlsAttack) {},
		"a user was set in an earlier transaction": func(x *rlsAttack) {
			value[string](x.t, x.attacker, "SELECT set_config('app.user_id', $1, true)", x.ann["users"]["id"])
		},
		"the user is empty":      func(x *rlsAttack) { x.actAs("") },
		"the user is not a UUID": func(x *rlsAttack) { x.actAs("' OR true --") },
		"the user is reset":      func(x *rlsAttack) { x.actAs(x.ann["users"]["id"]); mustExec(x.t, x.attacker, "RESET app.user_id") },
		"everything is reset":    func(x *rlsAttack) { x.actAs(x.ann["users"]["id"]); mustExec(x.t, x.attacker, "RESET ALL") },
	}
	for caller, set := range callers {
		for name, role := range serviceRoles {
			t.Run(caller+", as "+name, func(t *testing.T) {
				t.Parallel()
				x := newRLSAttack(t, testkit.NewDatabase(t), role)
				set(x)
				before := fingerprint(t, x.super, x.tables, "")
				for _, tb := range x.tables {
					x.attackWithoutUser(tb)
				}
				if diff := cmp.Diff(before, fingerprint(t, x.super, x.tables, "")); diff != "" {
					x.succeeded("rows were changed:\n%s", diff)
				}
				if len(x.found) > 0 {
					t.Errorf("attacks that succeeded:\n%s", strings.Join(x.found, "\n"))
				}
			})
		}
	}
}

func (x *rlsAttack) attackWithoutUser(tb table) {
	x.t.Helper()
	a := x.ann[tb.name]
	// The table has rows, so a statement that succeeds has read or changed something, or
	// hides that no user is set.
	x.rejected(x.attacker, tb.name+" is read", "SELECT FROM "+tb.name)
	x.rejected(x.attacker, tb.name+" is read by key", "SELECT FROM "+tb.name+" WHERE "+tb.assignments(tb.key, 1, " AND "), a.of(tb.key)...)
	x.rejected(x.attacker, tb.name+" is locked", "SELECT FROM "+tb.name+" FOR UPDATE")
	x.rejected(x.attacker, tb.name+" is emptied", "DELETE FROM "+tb.name)
	x.copyOut(tb, x.bob[tb.name][tb.owner])
	for _, name := range tb.only(func(c col) bool { return c.update }) {
		x.rejected(x.attacker, tb.name+" is changed", "UPDATE "+tb.name+" SET "+name+" = "+name)
	}
	if names := x.insertable(tb, a); len(names) > 0 {
		fresh := a.fresh(tb)
		x.rejected(x.attacker, tb.name+" is added to", tb.insert(names), fresh.of(names)...)
	}
}

func TestRLS_UsedIDTokenHasNoUser(t *testing.T) {
	t.Parallel()
	for name, role := range serviceRoles {
		t.Run("as "+name, func(t *testing.T) {
			t.Parallel()
			x := newRLSAttack(t, testkit.NewDatabase(t), role)
			const use = "INSERT INTO used_id_tokens (hash, expires_at) VALUES ('one', 'infinity')"
			x.rejected(x.attacker, "used_id_tokens is inserted into without a user", use)
			if len(x.found) > 0 {
				t.Errorf("attacks that succeeded:\n%s", strings.Join(x.found, "\n"))
			}
			x.actAs(x.ann["users"]["id"])
			// The second is what the release before migration 7 sends.
			mustExec(t, x.attacker, use, "INSERT INTO used_id_tokens (hash, user_id, expires_at) VALUES ('two', '"+x.ann["users"]["id"]+"', 'infinity')")
			x.actAs(x.bob["users"]["id"])
			_, err := x.attacker.Exec(t.Context(), use)
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.ConstraintName != "used_id_tokens_pkey" {
				t.Errorf("used for the second time: %v", err)
			}
			stored := column[string](t, x.super, "SELECT concat_ws(' ', encode(hash, 'escape'), user_id) FROM used_id_tokens ORDER BY hash")
			if diff := cmp.Diff([]string{"one", "two"}, stored); diff != "" {
				t.Errorf("used ID tokens (-want +got):\n%s", diff)
			}
		})
	}
}

// The tests above only mean something if they find a weakness.
func TestRLS_AttacksFindWeaknesses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ weaken, want string }{
		"no row-level security": {
			weaken: "ALTER TABLE projects DISABLE ROW LEVEL SECURITY",
			want:   "projects is read",
		},
		"a policy that lets all users write": {
			weaken: "ALTER POLICY projects_own ON projects WITH CHECK (true)",
			want:   "projects: a row is inserted for bob",
		},
		"a child whose foreign key lacks the owner": {
			weaken: `ALTER TABLE projects ADD CONSTRAINT projects_once_key UNIQUE (id);
				CREATE TABLE notes (id uuid PRIMARY KEY, owner_id uuid NOT NULL REFERENCES users, project_id uuid NOT NULL REFERENCES projects (id));
				ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
				CREATE POLICY notes_own ON notes USING (owner_id = (SELECT app_user_id())); GRANT SELECT, INSERT ON notes TO ` + appRole,
			want: "notes: notes_project_id_fkey lets a row refer to bob's",
		},
		"a policy without a condition": {
			weaken: "CREATE POLICY open_to_all ON sessions FOR SELECT USING (true)",
			want:   "sessions is read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := migrated(t)
			mustExec(t, connect(t, db.Owner), tc.weaken)
			x := newRLSAttack(t, db, appRole)
			x.weakened = true
			found := x.attackAsAnn()
			if !slices.ContainsFunc(found, func(attack string) bool { return strings.HasPrefix(attack, tc.want) }) {
				t.Errorf("found only:\n%s", strings.Join(found, "\n"))
			}
		})
	}
}

// migrated is a database with a schema that a test may change.
func migrated(t testing.TB) testkit.Database {
	t.Helper()
	db := newScratchDatabase(t)
	m, err := postgres.NewMigrator(db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Up(t.Context(), db.Service); err != nil {
		t.Fatal(err)
	}
	return db
}
