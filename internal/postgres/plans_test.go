package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
)

// crowd makes 200 users with 50 projects each, and more who have none. The stage
// is for one of them who has 2,000, and in one of these 2,000 specifications, a
// quarter of each in the trash: with few rows left to read, fetching and sorting
// them all is as good as following an index.
func crowd(t *testing.T, s *stage, super *pgx.Conn) {
	t.Helper()
	must(t, super, "SET session_replication_role = replica",
		`INSERT INTO users (id, issuer, subject, email, name)
		 SELECT gen_random_uuid(), 'crowd', n, n || '@crowd.test', 'Crowd' FROM generate_series(1, 2000) AS n`,
		`INSERT INTO sessions (id, user_id, salt, created_at, last_used_at, expires_at, ends_at, user_agent, ip)
		 SELECT id, users.id, decode(repeat('00', 16), 'hex'), now(), CURRENT_TIMESTAMP, '2100-01-01', '2101-01-01', 'x', 'y' FROM users WHERE issuer = 'crowd'`,
		`INSERT INTO used_id_tokens (hash, user_id, expires_at) SELECT decode(md5(id::text), 'hex'), id, now() FROM users WHERE issuer = 'crowd'`,
		`INSERT INTO idempotency_keys (owner_id, key, request, answer, created_at)
		 SELECT id, 'crowd', decode(repeat('00', 32), 'hex'), '{}', now() FROM users WHERE issuer = 'crowd'`,
		`INSERT INTO projects (id, owner_id, title, description, created_at, updated_at, deleted_at)
		 SELECT gen_random_uuid(), u.id, 'Project ' || md5(u.id || n::text), repeat('x', 200),
		        now() - n * interval '1 minute', now() - (n * 7 % 2003) * interval '1 minute', CASE WHEN n % 2 = 0 THEN now() END
		 FROM users AS u, generate_series(1, CASE u.subject WHEN '100' THEN 2000 ELSE 50 END) AS n
		 WHERE u.issuer = 'crowd' AND u.subject::integer <= 200`)
	s.person = identity.Profile{Issuer: "crowd", Subject: "100", Expires: time.Now().Add(time.Hour)}
	somebody := value[[16]byte](t, super, "SELECT id FROM users WHERE issuer = 'crowd' AND subject = '100'")
	s.actor.User, s.actor.Session = somebody, somebody
	s.live = value[[16]byte](t, super, "SELECT id FROM projects WHERE owner_id = $1 AND NOT trashed LIMIT 1", s.actor.User)
	s.trashed = value[[16]byte](t, super, "SELECT id FROM projects WHERE owner_id = $1 AND trashed LIMIT 1", s.actor.User)
	if _, err := super.Exec(t.Context(), `
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), p.id, p.owner_id, n, 'Specification ' || md5(p.id || n::text), repeat('x', 200),
       now() - n * interval '1 minute', now() - (n * 7 % 2003) * interval '1 minute', CASE WHEN n % 2 = 0 THEN now() END
FROM   projects AS p JOIN users AS u ON u.id = p.owner_id AND u.issuer = 'crowd', generate_series(1, CASE p.id WHEN $1 THEN 2000 ELSE 1 END) AS n`, s.live); err != nil {
		t.Fatal(err)
	}
	s.spec = value[[16]byte](t, super, "SELECT id FROM specifications WHERE project_id = $1 AND number = 1", s.live)
	s.trashedSpec = value[[16]byte](t, super, "SELECT id FROM specifications WHERE project_id = $1 AND trashed LIMIT 1", s.live)
	must(t, super, `
INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
SELECT gen_random_uuid(), s.id, s.owner_id, n, 'x', now(), CURRENT_TIMESTAMP FROM specifications AS s, generate_series(1, CASE s.number WHEN 1 THEN 3 ELSE 1 END) AS n
WHERE  s.content LIKE 'xxx%'`,
		"UPDATE specifications AS s SET item_ids = ARRAY(SELECT id FROM bullet_items AS i WHERE i.spec_id = s.id), next_item_number = 4 WHERE item_ids = '{}'",
		"UPDATE projects SET next_specification_number = 3000",
		"ANALYZE")
	s.items = nil
	for _, item := range column[[16]byte](t, super, "SELECT id FROM bullet_items WHERE spec_id = $1", s.spec) {
		s.items = append(s.items, item)
	}
}

// plan is how the service's role executes a statement of the store.
func plan(t *testing.T, service *pgx.Conn, q *pgx.QueuedQuery, mode string) string {
	t.Helper()
	literals := make([]string, len(q.Arguments))
	for i, arg := range q.Arguments {
		literals[i] = literal(arg)
	}
	call := "statement"
	if len(literals) > 0 {
		call += " (" + strings.Join(literals, ", ") + ")"
	}
	must(t, service, "SET plan_cache_mode = "+mode, "PREPARE statement AS "+q.SQL)
	defer must(t, service, "DEALLOCATE statement")
	return strings.Join(column[string](t, service, "EXPLAIN (COSTS OFF) EXECUTE "+call), "\n")
}

