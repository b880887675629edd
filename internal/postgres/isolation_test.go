package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// What follows is plain SQL over a connection of the service, as after an
// injection: the login role as it is, and the role that it works as.
var serviceRoles = map[string]string{"the login role": "", "the role of the service": appRole}

func TestSQLInTheNameOfOneUserReachesNothingOfAnother(t *testing.T) {
	t.Parallel()
	for name, role := range serviceRoles {
		t.Run("as "+name, func(t *testing.T) {
			t.Parallel()
			x := newTenants(t, testkit.NewDatabase(t), role)
			if found := x.actAsAnnEverywhere(); len(found) > 0 {
				t.Errorf("holes:\n%s", strings.Join(found, "\n"))
			}
		})
	}
}

// actAsAnnEverywhere attacks every table as ann, then destroys all that a
// statement without any condition reaches, and tells what it found.
func (x *tenants) actAsAnnEverywhere() []string {
	x.t.Helper()
	bob := x.bob["users"]["id"]
	before := fingerprint(x.t, x.super, x.tables, bob)
	x.actAs(x.ann["users"]["id"])
	for _, tb := range x.tables {
		x.trespass(tb)
	}
	for _, tb := range slices.Backward(x.tables) {
		for _, name := range tb.only(func(c col) bool { return c.update }) {
			_, err := x.thief.Exec(x.t.Context(), "UPDATE "+tb.name+" SET "+name+" = "+name)
			x.fair("UPDATE "+tb.name, err)
		}
		_, err := x.thief.Exec(x.t.Context(), "DELETE FROM "+tb.name)
		x.fair("DELETE FROM "+tb.name, err)
	}
	if diff := cmp.Diff(before, fingerprint(x.t, x.super, x.tables, bob)); diff != "" {
		x.hole("what is bob's was changed:\n%s", diff)
	}
	return x.found
}

func TestSQLInNobodysNameIsAnError(t *testing.T) {
	t.Parallel()
	callers := map[string]func(x *tenants){
		"nobody was ever named": func(*tenants) {},
		"somebody was named until the end of an earlier transaction": func(x *tenants) {
			value[string](x.t, x.thief, "SELECT set_config('app.user_id', $1, true)", x.ann["users"]["id"])
		},
		"the name is empty":    func(x *tenants) { x.actAs("") },
		"the name is no UUID":  func(x *tenants) { x.actAs("' OR true --") },
		"the name is reset":    func(x *tenants) { x.actAs(x.ann["users"]["id"]); must(x.t, x.thief, "RESET app.user_id") },
		"all that was is gone": func(x *tenants) { x.actAs(x.ann["users"]["id"]); must(x.t, x.thief, "RESET ALL") },
	}
	for caller, set := range callers {
		for name, role := range serviceRoles {
			t.Run(caller+", as "+name, func(t *testing.T) {
				t.Parallel()
				x := newTenants(t, testkit.NewDatabase(t), role)
				set(x)
				before := fingerprint(t, x.super, x.tables, "")
				for _, tb := range x.tables {
					x.actAsNobody(tb)
				}
				if diff := cmp.Diff(before, fingerprint(t, x.super, x.tables, "")); diff != "" {
					x.hole("rows were changed:\n%s", diff)
				}
				if len(x.found) > 0 {
					t.Errorf("holes:\n%s", strings.Join(x.found, "\n"))
				}
			})
		}
	}
}

func (x *tenants) actAsNobody(tb table) {
	x.t.Helper()
	a := x.ann[tb.name]
	// The table has rows, so that a statement that ends well is one that saw
	// or touched something, or that hides that nobody was asked for.
	x.refused(x.thief, tb.name+" is read", "SELECT FROM "+tb.name)
	x.refused(x.thief, tb.name+" is read by key", "SELECT FROM "+tb.name+" WHERE "+tb.assignments(tb.key, 1, " AND "), a.of(tb.key)...)
	x.refused(x.thief, tb.name+" is locked", "SELECT FROM "+tb.name+" FOR UPDATE")
	x.refused(x.thief, tb.name+" is emptied", "DELETE FROM "+tb.name)
	x.copyOut(tb, x.bob[tb.name][tb.owner])
	for _, name := range tb.only(func(c col) bool { return c.update }) {
		x.refused(x.thief, tb.name+" is changed", "UPDATE "+tb.name+" SET "+name+" = "+name)
	}
	if names := x.insertable(tb, a); len(names) > 0 {
		fresh := a.fresh(tb)
		x.refused(x.thief, tb.name+" is added to", tb.insert(names), fresh.of(names)...)
	}
}

// The tests above are only worth something if they find a hole.
func TestAHoleThatIsDrilledIsFound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ drill, want string }{
		"no row-level security": {
			drill: "ALTER TABLE projects DISABLE ROW LEVEL SECURITY",
			want:  "projects is read",
		},
		"a policy that lets everybody write": {
			drill: "ALTER POLICY projects_own ON projects WITH CHECK (true)",
			want:  "projects: a row is inserted for bob",
		},
		"a child whose foreign key forgets the owner": {
			drill: `ALTER TABLE projects ADD CONSTRAINT projects_once_key UNIQUE (id);
				CREATE TABLE notes (id uuid PRIMARY KEY, owner_id uuid NOT NULL REFERENCES users, project_id uuid NOT NULL REFERENCES projects (id));
				ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
				CREATE POLICY notes_own ON notes USING (owner_id = (SELECT app_user_id())); GRANT SELECT, INSERT ON notes TO ` + appRole,
			want: "notes: notes_project_id_fkey lets a row hang under bob's",
		},
		"a policy that looks at nothing": {
			drill: "CREATE POLICY open_house ON sessions FOR SELECT USING (true)",
			want:  "sessions is read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := migrated(t)
			must(t, connect(t, db.Owner), tc.drill)
			x := newTenants(t, db, appRole)
			x.drilled = true
			found := x.actAsAnnEverywhere()
			if !slices.ContainsFunc(found, func(hole string) bool { return strings.HasPrefix(hole, tc.want) }) {
				t.Errorf("found only:\n%s", strings.Join(found, "\n"))
			}
		})
	}
}

// migrated is a database with the schema that a test may spoil.
func migrated(t testing.TB) testkit.Database {
	t.Helper()
	db := scratch(t)
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
