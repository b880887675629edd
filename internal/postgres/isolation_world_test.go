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

// tenants are two people with a row in every table, and somebody who stole a
// connection of the service and sends what he likes.
type tenants struct {
	t      testing.TB
	tables []table
	// ann is whom the thief acts for; he is after what is bob's.
	ann, bob family
	// super sees everything and fires no triggers; power fires them.
	super, power, thief *pgx.Conn

	// drilled schemas let attacks end in ways that are of no interest.
	drilled bool
	found   []string
}

func newTenants(t testing.TB, db testkit.Database, role string) *tenants {
	t.Helper()
	x := &tenants{t: t, super: connect(t, db.Super), power: connect(t, db.Super), thief: connect(t, db.Service)}
	must(t, x.super, "SET session_replication_role = replica")
	x.tables = readTables(t, x.super)
	// Bob's rows come first in every table, where a scan meets them first.
	x.bob, x.ann = settle(t, x.super, x.tables), settle(t, x.super, x.tables)
	if role != "" {
		must(t, x.thief, "SET ROLE "+role)
	}
	return x
}

// actAs sets the user of the thief's session.
func (x *tenants) actAs(user string) {
	x.t.Helper()
	value[string](x.t, x.thief, "SELECT set_config('app.user_id', $1, false)", user)
}

func (x *tenants) hole(format string, args ...any) {
	x.found = append(x.found, fmt.Sprintf(format, args...))
}

// attack sends a statement that has to fail or to touch nothing. It commits.
func (x *tenants) attack(what, sql string, args ...any) {
	x.t.Helper()
	tag, err := x.thief.Exec(x.t.Context(), sql, args...)
	x.fair(sql, err)
	if err == nil && tag.RowsAffected() > 0 {
		x.hole("%s: %s: %s", what, sql, tag)
	}
}

// fair fails the test where an attack failed by its own fault: it shows nothing.
func (x *tenants) fair(sql string, err error) {
	x.t.Helper()
	switch pg, ok := errors.AsType[*pgconn.PgError](err); {
	case err == nil, x.drilled,
		ok && slices.Contains([]string{
			"42501", // no right, or against a policy
			"23503", // against a foreign key
			"42704", // nobody has said yet who the caller is
			"22P02", // nobody is the caller
			"0A000", // COPY into a table with policies
		}, pg.Code):
	default:
		x.t.Errorf("a clumsy attack: %s: %v", sql, err)
	}
}

// refused sends a statement that has to fail. It is rolled back.
func (x *tenants) refused(conn *pgx.Conn, what, sql string, args ...any) {
	x.t.Helper()
	err := x.try(conn, sql, args...)
	x.fair(sql, err)
	if err == nil {
		x.hole("%s: %s", what, sql)
	}
}