func literal(arg any) string {
	switch v := arg.(type) {
	case nil:
		return "NULL"
	case time.Time:
		return "'" + v.Format(time.RFC3339Nano) + "'"
	case *time.Time:
		if v == nil {
			return "NULL"
		}
		return literal(*v)
	case [16]byte:
		return literal(id.Of[row](v).String())
	case []outline.ItemID:
		return "'{" + strings.Join(strings.Fields(strings.Trim(fmt.Sprint(v), "[]")), ",") + "}'"
	case *string:
		if v == nil {
			return "NULL"
		}
		return literal(*v)
	case pgtype.UUID:
		if !v.Valid {
			return "NULL"
		}
		return literal(v.Bytes)
	case *identity.UserID:
		if v == nil {
			return "NULL"
		}
		return literal(v.String())
	case *identity.ResourceID:
		if v == nil {
			return "NULL"
		}
		return literal(v.String())
	default:
		return "'" + strings.ReplaceAll(fmt.Sprint(v), "'", "''") + "'"
	}
}

// statements are what an operation sends beside its confinement.
func statements(t *testing.T, tap *wiretap, s *stage, op operation) []*pgx.QueuedQuery {
	t.Helper()
	if op.before != nil {
		if err := op.before(t.Context(), s); err != nil {
			t.Errorf("before it can be explained: %v", err)
		}
	}
	sent := tap.sent(func() {
		if err := op.do(t.Context(), s); err != nil {
			t.Errorf("to be explained: %v", err)
		}
	})
	return slices.DeleteFunc(sent, func(q *pgx.QueuedQuery) bool {
		return strings.Contains(q.SQL, "set_config") || !strings.Contains(q.SQL, "WHERE") && !strings.Contains(q.SQL, "JOIN")
	})
}

// The values on which a planner bases a plan are known to it at first, and no
// more once it takes one plan for all: both have to be good.
var planModes = []string{"force_custom_plan", "force_generic_plan"}

func TestStatementsFollowIndexes(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	super, service, owner := connect(t, s.Super), connect(t, s.Service), connect(t, s.Owner)
	crowd(t, s, super)
	must(t, service, "SET ROLE "+appRole)
	value[string](t, service, "SELECT set_config('app.user_id', $1, false)", s.actor.User.String())
	readNoWholeTable(t, tap, s, service)
	askInFunctions(t, s, owner)
	followOrders(t, tap, s, super, service)
}

// staffLists are about everybody: only in a large house is an index better than
// to read them all.
var staffLists = []string{"Users", "Events"}

func TestTheListsOfTheStaffFollowIndexesInALargeHouse(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	super, service := connect(t, s.Super), connect(t, s.Service)
	must(t, super, "SET session_replication_role = replica",
		`INSERT INTO users (id, issuer, subject, email, name, created_at)
		 SELECT gen_random_uuid(), 'large', n, n || '@large.test', 'Person', now() - n * interval '1 minute' FROM generate_series(1, 50000) AS n`,
		`INSERT INTO audit_events (id, at, action, resource_type, ip, user_agent, request_id)
		 SELECT gen_random_uuid(), now() - n * interval '1 minute', 'session.created', 'session', '', '', '' FROM generate_series(1, 100000) AS n`,
		"VACUUM ANALYZE users", "VACUUM ANALYZE audit_events")
	must(t, service, "SET ROLE "+appRole)
	value[string](t, service, "SELECT set_config('app.user_id', $1, false)", s.actor.User.String())
	for _, name := range []string{"Users", "Events", "Events of an actor", "Events of a kind"} {
		for _, q := range statements(t, tap, s, reads[name]) {
			for _, mode := range planModes {
				if p := plan(t, service, q, mode); strings.Contains(p, "Seq Scan") || strings.Contains(p, "Sort") {
					t.Errorf("%s (%s): %s\n%s", name, mode, q.SQL, p)
				}
			}
		}
	}
}

