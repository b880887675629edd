package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// rlsAttack has two users with a row in every table, and an attacker that sends any SQL
// over a connection of the service.
type rlsAttack struct {
	t      testing.TB
	tables []table
	// ann is the user of the attacker's connection, bob the victim.
	ann, bob rowSet
	// super sees everything and fires no triggers; power fires them.
	super, power, attacker *pgx.Conn

	// weakened is true for a changed schema, where attacks may fail in other ways.
	weakened bool
	found    []string
}

func newRLSAttack(t testing.TB, db testkit.Database, role string) *rlsAttack {
	t.Helper()
	x := &rlsAttack{t: t, super: connect(t, db.Super), power: connect(t, db.Super), attacker: connect(t, db.Service)}
	mustExec(t, x.super, "SET session_replication_role = replica")
	x.tables = readTables(t, x.super)
	// Bob's rows come first in every table, where a scan reads them first.
	x.bob, x.ann = insertRows(t, x.super, x.tables), insertRows(t, x.super, x.tables)
	if role != "" {
		mustExec(t, x.attacker, "SET ROLE "+role)
	}
	return x
}

// actAs sets the user of the attacker's connection.
func (x *rlsAttack) actAs(user string) {
	x.t.Helper()
	value[string](x.t, x.attacker, "SELECT set_config('app.user_id', $1, false)", user)
}

func (x *rlsAttack) succeeded(format string, args ...any) {
	x.found = append(x.found, fmt.Sprintf(format, args...))
}

// attack sends a statement that has to fail or to touch nothing. It commits.
func (x *rlsAttack) attack(what, sql string, args ...any) {
	x.t.Helper()
	tag, err := x.attacker.Exec(x.t.Context(), sql, args...)
	x.checkAttack(sql, err)
	if err == nil && tag.RowsAffected() > 0 {
		x.succeeded("%s: %s: %s", what, sql, tag)
	}
}

// checkAttack fails the test where an attack failed for another reason than missing
// rights: it shows nothing.
func (x *rlsAttack) checkAttack(sql string, err error) {
	x.t.Helper()
	switch pg, ok := errors.AsType[*pgconn.PgError](err); {
	case err == nil, x.weakened,
		ok && slices.Contains([]string{
			"42501", // no right, or against a policy
			"23503", // against a foreign key
			"42704", // the user was never set
			"22P02", // the user is not a UUID
			"0A000", // COPY into a table with policies
		}, pg.Code):
	default:
		x.t.Errorf("not a valid attack: %s: %v", sql, err)
	}
}

// rejected sends a statement that has to fail. It is rolled back.
func (x *rlsAttack) rejected(conn *pgx.Conn, what, sql string, args ...any) {
	x.t.Helper()
	err := x.try(conn, sql, args...)
	x.checkAttack(sql, err)
	if err == nil {
		x.succeeded("%s: %s", what, sql)
	}
}

