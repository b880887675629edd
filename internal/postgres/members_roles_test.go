package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// memberRights are all rights of the roles of members, as table, privilege, columns; a star
// is the whole table.
var memberRights = map[string][]string{
	"codegenapp_viewer": {
		"baselines SELECT *", "bullet_items SELECT *", "changes SELECT *", "project_members SELECT *", "project_revisions SELECT *",
		"projects SELECT *", "specifications SELECT *", "users SELECT id name managed_by",
	},
	"codegenapp_editor": {
		"audit_events INSERT id actor_id action resource_type resource_id ip user_agent request_id details",
		"baselines INSERT *", "baselines SELECT *", "baselines UPDATE name description",
		"bullet_items DELETE *", "bullet_items INSERT id spec_id owner_id number content created_at updated_at place", "bullet_items SELECT *",
		"bullet_items UPDATE spec_id content updated_at place",
		"changes SELECT *", "idempotency_keys DELETE *", "idempotency_keys INSERT *", "idempotency_keys SELECT *",
		"project_members SELECT *", "project_revisions SELECT *", "projects SELECT *",
		"projects UPDATE title description specification_count next_specification_number updated_at",
		"specifications INSERT id project_id owner_id number title content created_at updated_at", "specifications SELECT *",
		"specifications UPDATE title content item_ids next_item_number updated_at", "users SELECT id name managed_by",
	},
}

func TestMembers_RolesHaveExactlyTheseRights(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	for role, want := range memberRights {
		got := column[string](t, super, `
SELECT c.relname || ' ' || p || ' *' FROM pg_class AS c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
WHERE  c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege($1, c.oid, p)
UNION  ALL
SELECT c.relname || ' ' || p || ' ' || string_agg(a.attname, ' ' ORDER BY a.attnum)
FROM   pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p
WHERE  c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND has_column_privilege($1, c.oid, a.attnum, p) AND NOT has_table_privilege($1, c.oid, p)
GROUP  BY c.relname, p
ORDER  BY 1`, role)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rights of %s (-want +got):\n%s", role, diff)
		}
	}
}

// sharedFixture is a tenant that shares one of its projects with a member.
type sharedFixture struct {
	*tenant
	super  *pgx.Conn
	member auth.Actor
}

func newSharedFixture(t *testing.T, f *fixture, role string) *sharedFixture {
	t.Helper()
	x := &sharedFixture{tenant: newTenant(f), super: connect(t, f.Super)}
	var err error
	if x.member, err = signIn(t.Context(), f.store, newProfile()); err != nil {
		t.Fatal(err)
	}
	x.setRole(role)
	x.member.At = auth.Location{Owner: x.actor.User, Project: x.live}
	return x
}

// setRole makes the member one with a role; without a role, a former one.
func (x *sharedFixture) setRole(role string) {
	x.t.Helper()
	if role == "" {
		mustExec(x.t, x.super, "UPDATE project_members SET removed_at = now()")
		return
	}
	if _, err := x.super.Exec(x.t.Context(), `INSERT INTO project_members (owner_id, project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, now())
		ON CONFLICT (owner_id, project_id, user_id) DO UPDATE SET role = $4, removed_at = NULL`, x.actor.User, x.live, x.member.User, role); err != nil {
		x.t.Fatal(err)
	}
}

// as sets the tenant scope of the member on a connection of the service, in a transaction
// that is rolled back.
func (x *sharedFixture) as(t *testing.T, role string, do func(tx pgx.Tx)) {
	t.Helper()
	tx, err := connect(t, x.Service).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // nothing is committed
	if _, err := tx.Exec(t.Context(), `SELECT set_config('app.user_id', $1::uuid::text, true), set_config('app.owner_id', $2::uuid::text, true),
		set_config('app.project_id', $3::uuid::text, true), set_config('role', $4, true)`, x.member.User, x.actor.User, x.live, role); err != nil {
		t.Fatal(err)
	}
	do(tx)
}

