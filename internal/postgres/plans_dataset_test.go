package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// dataset is a database with 1,000 users and 200,000 items, and a store over it. One
// user has the maximum number of projects, and the maximum number of specifications in
// one of them. A fifth of everything is in the trash.
type dataset struct {
	*fixture
	traffic *sniffer
	super   *pgx.Conn
	// What the largest user has.
	actor   auth.Actor
	project requirements.ProjectID
	spec    requirements.SpecificationID
	item    requirements.ItemID
}

// fillDataset fills the tables without the rules and without triggers: those would take
// minutes.
const fillDataset = `
SET session_replication_role = replica;
INSERT INTO users (id, issuer, subject, email, name)
SELECT gen_random_uuid(), 'https://schemaRules.google.com', 's' || n, n || '@example.com', 'Person ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO identities SELECT issuer, subject, id FROM users;
INSERT INTO sessions (id, user_id, salt, created_at, last_used_at, expires_at, ends_at, user_agent, ip, revoked_at)
SELECT gen_random_uuid(), u.id, decode(md5(n::text), 'hex'), now() - n * interval '1 hour', now(), now() + interval '1 day', now() + interval '30 days', '', '', CASE WHEN n > 5 THEN now() END
FROM users AS u, generate_series(1, 20) AS n;
INSERT INTO used_id_tokens (hash, expires_at) SELECT sha256((u.id::text || n)::bytea), now() + n * interval '1 hour' FROM users AS u, generate_series(0, 10) AS n;
INSERT INTO idempotency_keys SELECT u.id, 'k' || n, sha256('x'), '{}', now() - n * interval '2 hours' FROM users AS u, generate_series(1, 15) AS n;
INSERT INTO projects (id, owner_id, title, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), u.id, 'Project ' || n % 10, now() - n * interval '1 hour', now() - n * interval '1 minute', CASE WHEN n % CASE u.subject WHEN 's1' THEN 5 ELSE 4 END = 0 THEN now() - n * interval '1 day' END
FROM users AS u, generate_series(1, CASE WHEN u.subject = 's1' THEN 1000 ELSE 4 END) AS n;
INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), p.id, p.owner_id, n, 'Specification ' || n % 10, repeat('x', 500), now() - n * interval '1 hour', now() - n * interval '1 minute', CASE WHEN (n + nth) % 5 = 0 THEN now() - n * interval '1 day' END
FROM (SELECT p.*, row_number() OVER (PARTITION BY p.owner_id) AS nth, u.subject FROM projects AS p JOIN users AS u ON u.id = p.owner_id) AS p,
     generate_series(1, CASE WHEN p.subject <> 's1' THEN 1 WHEN p.nth = 1 THEN 1000 ELSE 0 END) AS n;
INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
SELECT gen_random_uuid(), s.id, s.owner_id, n, repeat('x', 50), now(), now() FROM specifications AS s, generate_series(1, 40 + s.number % 2) AS n;
UPDATE specifications AS s SET item_ids = i.ids FROM (SELECT spec_id, array_agg(id) AS ids FROM bullet_items GROUP BY spec_id) AS i WHERE s.id = i.spec_id;
INSERT INTO project_revisions (owner_id, project_id, revision, revised_at, transaction, began_at)
SELECT owner_id, id, 100, now(), pg_current_xact_id(), '2000-01-01' FROM projects;
INSERT INTO changes (owner_id, project_id, revision, kind, revised_at, spec_id, spec_version, item_id, item_number, item_version, old_content)
SELECT s.owner_id, s.project_id, n, 'item.changed', now() - n * interval '1 hour', s.id, n, s.item_ids[n], n, 1, repeat('x', 50)
FROM   specifications AS s, generate_series(1, 20) AS n;
INSERT INTO baselines (owner_id, id, project_id, name, revision, digest, created_by, created_at)
SELECT p.owner_id, gen_random_uuid(), p.id, n, n, 'sha256:' || repeat('a', 64), p.owner_id, now() - n * interval '1 hour' FROM projects AS p, generate_series(1, 10) AS n;
INSERT INTO project_members (owner_id, project_id, user_id, role, created_at)
SELECT p.owner_id, p.id, u.id, 'editor', now() FROM projects AS p JOIN users AS u ON u.id <> p.owner_id AND abs(hashtext(p.id::text || u.id::text)) % 500 = 0;
INSERT INTO invitations (owner_id, id, project_id, role, hash, created_at, expires_at)
SELECT p.owner_id, gen_random_uuid(), p.id, 'viewer', sha256((p.id::text || n)::bytea), now(), now() + n * interval '1 day' FROM projects AS p, generate_series(1, 3) AS n;
SET session_replication_role = origin;`

func newDataset(t testing.TB) *dataset {
	t.Helper()
	x := &dataset{traffic: &sniffer{}}
	x.fixture = newFixture(t, x.traffic.attach)
	x.super = connect(t, x.Super)
	mustExec(t, x.super, fillDataset, "VACUUM ANALYZE")
	var items int
	if err := x.super.QueryRow(t.Context(), `
SELECT u.id, (SELECT id FROM sessions WHERE user_id = u.id AND revoked_at IS NULL LIMIT 1), s.project_id, s.id, s.item_ids[1], (SELECT count(*) FROM bullet_items)
FROM   users AS u JOIN specifications AS s ON s.owner_id = u.id
WHERE  u.subject = 's1' AND s.number = 501`).Scan(&x.actor.User, &x.actor.Session, &x.project, &x.spec, &x.item, &items); err != nil {
		t.Fatal(err)
	}
	if items < 200_000 {
		t.Fatalf("the dataset has only %d items", items)
	}
	return x
}

