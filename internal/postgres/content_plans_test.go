package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// town is a database with 1,000 users and 200,000 items. One of the users has as
// many projects and specifications as one may have.
type town struct {
	t     testing.TB
	db    testkit.Database
	super *pgx.Conn
	// What the rich user has.
	user    identity.UserID
	session identity.SessionID
	project outline.ProjectID
	spec    outline.SpecificationID
	item    outline.ItemID
}

// settleTown fills the tables past the rules and their triggers, which would take
// minutes.
const settleTown = `
SET session_replication_role = replica;
INSERT INTO users (id, issuer, subject, email, name)
SELECT gen_random_uuid(), 'https://accounts.google.com', 's' || n, n || '@example.com', 'Person ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO sessions (id, user_id, salt, created_at, last_used_at, expires_at, ends_at, user_agent, ip, revoked_at)
SELECT gen_random_uuid(), u.id, decode(md5(n::text), 'hex'), now() - n * interval '1 hour', now(), now() + interval '1 day', now() + interval '30 days', '', '', CASE WHEN n > 5 THEN now() END
FROM users AS u, generate_series(1, 20) AS n;
INSERT INTO used_id_tokens SELECT sha256((u.id::text || n)::bytea), u.id, now() + n * interval '1 hour' FROM users AS u, generate_series(-5, 5) AS n;
INSERT INTO idempotency_keys SELECT u.id, 'k' || n, sha256('x'), '{}', now() - n * interval '2 hours' FROM users AS u, generate_series(1, 15) AS n;
INSERT INTO projects (id, owner_id, title, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), u.id, 'Project ' || n % 10, now() - n * interval '1 hour', now() - n * interval '1 minute', CASE WHEN n % 5 = 0 THEN now() - n * interval '1 day' END
FROM users AS u, generate_series(1, CASE WHEN u.subject = 's1' THEN 1000 ELSE 4 END) AS n;
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), p.id, p.owner_id, n, 'Specification ' || n % 10, repeat('x', 500), now() - n * interval '1 hour', now() - n * interval '1 minute', CASE WHEN n % 5 = 0 THEN now() - n * interval '1 day' END
FROM (SELECT p.*, row_number() OVER (PARTITION BY p.owner_id) AS nth, u.subject FROM projects AS p JOIN users AS u ON u.id = p.owner_id) AS p,
     generate_series(1, CASE WHEN p.subject <> 's1' THEN 1 WHEN p.nth = 1 THEN 1000 ELSE 0 END) AS n;
INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
SELECT gen_random_uuid(), s.id, s.owner_id, n, repeat('x', 50), now(), now() FROM specifications AS s, generate_series(1, 40) AS n;
UPDATE specifications AS s SET item_ids = i.ids FROM (SELECT spec_id, array_agg(id) AS ids FROM bullet_items GROUP BY spec_id) AS i WHERE s.id = i.spec_id;
SET session_replication_role = origin;`

func newTown(t testing.TB) *town {
	t.Helper()
	x := &town{t: t, db: testkit.NewDatabase(t)}
	ctx := t.Context()
	var err error
	if x.super, err = pgx.Connect(ctx, x.db.Super); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.super.Close(context.WithoutCancel(ctx)) })
	x.mustExec(settleTown)
	x.mustExec("VACUUM ANALYZE")
	var items int
	if err := x.super.QueryRow(ctx, `
		SELECT u.id, (SELECT id FROM sessions WHERE user_id = u.id AND revoked_at IS NULL LIMIT 1), s.project_id, s.id, s.item_ids[1], (SELECT count(*) FROM bullet_items)
		FROM   users AS u JOIN specifications AS s ON s.owner_id = u.id
		WHERE  u.subject = 's1' AND s.number = 501`).Scan(&x.user, &x.session, &x.project, &x.spec, &x.item, &items); err != nil {
		t.Fatal(err)
	}
	if items < 199_000 {
		t.Fatalf("the town has only %d items", items)
	}
	return x
}

func (x *town) mustExec(sql string) {
	x.t.Helper()
	if _, err := x.super.Exec(x.t.Context(), sql); err != nil {
		x.t.Fatal(err)
	}
}