// try returns the error of a statement, and rolls it back.
func (x *rlsAttack) try(conn *pgx.Conn, sql string, args ...any) error {
	x.t.Helper()
	tx, err := conn.Begin(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	_, err = tx.Exec(x.t.Context(), sql, args...)
	if rollback := tx.Rollback(x.t.Context()); rollback != nil {
		x.t.Fatal(rollback)
	}
	return err
}

// seesOnly sends a query that may only return ann's rows.
func (x *rlsAttack) seesOnly(user, what, sql string, args ...any) {
	x.t.Helper()
	tx, err := x.attacker.Begin(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	defer tx.Rollback(x.t.Context()) //nolint:errcheck // the next begin would fail
	rows, err := tx.Query(x.t.Context(), sql, args...)
	if err != nil {
		x.t.Fatal(err)
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	x.checkAttack(sql, err)
	if i := slices.IndexFunc(owners, func(o string) bool { return o != user }); i >= 0 {
		x.succeeded("%s: %s returns a row of %s", what, sql, owners[i])
	}
}

// insertable are the columns of r that the service may insert.
func (x *rlsAttack) insertable(tb table, r row) []string {
	return slices.DeleteFunc(tb.only(func(c col) bool { return c.insert && !c.generated }), func(name string) bool {
		_, has := r[name]
		return !has
	})
}

// attackTable does everything to one table that must not affect bob's rows.
func (x *rlsAttack) attackTable(tb table) {
	x.t.Helper()
	a, b := x.ann[tb.name], x.bob[tb.name]
	me, bobs := x.ann["users"]["id"], tb.assignments(tb.key, 1, " AND ")
	x.seesOnly(me, tb.name+" is read", "SELECT "+tb.owner+"::text FROM "+tb.name)
	x.seesOnly(me, tb.name+" is locked", "SELECT "+tb.owner+"::text FROM "+tb.name+" FOR UPDATE")
	x.seesOnly(me, tb.name+" is read by key", "SELECT "+tb.owner+"::text FROM "+tb.name+" WHERE "+bobs, b.of(tb.key)...)
	x.seesOnly(me, tb.name+" is emptied", "DELETE FROM "+tb.name+" RETURNING "+tb.owner+"::text")
	x.attack(tb.name+" loses a row", "DELETE FROM "+tb.name+" WHERE "+bobs, b.of(tb.key)...)
	for _, name := range tb.only(func(c col) bool { return !c.generated }) {
		set := "UPDATE " + tb.name + " SET " + pgx.Identifier{name}.Sanitize() + " = " + pgx.Identifier{name}.Sanitize()
		x.attack(tb.name+" is changed", set+" WHERE "+bobs, b.of(tb.key)...)
		x.seesOnly(me, tb.name+" is changed everywhere", set+" RETURNING "+tb.owner+"::text")
	}
	x.rejected(x.attacker, tb.name+": a row is given away", "UPDATE "+tb.name+" SET "+tb.assignments([]string{tb.owner}, 1, ""), b[tb.owner])
	if x.hasVersion(150000) {
		x.attack(tb.name+" is merged into", "MERGE INTO "+tb.name+" USING (SELECT 1) AS one ON "+bobs+" WHEN MATCHED THEN DELETE", b.of(tb.key)...)
	}
	x.insertForBob(tb, a, b)
	x.insertBelowBob(tb, a, b)
	x.copyOut(tb, b[tb.owner])
	// A condition of the attacker must not see a row before the policy does. Where the
	// attacker has no row that would make it fail, this shows nothing.
	sees := value[bool](x.t, x.attacker, "SELECT has_table_privilege($1, 'SELECT')", tb.name) &&
		value[bool](x.t, x.attacker, "SELECT EXISTS (SELECT FROM "+tb.name+")")
	if err := x.try(x.attacker, "SELECT FROM "+tb.name+" AS x WHERE x::text::integer = 1"); err == nil && sees || err != nil && strings.Contains(err.Error(), b[tb.owner]) {
		x.succeeded("%s: an error leaks a row: %v", tb.name, err)
	}
}

// hasVersion reports whether the server has at least the version.
func (x *rlsAttack) hasVersion(version int) bool {
	x.t.Helper()
	return value[int](x.t, x.power, "SELECT current_setting('server_version_num')::int") >= version
}

func (x *rlsAttack) insertForBob(tb table, a, b row) {
	x.t.Helper()
	names := x.insertable(tb, a)
	if len(names) == 0 {
		return
	}
	if own := a.fresh(tb); tb.name != "users" {
		// What is rejected below is rejected for its owner, not for its values.
		if err := x.try(x.attacker, tb.insert(names), own.of(names)...); err != nil {
			x.t.Fatalf("%s: a user cannot insert an own row: %v", tb.name, err)
		}
	}
	for what, r := range map[string]row{
		"below bob's parent": b.fresh(tb),
		"below ann's parent": a.fresh(tb).with(row{tb.owner: b.fresh(tb)[tb.owner]}),
	} {
		x.rejected(x.attacker, tb.name+": a row is inserted for bob, "+what, tb.insert(names), r.of(names)...)
	}
	taken := row{}
	for _, name := range tb.key {
		taken[name] = b[name]
	}
	conflict := " ON CONFLICT (" + strings.Join(tb.key, ", ") + ") DO "
	x.attack(tb.name+" is inserted over", tb.insert(names)+conflict+"NOTHING", a.fresh(tb).with(taken).of(names)...)
	for _, name := range tb.only(func(c col) bool { return c.update }) {
		x.attack(tb.name+" is inserted over", tb.insert(names)+conflict+"UPDATE SET "+name+" = EXCLUDED."+name, a.fresh(tb).with(taken).of(names)...)
	}
}

// insertBelowBob inserts a row of ann with a parent of bob. It does so also without
// row-level security, which foreign keys ignore.
func (x *rlsAttack) insertBelowBob(tb table, a, b row) {
	x.t.Helper()
	for _, f := range tb.foreign {
		to := row{}
		for _, name := range f.columns {
			if name != tb.owner {
				to[name] = b[name]
			}
		}
		if len(to) == 0 {
			continue // the parent is the user: insertForBob
		}
		hung := a.fresh(tb).with(to)
		names := tb.only(func(c col) bool { _, has := hung[c.name]; return has && !c.generated })
		if f.parent != "users" { // a member is another user; the service cannot choose one
			x.rejected(x.power, tb.name+": "+f.name+" lets a row refer to bob's", tb.insert(names), hung.of(names)...)
		}
		if allowed := x.insertable(tb, hung); len(allowed) > 0 {
			x.rejected(x.attacker, tb.name+": "+f.name+" lets a row refer to bob's", tb.insert(allowed), hung.of(allowed)...)
		}
		for name := range to {
			x.rejected(x.attacker, tb.name+": "+f.name+" lets a row be moved to bob's",
				"UPDATE "+tb.name+" SET "+tb.assignments([]string{name}, 1, "")+" WHERE "+tb.assignments(tb.key, 2, " AND "),
				slices.Concat([]any{to[name]}, a.of(tb.key))...)
		}
	}
}

// copyOut attacks with COPY.
func (x *rlsAttack) copyOut(tb table, bob string) {
	x.t.Helper()
	for _, sql := range []string{"COPY " + tb.name + " TO STDOUT", "COPY (SELECT * FROM " + tb.name + ") TO STDOUT"} {
		var out bytes.Buffer
		_, err := x.attacker.PgConn().CopyTo(x.t.Context(), &out, sql)
		x.checkAttack(sql, err)
		if strings.Contains(out.String(), bob) {
			x.succeeded("%s is copied out: %s", tb.name, sql)
		}
	}
	r := x.bob[tb.name].fresh(tb)
	names := x.insertable(tb, r)
	if len(names) == 0 {
		return
	}
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = strings.ReplaceAll(r[name], `\`, `\\`)
	}
	tag, err := x.attacker.PgConn().CopyFrom(x.t.Context(), strings.NewReader(strings.Join(values, "\t")+"\n"), "COPY "+tb.name+" ("+strings.Join(names, ", ")+") FROM STDIN")
	x.checkAttack("COPY "+tb.name, err)
	if err == nil {
		x.succeeded("%s is copied into: %s", tb.name, tag)
	}
}
