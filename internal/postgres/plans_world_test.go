package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
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

// town is a database with 1,000 users and 200,000 items, and a store over it. One
// of the users has as many projects, and in one of them as many specifications,
// as one may have. A fifth of all is in the trash.
type town struct {
	*world
	tap   *wiretap
	super *pgx.Conn
	// What the rich user has.
	actor   auth.Actor
	project requirements.ProjectID
	spec    requirements.SpecificationID
	item    requirements.ItemID
}

// settleTown fills the tables past the rules and their triggers, which would take
// minutes.
const settleTown = `
SET session_replication_role = replica;
INSERT INTO users (id, issuer, subject, email, name)
SELECT gen_random_uuid(), 'https://accounts.google.com', 's' || n, n || '@example.com', 'Person ' || n FROM generate_series(1, 1000) AS n;
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
SET session_replication_role = origin;`

func newTown(t testing.TB) *town {
	t.Helper()
	x := &town{tap: &wiretap{}}
	x.world = newWorld(t, x.tap.tap)
	x.super = connect(t, x.Super)
	must(t, x.super, settleTown, "VACUUM ANALYZE")
	var items int
	if err := x.super.QueryRow(t.Context(), `
SELECT u.id, (SELECT id FROM sessions WHERE user_id = u.id AND revoked_at IS NULL LIMIT 1), s.project_id, s.id, s.item_ids[1], (SELECT count(*) FROM bullet_items)
FROM   users AS u JOIN specifications AS s ON s.owner_id = u.id
WHERE  u.subject = 's1' AND s.number = 501`).Scan(&x.actor.User, &x.actor.Session, &x.project, &x.spec, &x.item, &items); err != nil {
		t.Fatal(err)
	}
	if items < 200_000 {
		t.Fatalf("the town has only %d items", items)
	}
	return x
}

// as runs do in a transaction on a connection of the store, confined to a user,
// and rolls it back.
func (x *town) as(user auth.UserID, do func(tx pgx.Tx)) {
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
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is kept
	const confine = "SELECT set_config('role', '" + appRole + "', true), set_config('app.user_id', $1::uuid::text, true)"
	if _, err := tx.Exec(ctx, confine, user); err != nil {
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

// explain asks how a connection of the store runs a statement for the rich user.
// In custom mode it plans for the values, as it would do if it were not told to
// plan each statement once.
func (x *town) explain(sql string, args []any, custom bool, options string) []node {
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

// literal is a value as SQL writes it.
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
	case []requirements.ItemID:
		return "'{" + strings.Join(strings.Fields(strings.Trim(fmt.Sprint(v), "[]")), ",") + "}'"
	}
	if v := reflect.ValueOf(arg); v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "NULL"
		}
		return literal(v.Elem().Interface())
	}
	return "'" + strings.ReplaceAll(fmt.Sprint(arg), "'", "''") + "'"
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
		x.actor.User, x.actor.Session, x.project, x.spec, x.item, &x.actor.User,
		id.New[auth.Event](), new(id.New[auth.Resource]()),
		pgtype.UUID{Bytes: x.actor.User, Valid: true},
		[]requirements.ItemID{x.item},
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