// within runs do in a transaction of the service, confined to the rich user,
// and rolls it back.
func (x *town) within(do func(tx pgx.Tx)) {
	x.t.Helper()
	ctx := x.t.Context()
	conn, err := pgx.Connect(ctx, x.db.Service)
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.Begin(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is kept
	const confine = "SELECT set_config('role', 'codegenapp_app', true), set_config('app.user_id', $1::uuid::text, true)"
	if _, err := tx.Exec(ctx, confine, x.user); err != nil {
		x.t.Fatal(err)
	}
	do(tx)
}

// node is a node of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Filter   string
	Plans    []node
}

// walk visits a plan from its root.
func (n node) walk(visit func(node)) {
	visit(n)
	for _, below := range n.Plans {
		below.walk(visit)
	}
}

// plan asks how the service would run a statement.
func (x *town) plan(sql string, args []any) (root node) {
	x.t.Helper()
	x.within(func(tx pgx.Tx) {
		var text []byte
		if err := tx.QueryRow(x.t.Context(), "EXPLAIN (FORMAT JSON) "+sql, args...).Scan(&text); err != nil {
			x.t.Fatalf("explain %s: %v", sql, err)
		}
		var plans []struct{ Plan node }
		if err := json.Unmarshal(text, &plans); err != nil {
			x.t.Fatal(err)
		}
		root = plans[0].Plan
	})
	return root
}

// wantNoScan fails if a plan reads a whole table.
func (x *town) wantNoScan(what, sql string, args []any) node {
	x.t.Helper()
	root := x.plan(sql, args)
	root.walk(func(n node) {
		if n.Type == "Seq Scan" && n.Relation != "" {
			x.t.Errorf("%s reads all of %s: %s", what, n.Relation, sql)
		}
	})
	return root
}

// listener notes the statement of a generated query instead of sending it.
type listener struct {
	sql  string
	args []any
}

var errHeard = errors.New("heard")

func (l *listener) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	l.sql, l.args = sql, args
	return pgconn.CommandTag{}, errHeard
}

func (l *listener) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	l.sql, l.args = sql, args
	return nil, errHeard
}

func (l *listener) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	l.sql, l.args = sql, args
	return silence{}
}

type silence struct{}

func (silence) Scan(...any) error { return errHeard }

// sample is a value for a parameter of a generated query.
func (x *town) sample(of reflect.Type) reflect.Value {
	now := time.Now()
	for _, v := range []any{
		x.user, x.session, x.project, x.spec, x.item, &x.user, id.New[identity.Event](), new(id.New[identity.Resource]()),
		pgtype.UUID{Bytes: x.user, Valid: true},
		[]outline.ItemID{x.item},
		[]byte(strings.Repeat("x", 32)), now, &now,
		"{}", new("x"), int32(50), int64(50), float64(86400),
	} {
		if reflect.TypeOf(v) == of {
			return reflect.ValueOf(v)
		}
	}
	if of.Kind() != reflect.Struct {
		x.t.Fatalf("there is no sample of %s", of)
	}
	v := reflect.New(of).Elem()
	for n := range of.NumField() {
		v.Field(n).Set(x.sample(of.Field(n).Type))
	}
	return v
}

func TestNoGeneratedQueryReadsAWholeTable(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it fills a database")
	}
	x := newTown(t)
	x.generated(t)
	x.lists(t)
	x.unexplained(t)
}

// generated asks about everything that sqlc has made.
func (x *town) generated(t *testing.T) {
	t.Helper()
	asked := 0
	for method := range reflect.TypeFor[*db.Queries]().Methods() {
		if slices.Contains([]string{"WithTx", "DB", "ListUsers"}, method.Name) { // for the last: TestTheListsOfTheStaff…
			continue
		}
		var heard listener
		in := []reflect.Value{reflect.ValueOf(db.New(&heard)), reflect.ValueOf(t.Context())}
		for p := 2; p < method.Type.NumIn(); p++ {
			in = append(in, x.sample(method.Type.In(p)))
		}
		method.Func.Call(in)
		if heard.sql == "" {
			t.Errorf("%s sends nothing", method.Name)
			continue
		}
		x.wantNoScan(method.Name, heard.sql, heard.args)
		asked++
	}
	if asked < 30 {
		t.Errorf("only %d queries were asked about", asked)
	}
}

// tracer notes what a store sends.
type tracer struct {
	mu   sync.Mutex
	sent []*pgx.QueuedQuery
}

