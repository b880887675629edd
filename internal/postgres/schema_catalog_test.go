package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// table describes a table of the schema, from pg_catalog. Tests over all tables also cover
// future ones.
type table struct {
	name    string
	columns []col
	key     []string
	foreign []foreignKey
	// unique are the columns of unique constraints.
	unique []string
	// owner is the column with the owner of a row.
	owner string
}

type col struct {
	name, typ string
	// filled columns need a value: NOT NULL without a default.
	filled, generated bool
	// insert and update are what the service's role may do.
	insert, update bool
}

type foreignKey struct {
	name, parent           string
	columns, parentColumns []string
}

// tablesWithoutOwner are tables without an owner, and why.
var tablesWithoutOwner = map[string]string{
	"goose_db_version": "the list of migrations; the service only reads it",
	"used_id_tokens":   "hashes of ID tokens, which outlive the account; the service only inserts them",
}

// readTables reads all tables, parents before their children.
func readTables(t testing.TB, conn *pgx.Conn) []table {
	t.Helper()
	var waiting, ordered []table
	for _, name := range column[string](t, conn, `
SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname <> 'users', relname`) {
		if tablesWithoutOwner[name] == "" {
			waiting = append(waiting, readTable(t, conn, name))
		}
	}
	known := func(name string) bool {
		return slices.ContainsFunc(ordered, func(o table) bool { return o.name == name })
	}
	for len(waiting) > 0 {
		ready := slices.IndexFunc(waiting, func(w table) bool {
			return !slices.ContainsFunc(w.foreign, func(f foreignKey) bool { return f.parent != w.name && !known(f.parent) })
		})
		if ready < 0 {
			t.Fatalf("the foreign keys of these tables form a cycle: %v", waiting)
		}
		next := waiting[ready]
		next.owner = ownerOf(t, next, ordered)
		ordered = append(ordered, next)
		waiting = slices.Delete(waiting, ready, ready+1)
	}
	return ordered
}

func readTable(t testing.TB, conn *pgx.Conn, name string) table {
	t.Helper()
	read := table{name: name}
	rows, err := conn.Query(t.Context(), `
SELECT a.attname::text, format_type(a.atttypid, NULL), a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
       a.attgenerated <> '' OR a.attidentity = 'a',
       has_column_privilege($2, a.attrelid, a.attnum, 'INSERT'), has_column_privilege($2, a.attrelid, a.attnum, 'UPDATE')
FROM   pg_attribute AS a
WHERE  a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, name, appRole)
	if err != nil {
		t.Fatal(err)
	}
	read.columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c col, err error) {
		return c, row.Scan(&c.name, &c.typ, &c.filled, &c.generated, &c.insert, &c.update)
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err = conn.Query(t.Context(), `
SELECT c.contype::text, c.conname::text, coalesce((SELECT relname FROM pg_class WHERE oid = c.confrelid), '')::text,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey)  WITH ORDINALITY AS k (n, place)
             JOIN pg_attribute AS a ON a.attrelid = c.conrelid  AND a.attnum = k.n ORDER BY k.place),
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (n, place)
             JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.place)
FROM   pg_constraint AS c
WHERE  c.conrelid = $1::text::regclass AND c.contype IN ('p', 'f', 'u') ORDER BY c.conname`, name)
	if err != nil {
		t.Fatal(err)
	}
	var kind string
	var f foreignKey
	if _, err := pgx.ForEachRow(rows, []any{&kind, &f.name, &f.parent, &f.columns, &f.parentColumns}, func() error {
		switch kind {
		case "p":
			read.key = f.columns
		case "u":
			read.unique = append(read.unique, f.columns...)
		default:
			read.foreign = append(read.foreign, f)
		}
		f = foreignKey{}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return read
}

// ownerOf follows the foreign keys to the user.
func ownerOf(t testing.TB, child table, parents []table) string {
	t.Helper()
	if child.name == "users" {
		return "id"
	}
	for _, f := range child.foreign {
		for _, p := range parents {
			if i := slices.Index(f.parentColumns, p.owner); p.name == f.parent && i >= 0 {
				return f.columns[i]
			}
		}
	}
	for _, usual := range []string{"owner_id", "user_id", "actor_id"} {
		if slices.ContainsFunc(child.columns, func(c col) bool { return c.name == usual }) {
			return usual
		}
	}
	t.Fatalf("%s has no owner column: no foreign key leads to its user, and it is not in tablesWithoutOwner", child.name)
	return ""
}

// only are the names of the columns that the filter takes.
func (tb table) only(filter func(col) bool) []string {
	var names []string
	for _, c := range tb.columns {
		if filter(c) {
			names = append(names, c.name)
		}
	}
	return names
}

func (tb table) typeOf(name string) string {
	i := slices.IndexFunc(tb.columns, func(c col) bool { return c.name == name })
	return tb.columns[i].typ
}

// assignments are the columns with their values, which are parameters from first on. All
// are sent as text, so types do not matter here.
func (tb table) assignments(names []string, first int, between string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = pgx.Identifier{name}.Sanitize() + " = " + tb.parameter(name, first+i)
	}
	return strings.Join(parts, between)
}

func (tb table) parameter(name string, n int) string {
	return "$" + itoa(n) + "::text::" + tb.typeOf(name)
}

// insert is an INSERT of the named columns.
func (tb table) insert(names []string) string {
	quoted, values := make([]string, len(names)), make([]string, len(names))
	for i, name := range names {
		quoted[i], values[i] = pgx.Identifier{name}.Sanitize(), tb.parameter(name, i+1)
	}
	return "INSERT INTO " + tb.name + " (" + strings.Join(quoted, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}
