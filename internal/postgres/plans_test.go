package postgres_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Every statement of a request is read along an index, under row-level security, with
// 200,000 items.
func TestPlans_StatementsUseIndexes(t *testing.T) {
	t.Parallel()
	x := newDataset(t)
	x.generated(t)
	x.lists(t)
	x.searches(t)
	x.functions(t)
}

// wantIndexes fails the test if a plan reads a table in another way than by a condition on
// an index.
func wantIndexes(t *testing.T, what, sql string, plan []node) {
	t.Helper()
	for _, n := range plan {
		switch {
		case strings.HasPrefix(n.Type, "Index") && n.Cond == "":
			t.Errorf("%s reads all of %s: %s", what, n.Index, sql)
		case strings.HasPrefix(n.Type, "Index"), n.Type == "Bitmap Heap Scan", n.Type == "ModifyTable", n.Relation == "":
		default:
			t.Errorf("%s reads %s by a %s: %s", what, n.Relation, n.Type, sql)
		}
	}
}

// generated explains every generated query.
func (x *dataset) generated(t *testing.T) {
	t.Helper()
	explained := 0
	// Lists have their order and limit appended, and those for admins read all users.
	// Searches need queries that find something.
	elsewhere := []string{"WithTx", "DB", "ListProjects", "ListSpecifications", "ListUsers", "ListEvents", "Search"}
	for method := range reflect.TypeFor[*db.Queries]().Methods() {
		if slices.Contains(elsewhere, method.Name) {
			continue
		}
		var recorded recordedQuery
		in := []reflect.Value{reflect.ValueOf(db.New(&recorded)), reflect.ValueOf(t.Context())}
		for p := 2; p < method.Type.NumIn(); p++ {
			in = append(in, x.sample(method.Type.In(p)))
		}
		method.Func.Call(in)
		if recorded.sql == "" {
			t.Errorf("%s sends nothing", method.Name)
			continue
		}
		for _, custom := range []bool{false, true} {
			wantIndexes(t, method.Name, recorded.sql, x.explain(recorded.sql, recorded.args, custom, ""))
		}
		explained++
	}
	if explained < 30 {
		t.Errorf("only %d queries were explained", explained)
	}
}

// lists explains every order of a list, its first page and a later one.
//
// How many rows a list reads depends on its values, and the planner estimates. Where it
// plans for the values, it expects too few rows in some lists. Then it fetches and sorts
// up to the 1,000 rows of a parent instead of reading the index of the order. So a
// connection plans each statement once, for any values, and always reads that index.
// Measured in this dataset, planning and execution in ms of PostgreSQL 15 with LIMIT 51:
//
//	                                             for the values      once
//	specifications by title, trash, later page    0.11 + 0.10 sort   0.01 + 0.04
//	projects by creation, newest first, later     0.08 + 0.20 sort   0.01 + 0.03
//	specifications by number, first page          0.08 + 0.04        0.01 + 0.03
func (x *dataset) lists(t *testing.T) {
	t.Helper()
	sorted := 0
	middle := page.Cursor{Number: 500}
	for name, q := range projectQueries() {
		middle.Text = "Project 5"
		sorted += x.list(t, "projects "+name, "projects", q, middle, func(q requirements.ListQuery) error {
			_, err := x.store.Projects(t.Context(), x.actor, q)
			return err
		})
	}
	for name, q := range specificationQueries() {
		middle.Text = "Specification 5"
		sorted += x.list(t, "specifications "+name, "specifications", q, middle, func(q requirements.ListQuery) error {
			_, _, err := x.store.Specifications(t.Context(), x.actor, x.project, q)
			return err
		})
	}
	t.Logf("planned for the values, %d of %d lists are sorted", sorted, 2*(len(projectQueries())+len(specificationQueries())))
}

// list fails the test unless a list is read along the index of its order, exactly the
// rows of its page. A list by the time of the last change has no index, which each change
// would write: it sorts the rows of one parent. list returns how many of the plans for the values sort, which may only
// be the rows of one parent.
func (x *dataset) list(t *testing.T, name, table string, q requirements.ListQuery, middle page.Cursor, read func(requirements.ListQuery) error) (sorted int) {
	t.Helper()
	if q.After != nil {
		age := map[page.Column]time.Duration{page.ByCreatedAt: time.Hour, page.ByUpdatedAt: time.Minute}[q.Order.Column]
		middle.Time = time.Now().Add(-500 * age)
		q.After = &middle
	}
	for _, q.Trashed = range []bool{false, true} {
		var err error
		sent := x.traffic.sent(func() { err = read(q) })
		sent = slices.DeleteFunc(sent, func(s *pgx.QueuedQuery) bool { return !strings.Contains(s.SQL, "LIMIT") })
		if err != nil || len(sent) != 1 {
			t.Fatalf("%s: %d statements, %v", name, len(sent), err)
		}
		plan := x.explain(sent[0].SQL, sent[0].Arguments, false, ", ANALYZE")
		wantIndexes(t, name, sent[0].SQL, plan)
		for _, n := range plan {
			switch {
			case q.Order.Column == page.ByUpdatedAt: // has no index
				if n.Rows > 1000 {
					t.Errorf("%s, trashed %t: a %s of %v rows of %s", name, q.Trashed, n.Type, n.Rows, n.Relation)
				}
			case strings.Contains(n.Type, "Sort"), strings.Contains(n.Type, "Bitmap"):
				t.Errorf("%s, trashed %t: a %s", name, q.Trashed, n.Type)
			case n.Relation != table:
			case n.Index != table+"_by_"+string(q.Order.Column), q.After != nil && !strings.Contains(n.Cond, "ROW("+string(q.Order.Column)):
				t.Errorf("%s, trashed %t: not along its order, but %s with %s", name, q.Trashed, n.Index, n.Cond)
			case n.Rows != float64(q.Limit) || n.Removed > 0:
				t.Errorf("%s, trashed %t: %v rows are read and %v filtered for %d", name, q.Trashed, n.Rows, n.Removed, q.Limit)
			}
		}
		for _, n := range x.explain(sent[0].SQL, sent[0].Arguments, true, ", ANALYZE") {
			if strings.Contains(n.Type, "Sort") {
				sorted++
			}
			if n.Type == "Seq Scan" || n.Rows > 1000 {
				t.Errorf("%s, trashed %t, planned for the values: a %s of %v rows of %s", name, q.Trashed, n.Type, n.Rows, n.Relation)
			}
		}
	}
	return sorted
}