func (l *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, d.Batch.QueuedQueries...)
	return ctx
}
func (*tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (*tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (*tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// lists asks about every order of a list, its first page and a later one.
func (x *town) lists(t *testing.T) {
	t.Helper()
	var heard tracer
	store, err := postgres.Open(t.Context(), postgres.Config{
		URL: x.db.Service, PoolSize: 1, Dial: func(c *pgx.ConnConfig) { c.Tracer = &heard },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	actor := identity.Actor{User: x.user, Session: x.session}
	columns := []outline.Column{outline.ByCreatedAt, outline.ByUpdatedAt, outline.ByTitle, outline.ByNumber}
	for n := range 8 * len(columns) {
		order := outline.Order{Column: columns[n/8], Descending: n&1 > 0}
		q := outline.ListQuery{Order: order, Trashed: n&2 > 0, Limit: 51}
		if n&4 > 0 {
			q.After = &outline.Cursor{Time: time.Now().Add(-100 * time.Hour), Text: "Project 5", Number: 500, ID: id.New[outline.Project]()}
		}
		if order.Column != outline.ByNumber {
			if _, err := store.Projects(t.Context(), actor, q); err != nil {
				t.Error(err)
			}
		}
		if _, _, err := store.Specifications(t.Context(), actor, x.project, q); err != nil {
			t.Error(err)
		}
	}
	asked, sorted := 0, 0
	for _, sent := range heard.sent {
		if !strings.Contains(sent.SQL, " LIMIT $") {
			continue
		}
		asked++
		root := x.wantNoScan("a list", sent.SQL, sent.Arguments)
		root.walk(func(n node) {
			if strings.Contains(n.Type, "Sort") {
				sorted++
			}
		})
	}
	// The policy hides from the planner how many rows an owner has, so it takes
	// their number for one, and any index for good enough.
	t.Logf("%d of %d lists are sorted, although an index has their order", sorted, asked)
	if want := 24 + 32; asked != want {
		t.Errorf("%d lists were asked about, want %d", asked, want)
	}
}

// unexplained runs what EXPLAIN does not look into: functions, the checks of
// triggers and what foreign keys take along.
func (x *town) unexplained(t *testing.T) {
	t.Helper()
	for name, statements := range map[string][]string{
		"live_session":            {"SELECT live_session($session, $user)"},
		"known_user":              {"SELECT known_user('https://accounts.google.com', 's7')"},
		"trash_due":               {"SELECT trash_due(now() - interval '100 days', 100)"},
		"deletion of an item":     {"DELETE FROM bullet_items WHERE id = $item", "UPDATE specifications SET item_ids = array_remove(item_ids, $item) WHERE id = $spec"},
		"purge of a spec":         {"DELETE FROM specifications WHERE id = $spec"},
		"purge of a project":      {"DELETE FROM projects WHERE id = $project"},
		"deletion of the account": {"DELETE FROM users WHERE id = $user"},
	} {
		confined := *x
		if name == "deletion of the account" { // of the rich one's fifth of all projects a scan is the best way
			if err := x.super.QueryRow(t.Context(), "SELECT id FROM users WHERE subject = 's7'").Scan(&confined.user); err != nil {
				t.Fatal(err)
			}
		}
		values := strings.NewReplacer("$session", quote(x.session), "$user", quote(confined.user),
			"$project", quote(x.project), "$spec", quote(x.spec), "$item", quote(x.item))
		began := time.Now()
		confined.within(func(tx pgx.Tx) {
			for _, sql := range append(slices.Clone(statements), "SET CONSTRAINTS ALL IMMEDIATE") {
				if _, err := tx.Exec(t.Context(), values.Replace(sql)); err != nil {
					t.Fatalf("%s: %s: %v", name, sql, err)
				}
			}
			if scanned := scansOf(t, tx); len(scanned) > 0 {
				t.Errorf("%s reads all of %v", name, scanned)
			}
		})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s takes %s", name, took)
		}
	}
}

// scansOf names the tables that the transaction has read from end to end.
func scansOf(t *testing.T, tx pgx.Tx) []string {
	t.Helper()
	rows, err := tx.Query(t.Context(), "SELECT relname::text FROM pg_stat_xact_user_tables WHERE seq_scan > 0")
	if err != nil {
		t.Fatal(err)
	}
	scanned, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return scanned
}

func quote(v fmt.Stringer) string { return "'" + v.String() + "'::uuid" }