func readNoWholeTable(t *testing.T, tap *wiretap, s *stage, service *pgx.Conn) {
	t.Helper()
	all := maps.Clone(changes)
	maps.Copy(all, reads)
	maps.DeleteFunc(all, func(name string, _ operation) bool { return slices.Contains(staffLists, strings.Fields(name)[0]) })
	for name, op := range unconfined {
		if name != "SignIn of somebody new" { // whom no statistics know
			all[name] = op.operation
		}
	}
	explained := 0
	for name, op := range all {
		for _, q := range statements(t, tap, s, op) {
			for _, mode := range planModes {
				explained++
				if p := plan(t, service, q, mode); strings.Contains(p, "Seq Scan") || !strings.Contains(p, "Index") {
					t.Errorf("%s (%s): %s\n%s", name, mode, q.SQL, p)
				}
			}
		}
	}
	if explained < 2*len(all)-4 { // not every one asks for more than its confinement
		t.Errorf("of %d operations only %d plans were looked at", len(all), explained)
	}
}

func followOrders(t *testing.T, tap *wiretap, s *stage, super, service *pgx.Conn) {
	t.Helper()
	middle := outline.Cursor{
		Time: value[time.Time](t, super, "SELECT now() - interval '1000 minutes'"), Text: "Project 8", Number: 1000, ID: s.live,
	}
	for name, q := range projectQueries() {
		follows(t, tap, s, service, "projects", name, q, middle, func(ctx context.Context, q outline.ListQuery) error {
			_, err := s.store.Projects(ctx, s.actor, q)
			return err
		})
	}
	// The planner takes a specification's project and its owner, for whom the
	// policy asks, to be independent. So it expects few rows, and may prefer to
	// sort what are many. That it could follow the index is what is held here.
	must(t, service, "SET enable_sort = off", "SET enable_bitmapscan = off")
	middle.Text = "Specification 8"
	for name, q := range specificationQueries() {
		follows(t, tap, s, service, "specifications", name, q, middle, func(ctx context.Context, q outline.ListQuery) error {
			_, _, err := s.store.Specifications(ctx, s.actor, s.live, q)
			return err
		})
	}
}

// follows fails the test unless a list is read along the index of its order,
// beginning at the page's first row.
func follows(t *testing.T, tap *wiretap, s *stage, service *pgx.Conn, table, name string, q outline.ListQuery, middle outline.Cursor,
	list func(context.Context, outline.ListQuery) error,
) {
	t.Helper()
	if q.After != nil {
		q.After = &middle
	}
	begins := "Index Cond: "
	if q.After != nil {
		begins = "ROW(" + string(q.Order.Column)
	}
	for _, q.Trashed = range []bool{false, true} {
		found := statements(t, tap, s, operation{do: func(ctx context.Context, _ *stage) error { return list(ctx, q) }})
		found = slices.DeleteFunc(found, func(sent *pgx.QueuedQuery) bool { return !strings.Contains(sent.SQL, "FROM "+table) })
		if len(found) != 1 {
			t.Errorf("%s: %d statements, want 1", name, len(found))
		}
		for _, sent := range found {
			for _, mode := range planModes {
				p := plan(t, service, sent, mode)
				_, scan, follows := strings.Cut(p, table+"_by_"+string(q.Order.Column))
				_, condition, _ := strings.Cut(scan, "Index Cond: ")
				condition, _, _ = strings.Cut("Index Cond: "+condition, "\n")
				if !follows || !strings.Contains(condition, begins) || strings.Contains(p, "Sort") || strings.Contains(p, "Seq Scan") || strings.Contains(p, "Bitmap") {
					t.Errorf("%s of %s, trashed %t (%s):\n%s", name, table, q.Trashed, mode, p)
				}
			}
		}
	}
}

// askInFunctions looks at what functions ask, which no plan shows.
func askInFunctions(t *testing.T, s *stage, owner *pgx.Conn) {
	t.Helper()
	for _, q := range []*pgx.QueuedQuery{
		{
			SQL:       "SELECT FROM sessions AS s WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.ends_at > now() AND s.expires_at > now()",
			Arguments: []any{s.actor.Session, s.actor.User},
		},
		{SQL: "SELECT s.user_id FROM sessions AS s WHERE s.id = $1", Arguments: []any{s.actor.Session}},
		{SQL: "SELECT p.owner_id, p.id FROM projects AS p WHERE p.trashed AND p.deleted_at < $1 ORDER BY p.deleted_at LIMIT $2", Arguments: []any{time.Now(), 100}},
		{SQL: "SELECT s.owner_id, s.id FROM specifications AS s WHERE s.trashed AND s.deleted_at < $1 ORDER BY s.deleted_at LIMIT $2", Arguments: []any{time.Now(), 100}},
		{SQL: "SELECT u.id FROM users AS u WHERE u.issuer = $1 AND u.subject = $2", Arguments: []any{"crowd", "100"}},
	} {
		for _, mode := range planModes {
			if p := plan(t, owner, q, mode); strings.Contains(p, "Seq Scan") || !strings.Contains(p, "Index") {
				t.Errorf("%s (%s)\n%s", q.SQL, mode, p)
			}
		}
	}
}