// functions runs what EXPLAIN does not show: functions, triggers and the cascades of
// foreign keys.
func (x *dataset) functions(t *testing.T) {
	t.Helper()
	// The largest user has a fifth of all projects, for which a scan is right.
	small := auth.UserID(value[[16]byte](t, x.super, "SELECT id FROM users WHERE subject = 's7'"))
	for name, tc := range map[string]struct {
		user       auth.UserID
		statements []string
	}{
		"live_session":            {x.actor.User, []string{"SELECT live_session($session, $user)"}},
		"session_owner":           {x.actor.User, []string{"SELECT session_owner($session)"}},
		"known_user":              {x.actor.User, []string{"SELECT known_user('https://schemaRules.google.com', 's7')"}},
		"app_user_role":           {x.actor.User, []string{"SELECT app_user_role()", "SELECT appoint_admin()"}},
		"forget_expired":          {x.actor.User, []string{"SELECT forget_expired(100)"}},
		"trash_due":               {x.actor.User, []string{"SELECT trash_due(now() - interval '100 days', 100)"}},
		"watched":                 {x.actor.User, []string{"SELECT * FROM watched(ARRAY[$session, $session]::uuid[], ARRAY[$user, $user]::uuid[], ARRAY[$project, NULL]::uuid[])"}},
		"deletion of an item":     {x.actor.User, []string{"DELETE FROM bullet_items WHERE id = $item"}},
		"purge of a spec":         {x.actor.User, []string{"DELETE FROM specifications WHERE id = $spec"}},
		"purge of a project":      {x.actor.User, []string{"DELETE FROM projects WHERE id = $project"}},
		"deletion of the account": {small, []string{"DELETE FROM users WHERE id = $user"}},
	} {
		values := strings.NewReplacer("$session", quote(x.actor.Session), "$user", quote(tc.user),
			"$project", quote(x.project), "$spec", quote(x.spec), "$item", quote(x.item))
		began := time.Now()
		x.as(tc.user, func(tx pgx.Tx) {
			before := scans(t, tx)
			for _, sql := range append(slices.Clone(tc.statements), "SET CONSTRAINTS ALL IMMEDIATE") {
				if _, err := tx.Exec(t.Context(), values.Replace(sql)); err != nil {
					t.Fatalf("%s: %s: %v", name, sql, err)
				}
			}
			for table, n := range scans(t, tx) {
				if n > before[table] {
					t.Errorf("%s reads all of %s", name, table)
				}
			}
		})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s takes %s", name, took)
		}
	}
}

// scans counts, by table, how often a connection has read one from end to end.
func scans(t *testing.T, tx pgx.Tx) map[string]int64 {
	t.Helper()
	rows, err := tx.Query(t.Context(), "SELECT relname::text, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0")
	if err != nil {
		t.Fatal(err)
	}
	counts, table, n := map[string]int64{}, "", int64(0)
	if _, err := pgx.ForEachRow(rows, []any{&table, &n}, func() error { counts[table] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return counts
}

// The lists for admins read all users: only with many users is an index better than a
// scan.
func TestPlans_AdminListsUseIndexes(t *testing.T) {
	t.Parallel()
	x := &dataset{traffic: &sniffer{}}
	x.fixture = newFixture(t, x.traffic.attach)
	s := newTenant(x.fixture)
	x.actor = s.actor
	mustExec(t, connect(t, x.Super), "SET session_replication_role = replica",
		`INSERT INTO users (id, issuer, subject, email, name, created_at)
		 SELECT gen_random_uuid(), 'large', n, n || '@large.test', 'Person', now() - n * interval '1 minute' FROM generate_series(1, 50000) AS n`,
		`INSERT INTO audit_events (id, at, action, resource_type, ip, user_agent, request_id)
		 SELECT gen_random_uuid(), now() - n * interval '1 minute', 'session.created', 'session', '', '', '' FROM generate_series(1, 100000) AS n`,
		"VACUUM ANALYZE users", "VACUUM ANALYZE audit_events")
	if err := promote(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Users", "Events", "Events of an actor", "Events of an action"} {
		lists := 0
		for _, sent := range x.traffic.sent(func() {
			if err := reads[name].do(t.Context(), s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}) {
			if !strings.Contains(sent.SQL, "LIMIT") {
				continue
			}
			lists++
			for _, custom := range []bool{false, true} {
				plan := x.explain(sent.SQL, sent.Arguments, custom, "")
				wantIndexes(t, name, sent.SQL, plan)
				if slices.ContainsFunc(plan, func(n node) bool { return strings.Contains(n.Type, "Sort") }) {
					t.Errorf("%s, for the values %t: it is sorted: %s", name, custom, sent.SQL)
				}
			}
		}
		if lists != 1 {
			t.Errorf("%s: %d lists were explained", name, lists)
		}
	}
}

func quote(v fmt.Stringer) string { return "'" + v.String() + "'::uuid" }