// try tells how a statement ends, and rolls it back.
func (x *tenants) try(conn *pgx.Conn, sql string, args ...any) error {
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

// seesOnly sends a query whose rows may only be ann's.
func (x *tenants) seesOnly(user, what, sql string, args ...any) {
	x.t.Helper()
	tx, err := x.thief.Begin(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	defer tx.Rollback(x.t.Context()) //nolint:errcheck // the next begin would tell
	rows, err := tx.Query(x.t.Context(), sql, args...)
	if err != nil {
		x.t.Fatal(err)
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	x.fair(sql, err)
	if i := slices.IndexFunc(owners, func(o string) bool { return o != user }); i >= 0 {
		x.hole("%s: %s answers a row of %s", what, sql, owners[i])
	}
}

// insertable are the columns of r that the service may insert.
func (x *tenants) insertable(tb table, r row) []string {
	return slices.DeleteFunc(tb.only(func(c col) bool { return c.insert && !c.generated }), func(name string) bool {
		_, has := r[name]
		return !has
	})
}

// trespass does everything to one table that must not touch what is bob's.
func (x *tenants) trespass(tb table) {
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
	x.refused(x.thief, tb.name+": a row is given away", "UPDATE "+tb.name+" SET "+tb.assignments([]string{tb.owner}, 1, ""), b[tb.owner])
	if x.holds(150000) {
		x.attack(tb.name+" is merged into", "MERGE INTO "+tb.name+" USING (SELECT 1) AS one ON "+bobs+" WHEN MATCHED THEN DELETE", b.of(tb.key)...)
	}
	x.insertForBob(tb, a, b)
	x.hangUnderBob(tb, a, b)
	x.copyOut(tb, b[tb.owner])
	// A condition of the thief's must not see a row before the policy does. Where
	// no row of his own could make it fail there is nothing to be learnt.
	sees := value[bool](x.t, x.thief, "SELECT has_table_privilege($1, 'SELECT')", tb.name) &&
		value[bool](x.t, x.thief, "SELECT EXISTS (SELECT FROM "+tb.name+")")
	if err := x.try(x.thief, "SELECT FROM "+tb.name+" AS x WHERE x::text::integer = 1"); err == nil && sees || err != nil && strings.Contains(err.Error(), b[tb.owner]) {
		x.hole("%s: an error tells of a row: %v", tb.name, err)
	}
}

// holds reports whether the server has at least the version.
func (x *tenants) holds(version int) bool {
	x.t.Helper()
	return value[int](x.t, x.power, "SELECT current_setting('server_version_num')::int") >= version
}

func (x *tenants) insertForBob(tb table, a, b row) {
	x.t.Helper()
	names := x.insertable(tb, a)
	if len(names) == 0 {
		return
	}
	if own := a.fresh(tb); tb.name != "users" {
		// What is refused below is refused for whose it is, not for its form.
		if err := x.try(x.thief, tb.insert(names), own.of(names)...); err != nil {
			x.t.Fatalf("%s: nobody can insert a row of their own: %v", tb.name, err)
		}
	}
	for what, r := range map[string]row{
		"below what is bob's": b.fresh(tb),
		"below what is ann's": a.fresh(tb).with(row{tb.owner: b.fresh(tb)[tb.owner]}),
	} {
		x.refused(x.thief, tb.name+": a row is inserted for bob, "+what, tb.insert(names), r.of(names)...)
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

// hangUnderBob puts a row of ann's below a parent of bob's: also as somebody
// whom row-level security does not hold, since foreign keys ignore it.
func (x *tenants) hangUnderBob(tb table, a, b row) {
	x.t.Helper()
	for _, f := range tb.foreign {
		to := row{}
		for _, name := range f.columns {
			if name != tb.owner {
				to[name] = b[name]
			}
		}
		if len(to) == 0 {
			continue // a user's own: insertForBob
		}
		hung := a.fresh(tb).with(to)
		names := tb.only(func(c col) bool { _, has := hung[c.name]; return has && !c.generated })
		x.refused(x.power, tb.name+": "+f.name+" lets a row hang under bob's", tb.insert(names), hung.of(names)...)
		if allowed := x.insertable(tb, hung); len(allowed) > 0 {
			x.refused(x.thief, tb.name+": "+f.name+" lets a row hang under bob's", tb.insert(allowed), hung.of(allowed)...)
		}
		for name := range to {
			x.refused(x.thief, tb.name+": "+f.name+" lets a row move under bob's",
				"UPDATE "+tb.name+" SET "+tb.assignments([]string{name}, 1, "")+" WHERE "+tb.assignments(tb.key, 2, " AND "),
				slices.Concat([]any{to[name]}, a.of(tb.key))...)
		}
	}
}

// copyOut tries the other language for rows.
func (x *tenants) copyOut(tb table, bob string) {
	x.t.Helper()
	for _, sql := range []string{"COPY " + tb.name + " TO STDOUT", "COPY (SELECT * FROM " + tb.name + ") TO STDOUT"} {
		var out bytes.Buffer
		_, err := x.thief.PgConn().CopyTo(x.t.Context(), &out, sql)
		x.fair(sql, err)
		if strings.Contains(out.String(), bob) {
			x.hole("%s is copied out: %s", tb.name, sql)
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
	tag, err := x.thief.PgConn().CopyFrom(x.t.Context(), strings.NewReader(strings.Join(values, "\t")+"\n"), "COPY "+tb.name+" ("+strings.Join(names, ", ")+") FROM STDIN")
	x.fair("COPY "+tb.name, err)
	if err == nil {
		x.hole("%s is copied into: %s", tb.name, tag)
	}
}
