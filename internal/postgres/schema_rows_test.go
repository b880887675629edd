package postgres_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	mathrand "math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/id"
)

func itoa(n int) string { return strconv.Itoa(n) }

// row is a row as text, by column.
type row map[string]string

// with is the row with other values.
func (r row) with(other row) row {
	changed := maps.Clone(r)
	maps.Copy(changed, other)
	return changed
}

// fresh is the row with new values where they have to be unique. Its owner and its parents
// stay.
func (r row) fresh(tb table) row {
	changed := maps.Clone(r)
	for _, name := range slices.Concat(tb.key, tb.unique) {
		tied := slices.ContainsFunc(tb.foreign, func(f foreignKey) bool { return slices.Contains(f.columns, name) }) &&
			(tb.name != "project_members" || name != "user_id")
		if tied || name == tb.owner && len(tb.key) > 1 {
			continue
		}
		switch typ := tb.typeOf(name); {
		case tb.name == "project_members":
			changed[name] = otherMember(r[name])
		case typ == "integer", typ == "bigint", typ == "smallint":
			changed[name] = itoa(1000 + mathrand.IntN(20_000))
		case typ == "bytea":
			changed[name] = bytea(len(r[name])/2 - 1)
		default:
			changed[name] = candidates(typ)[0]
		}
	}
	return changed
}

// otherMember is the id of the user that can become a member beside another one.
func otherMember(member string) string {
	if last := len(member) - 1; member[last] == '0' {
		return member[:last] + "1"
	}
	return member[:len(member)-1] + "0"
}

// of are the values of some columns.
func (r row) of(names []string) []any {
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = r[name]
	}
	return values
}

// rowSet is a row of one user in every table.
type rowSet map[string]row

// candidates are values to try in a column, the likeliest first.
func candidates(typ string) []string {
	switch strings.TrimSuffix(typ, "[]") {
	case "uuid":
		return []string{id.New[row]().String()}
	case "integer", "bigint", "smallint", "numeric":
		return []string{"1", "0", "-1", "2147483647", "32000"}
	case "bytea":
		return []string{bytea(16), bytea(32), bytea(1), bytea(0), bytea(5000)}
	case "timestamp with time zone":
		return []string{"2026-07-01 12:00:00+00", "1970-01-01 00:00:00+00", "infinity", "-infinity"}
	case "boolean":
		return []string{"false", "true"}
	case "jsonb", "json":
		return []string{`{"a": "` + canary + `"}`, "[]", `"` + canary + `"`}
	case "change_kind":
		return []string{"item.changed"}
	case "xid8":
		return []string{"1"}
	case "inet":
		return []string{"192.0.2.1"}
	default:
		return []string{canary + rand.Text(), "", strings.Repeat(canary, 20), strings.Repeat(canary, 200), strings.Repeat(canary, 20_000), "one.other", "sha256:" + strings.Repeat("a", 64)}
	}
}

func bytea(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return `\x` + hex.EncodeToString(b)
}

var quotedText = regexp.MustCompile(`'([^']*)'`)

// choices are the candidates for a column, and the words that its checks name.
func choices(t testing.TB, super *pgx.Conn, tb table, name string) []string {
	t.Helper()
	var words []string
	for _, definition := range column[string](t, super, `
SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c
JOIN   pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE  c.conrelid = $1::text::regclass AND c.contype = 'c' AND a.attname = $2`, tb.name, name) {
		for _, found := range quotedText.FindAllStringSubmatch(definition, -1) {
			words = append(words, found[1])
		}
	}
	if tb.typeOf(name) != "text" {
		words = nil
	}
	return append(candidates(tb.typeOf(name)), words...)
}