// Plain SQL in the role of a member reaches one project, without any condition.
func TestMembers_SQLReachesOneProject(t *testing.T) {
	t.Parallel()
	x := newSharedFixture(t, newFixture(t), "editor")
	other := newTenant(x.fixture)
	reached := map[string]string{
		"projects":          fmt.Sprint("id <> '", x.live, "'"),
		"specifications":    fmt.Sprint("project_id <> '", x.live, "'"),
		"bullet_items":      fmt.Sprint("spec_id NOT IN (SELECT id FROM specifications WHERE project_id = '", x.live, "')"),
		"changes":           fmt.Sprint("project_id <> '", x.live, "'"),
		"project_revisions": fmt.Sprint("project_id <> '", x.live, "'"),
		"baselines":         fmt.Sprint("project_id <> '", x.live, "'"),
		"project_members":   fmt.Sprint("project_id <> '", x.live, "'"),
		"users":             fmt.Sprint("id NOT IN ('", x.actor.User, "', '", x.member.User, "')"),
	}
	for _, role := range []string{"codegenapp_viewer", "codegenapp_editor"} {
		for table, elsewhere := range reached {
			x.as(t, role, func(tx pgx.Tx) {
				var all, beyond int
				if err := tx.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE "+elsewhere+") FROM "+table).Scan(&all, &beyond); err != nil {
					t.Errorf("%s as %s: %v", table, role, err)
				} else if beyond > 0 || all == 0 && table != "baselines" {
					t.Errorf("%s as %s: %d rows, %d of them outside of the project", table, role, all, beyond)
				}
			})
		}
		for _, table := range []string{"sessions", "identities", "invitations", "used_id_tokens", "audit_events", "goose_db_version"} {
			x.as(t, role, func(tx pgx.Tx) {
				if _, err := tx.Exec(t.Context(), "SELECT count(*) FROM "+table); !strings.Contains(fmt.Sprint(err), "42501") {
					t.Errorf("%s reads %s: %v", role, table, err)
				}
			})
		}
		for what, sql := range map[string]string{
			"an address":               "SELECT email FROM users",
			"the trash":                "UPDATE specifications SET deleted_at = now()",
			"the trash of the project": "UPDATE projects SET deleted_at = now()",
			"a membership":             "UPDATE project_members SET role = 'editor'",
			"a deletion":               "DELETE FROM specifications",
			"the history":              fmt.Sprint("SELECT erase_project_history('", x.live, "', 1000)"),
		} {
			x.as(t, role, func(tx pgx.Tx) {
				if _, err := tx.Exec(t.Context(), sql); !strings.Contains(fmt.Sprint(err), "42501") {
					t.Errorf("%s reaches %s: %v", role, what, err)
				}
			})
		}
	}
	x.as(t, "codegenapp_viewer", func(tx pgx.Tx) {
		if _, err := tx.Exec(t.Context(), "SELECT id FROM bullet_items FOR NO KEY UPDATE"); !strings.Contains(fmt.Sprint(err), "42501") {
			t.Errorf("a viewer locks items: %v", err)
		}
	})
	x.as(t, "codegenapp_editor", func(tx pgx.Tx) {
		tag, err := tx.Exec(t.Context(), "UPDATE bullet_items SET content = 'x'")
		if err != nil || int(tag.RowsAffected()) != len(x.items) {
			t.Errorf("an editor updates %d items of the project: %v", tag.RowsAffected(), err)
		}
	})
	x.as(t, "codegenapp_editor", func(tx pgx.Tx) {
		_, err := tx.Exec(t.Context(), "INSERT INTO bullet_items (id, spec_id, owner_id, content, created_at, updated_at) VALUES (gen_random_uuid(), $1, $2, 'x', now(), now())", other.spec, other.actor.User)
		if !strings.Contains(fmt.Sprint(err), "42501") && !strings.Contains(fmt.Sprint(err), "23502") {
			t.Errorf("an editor inserts an item of another owner: %v", err)
		}
	})
}

// Members read in one round trip and write in two or one, as owners do.
func TestMembers_TakeTheRoundTripsOfOwners(t *testing.T) {
	t.Parallel()
	traffic := &sniffer{}
	x := newSharedFixture(t, newFixture(t, traffic.attach), "editor")
	calls := map[string]struct {
		want int
		do   func() error
	}{
		"a read of an item": {1, func() error { _, err := x.service.Item(t.Context(), x.member, x.items[0]); return err }},
		"a read of a list":  {1, func() error { _, _, err := x.store.Items(t.Context(), x.member, x.spec); return err }},
		"a new item": {1, func() error {
			_, _, err := x.service.CreateItem(t.Context(), x.member, x.spec, requirements.IdempotentRequest{}, requirements.Precondition{}, itemDraft(t, nil))
			return err
		}},
		"a changed item": {1, func() error {
			_, _, err := x.service.PatchItem(t.Context(), x.member, x.items[0], requirements.Precondition{}, itemPatch(t, nil))
			return err
		}},
		"a changed project": {2, func() error {
			_, err := x.service.ReplaceProject(t.Context(), x.member, x.live, requirements.Precondition{}, draft(t, canary+fmt.Sprint(traffic.roundTrips.Load())))
			return err
		}},
	}
	for name, call := range calls {
		if err := call.do(); err != nil { // prepares the statements
			t.Fatalf("%s: %v", name, err)
		}
		var err error
		if got := traffic.count(func() { err = call.do() }); got != call.want || err != nil {
			t.Errorf("%s takes %d round trips, want %d: %v", name, got, call.want, err)
		}
	}
}

// A plan is bound to its role: an owner and a member who take turns on one connection do not
// make PostgreSQL plan anew. PostgreSQL reports each run of its planner to the connection.
func TestMembers_TakeTurnsWithoutNewPlans(t *testing.T) {
	t.Parallel()
	db := testkit.NewDatabase(t)
	super := connect(t, db.Super)
	name := pgx.Identifier{value[string](t, super, "SELECT current_database()::text")}.Sanitize()
	mustExec(t, super, "ALTER DATABASE "+name+" SET log_planner_stats = on; ALTER DATABASE "+name+" SET client_min_messages = log")
	t.Cleanup(func() { // the database is used again
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, db.Super)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+name+" RESET ALL"); err != nil {
			t.Error(err)
		}
	})
	var plans atomic.Int64
	f := &fixture{Database: db, t: t}
	f.store = f.open(func(c *postgres.Config) {
		c.Dial = func(config *pgx.ConnConfig) {
			config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
				if n.Message == "PLANNER STATISTICS" {
					plans.Add(1)
				}
			}
		}
	})
	f.service = requirements.NewService(f.store, highLimits)
	x := newSharedFixture(t, f, "editor")
	turns := func() int64 {
		before := plans.Load()
		for _, actor := range []auth.Actor{x.actor, x.member} {
			if _, err := x.service.Item(t.Context(), actor, x.items[0]); err != nil {
				t.Fatal(err)
			}
			if _, _, err := x.service.PatchItem(t.Context(), actor, x.items[0], requirements.Precondition{}, itemPatch(t, nil)); err != nil {
				t.Fatal(err)
			}
		}
		return plans.Load() - before
	}
	if first := turns(); first == 0 {
		t.Fatal("PostgreSQL reported no plan: this shows nothing")
	}
	turns() // statements of triggers are planned once more for each new value at first
	for range 10 {
		turns()
	}
	if again := turns(); again != 0 {
		t.Errorf("a turn of an owner and a member makes %d plans", again)
	}
}