// as runs do in a transaction on a connection of the store, in the tenant scope of a
// user, and rolls it back.
func (x *dataset) as(user auth.UserID, do func(tx pgx.Tx)) {
	x.t.Helper()
	ctx := x.t.Context()
	conn, err := x.store.Pool().Acquire(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is committed
	const setScope = "SELECT set_config('role', '" + appRole + "', true), set_config('app.user_id', $1::uuid::text, true)"
	if _, err := tx.Exec(ctx, setScope, user); err != nil {
		x.t.Fatal(err)
	}
	do(tx)
}

// node is a node of a plan.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Cond     string  `json:"Index Cond"`
	Rows     float64 `json:"Actual Rows"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []node
}

// all are the nodes of a plan, from its root.
func (n node) all() []node {
	nodes := []node{n}
	for _, below := range n.Plans {
		nodes = append(nodes, below.all()...)
	}
	return nodes
}

// explain returns the plan of a statement on a connection of the store, for the largest
// user. In custom mode PostgreSQL plans for the values, as it would by default.
func (x *dataset) explain(sql string, args []any, custom bool, options string) []node {
	x.t.Helper()
	call := "statement"
	if len(args) > 0 {
		values := make([]string, len(args))
		for n, arg := range args {
			values[n] = literal(arg)
		}
		call += " (" + strings.Join(values, ", ") + ")"
	}
	var text []byte
	x.as(x.actor.User, func(tx pgx.Tx) {
		statements := []string{"PREPARE statement AS " + sql}
		if custom {
			statements = append(statements, "SET LOCAL plan_cache_mode = force_custom_plan")
		}
		for _, sql := range statements {
			if _, err := tx.Exec(x.t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				x.t.Fatalf("%s: %v", sql, err)
			}
		}
		if err := tx.QueryRow(x.t.Context(), "EXPLAIN (FORMAT JSON"+options+") EXECUTE "+call, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
			x.t.Fatalf("explain %s: %v", sql, err)
		}
		if _, err := tx.Exec(x.t.Context(), "DEALLOCATE statement"); err != nil {
			x.t.Fatal(err)
		}
	})
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil {
		x.t.Fatal(err)
	}
	return plans[0].Plan.all()
}

// literal is a value as a literal of SQL.
func literal(arg any) string {
	switch v := arg.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf(`'\x%x'`, v)
	case [16]byte:
		return literal(requirements.ItemID(v).String())
	case time.Time:
		return "'" + v.Format(time.RFC3339Nano) + "'"
	case pgtype.UUID:
		return literal(v.Bytes)
	}
	switch v := reflect.ValueOf(arg); v.Kind() {
	case reflect.Slice:
		quoted := make([]string, v.Len())
		for n := range quoted {
			element := literal(v.Index(n).Interface())
			quoted[n] = strconv.Quote(strings.ReplaceAll(element[1:len(element)-1], "''", "'"))
		}
		return literal("{" + strings.Join(quoted, ",") + "}")
	case reflect.Pointer:
		if v.IsNil() {
			return "NULL"
		}
		return literal(v.Elem().Interface())
	default:
		return "'" + strings.ReplaceAll(fmt.Sprint(arg), "'", "''") + "'"
	}
}

// recordedQuery implements db.DBTX. It records the statement of a generated query instead
// of sending it.
type recordedQuery struct {
	sql  string
	args []any
}

var errRecorded = errors.New("recorded")

func (r *recordedQuery) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r.sql, r.args = sql, args
	return pgconn.CommandTag{}, errRecorded
}

func (r *recordedQuery) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return nil, errRecorded
}

func (r *recordedQuery) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.sql, r.args = sql, args
	return recordedRow{}
}

type recordedRow struct{}

func (recordedRow) Scan(...any) error { return errRecorded }

// sample is a value for a parameter of a generated query: an id of the dataset where one
// has the type, else any value of its kind.
func (x *dataset) sample(of reflect.Type) reflect.Value {
	for _, v := range []any{
		x.actor.User, x.actor.Session, x.project, x.spec, x.item, time.Now(),
		pgtype.UUID{Bytes: x.actor.User, Valid: true},
	} {
		if reflect.TypeOf(v) == of {
			return reflect.ValueOf(v)
		}
	}
	v := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.String:
		v.SetString("{}") // jsonb too
	case reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(50)
	case reflect.Float64:
		v.SetFloat(86400)
	case reflect.Bool:
	case reflect.Array: // an id
		v.Set(reflect.ValueOf([16]byte(id.New[dataset]())).Convert(of))
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
		v.Elem().Set(x.sample(of.Elem()))
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(strings.Repeat("x", 32)))
		} else {
			v.Set(reflect.Append(v, x.sample(of.Elem())))
		}
	case reflect.Struct:
		for n := range of.NumField() {
			v.Field(n).Set(x.sample(of.Field(n).Type))
		}
	default:
		x.t.Fatalf("no sample of %s", of)
	}
	return v
}