// fill inserts a row for the owner of parents into the table. super must not fire
// triggers: what they check does not matter here.
func fill(t testing.TB, super *pgx.Conn, tb table, parents rowSet) row {
	t.Helper()
	made := row{}
	for _, f := range tb.foreign {
		for i, name := range f.columns {
			if p, ok := parents[f.parent]; ok {
				made[name] = p[f.parentColumns[i]]
			}
		}
	}
	if tb.name == "project_members" { // its user is another one than the owner
		made["user_id"] = candidates("uuid")[0]
		for _, member := range []string{made["user_id"], otherMember(made["user_id"])} {
			mustExec(t, super, "INSERT INTO users (id, issuer, subject, email, name) VALUES ('"+member+"', 'i', '"+member+"', '"+canary+"', '"+canary+"')")
		}
	}
	if _, ok := made[tb.owner]; !ok && tb.name != "users" {
		made[tb.owner] = parents["users"]["id"]
	}
	options, at := map[string][]string{}, map[string]int{}
	for _, name := range tb.only(func(c col) bool { return c.filled || slices.Contains(tb.key, c.name) }) {
		if _, given := made[name]; !given {
			options[name] = choices(t, super, tb, name)
			made[name] = options[name][0]
		}
	}
	for range 100 {
		names := slices.Sorted(maps.Keys(made))
		_, err := super.Exec(t.Context(), tb.insert(names), made.of(names)...)
		if err == nil {
			return readRow(t, super, tb, made)
		}
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || pg.Code != "23514" || !advance(t, super, tb, pg.ConstraintName, options, at) {
			t.Fatalf("no valid row of %s was found (add a value to candidates): %v", tb.name, err)
		}
		for name := range options {
			made[name] = options[name][at[name]]
		}
	}
	t.Fatalf("no valid row of %s was found (add a value to candidates)", tb.name)
	return nil
}

// advance moves on to the next candidates of the columns of a check.
func advance(t testing.TB, super *pgx.Conn, tb table, check string, options map[string][]string, at map[string]int) bool {
	t.Helper()
	for _, name := range column[string](t, super, `
SELECT a.attname::text FROM pg_constraint AS c
JOIN   pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE  c.conrelid = $1::text::regclass AND c.conname = $2 ORDER BY a.attnum`, tb.name, check) {
		if options[name] == nil {
			continue
		}
		if at[name]++; at[name] < len(options[name]) {
			return true
		}
		at[name] = 0
	}
	return false
}

// readRow is what the table holds under the row's primary key, without NULLs
// and generated columns.
func readRow(t testing.TB, super *pgx.Conn, tb table, r row) row {
	t.Helper()
	found := row{}
	for _, name := range tb.only(func(c col) bool { return !c.generated }) {
		text := value[*string](t, super, "SELECT "+pgx.Identifier{name}.Sanitize()+"::text FROM "+tb.name+
			" WHERE "+tb.assignments(tb.key, 1, " AND "), r.of(tb.key)...)
		if text != nil {
			found[name] = *text
		}
	}
	return found
}

// insertRows inserts a row of a new user into every table.
func insertRows(t testing.TB, super *pgx.Conn, tables []table) rowSet {
	t.Helper()
	f := rowSet{}
	for _, tb := range tables {
		f[tb.name] = fill(t, super, tb, f)
	}
	return f
}

// fingerprint is a hash of the owner's rows, by table; without an owner, of all rows. It
// hashes the columns that tables names, so it can be compared with that of a later schema.
func fingerprint(t testing.TB, super *pgx.Conn, tables []table, owner string) map[string]string {
	t.Helper()
	prints := map[string]string{}
	for _, tb := range tables {
		names := tb.only(func(col) bool { return true })
		for n, name := range names {
			names[n] = pgx.Identifier{name}.Sanitize()
		}
		row := "ROW(" + strings.Join(names, ", ") + ")::text"
		prints[tb.name] = value[string](t, super, "SELECT count(*) || ' ' || coalesce(md5(string_agg("+row+", ',' ORDER BY "+row+")), '') FROM "+
			tb.name+" WHERE $1 = '' OR "+tb.owner+"::text = $1", owner)
	}
	return prints
}
