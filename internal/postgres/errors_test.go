package postgres_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// leaks returns the text in which the error, or one that it wraps, contains one of the
// secrets; empty if no error does.
func leaks(err error, secrets ...string) string {
	texts := []string{}
	for e := err; e != nil; e = errors.Unwrap(e) {
		texts = append(texts, e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e))
	}
	if f, ok := errors.AsType[*problem.Error](err); ok {
		texts = append(texts, f.Detail)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "it wraps the error of PostgreSQL: " + pg.Detail
	}
	for _, text := range texts {
		for _, secret := range slices.Concat([]string{canary, "DETAIL", "Failing row"}, secrets) {
			if len(secret) > 5 && strings.Contains(text, secret) {
				return text
			}
		}
	}
	return ""
}

// constraint is a constraint of a table.
type constraint struct {
	name, kind string
	columns    []string
}

// violate returns the error of violating the constraint with a row that is otherwise
// like r, and the row.
func (x *rlsAttack) violate(tb table, b constraint, r row) (*pgconn.PgError, row) {
	x.t.Helper()
	try := func(bad row) (*pgconn.PgError, bool) {
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(bad)), func(name string) bool {
			return slices.Contains(tb.only(func(c col) bool { return c.generated }), name)
		})
		pg, ok := errors.AsType[*pgconn.PgError](x.try(x.power, tb.insert(names), bad.of(names)...))
		return pg, ok && pg.ConstraintName == b.name
	}
	bad := r.fresh(tb)
	if strings.HasPrefix(b.name, "users_bot_") || b.name == "users_manager_fkey" { // what only a bot violates
		bad["issuer"], bad["subject"], bad["managed_by"] = auth.BotIssuer, bad["id"], r["id"]
	}
	switch b.kind {
	case "p", "u":
		for _, name := range b.columns {
			bad[name] = r[name]
		}
		pg, _ := try(bad)
		return pg, bad
	case "f":
		for _, name := range b.columns {
			bad[name] = candidates(tb.typeOf(name))[0]
		}
		pg, _ := try(bad)
		return pg, bad
	}
	return x.violateCheck(tb, b.columns, bad, try)
}

// violateCheck tries all candidates for the columns of a check.
func (x *rlsAttack) violateCheck(tb table, columns []string, bad row, try func(row) (*pgconn.PgError, bool)) (*pgconn.PgError, row) {
	if len(columns) == 0 {
		return nil, bad
	}
	// Some checks compare two columns.
	for _, value := range append(candidates(tb.typeOf(columns[0])), bad[columns[0]], bad[tb.owner]) {
		worse := bad.with(row{columns[0]: value})
		if pg, ok := try(worse); ok {
			return pg, worse
		}
		if pg, worst := x.violateCheck(tb, columns[1:], worse, try); pg != nil {
			return pg, worst
		}
	}
	return nil, bad
}

func TestErrors_ConstraintNameWithoutTheRow(t *testing.T) {
	t.Parallel()
	x := newRLSAttack(t, testkit.NewDatabase(t), "")
	for _, tb := range x.tables {
		for _, name := range column[string](t, x.super, "SELECT conname::text FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'f', 'c')", tb.name) {
			b := constraint{
				name: name,
				kind: value[string](t, x.super, "SELECT contype::text FROM pg_constraint WHERE conname = $1 AND conrelid = $2::text::regclass", name, tb.name),
				columns: column[string](t, x.super, `SELECT a.attname::text FROM pg_constraint AS c JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE c.conname = $1 AND c.conrelid = $2::text::regclass ORDER BY a.attnum`, name, tb.name),
			}
			if b.kind == "u" && !slices.ContainsFunc(tb.key, func(name string) bool { return !slices.Contains(b.columns, name) }) {
				continue // the primary key is violated first
			}
			pg, bad := x.violate(tb, b, x.bob[tb.name])
			if pg == nil || pg.ConstraintName != name {
				t.Errorf("%s was not violated (add a value to candidates in schema_rows_test.go): %v", name, pg)
				continue
			}
			translated := postgres.Translate(fmt.Errorf("insert: %w", pg))
			if text := leaks(translated, slices.Collect(maps.Values(bad))...); text != "" {
				t.Errorf("%s leaks the row: %s", name, text)
			}
			if code := problem.CodeOf(translated); code == problem.Internal && !strings.Contains(translated.Error(), name) {
				t.Errorf("the error for the log does not name %s: %v", name, translated)
			}
		}
	}
}

func TestErrors_MissingValueLeaksNothing(t *testing.T) {
	t.Parallel()
	x := newRLSAttack(t, testkit.NewDatabase(t), "")
	for _, tb := range x.tables {
		r := x.bob[tb.name].fresh(tb)
		for _, name := range tb.only(func(c col) bool { return c.filled }) {
			if tb.name == "bullet_items" && name == "number" { // a trigger sets it
				continue
			}
			rest := maps.Clone(r)
			delete(rest, name)
			names := slices.Sorted(maps.Keys(rest))
			err := x.try(x.power, tb.insert(names), rest.of(names)...)
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "23502" || !strings.Contains(pg.Detail, "Failing row") {
				t.Fatalf("%s without %s: %v", tb.name, name, err)
			}
			if text := leaks(postgres.Translate(err), slices.Collect(maps.Values(rest))...); text != "" {
				t.Errorf("%s without %s leaks the row: %s", tb.name, name, text)
			}
		}
	}
}

func TestErrors_HideTextOfPostgreSQL(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	for _, sql := range []string{
		"SELECT '" + canary + "'::integer",
		"SELECT '" + canary + "'::uuid",
		"SELECT '" + canary + "'::jsonb",
		"SELECT '" + canary + "'::timestamptz",
		`SELECT * FROM "` + canary + `"`,
		`SELECT "` + canary + `" FROM projects`,
		"SELECT set_config('" + canary + "', '', true)",
		"DO $$ BEGIN RAISE EXCEPTION '" + canary + "' USING DETAIL = '" + canary + "', HINT = '" + canary + "'; END $$",
		"DO $$ BEGIN RAISE EXCEPTION '" + canary + "' USING ERRCODE = '40001', DETAIL = '" + canary + "'; END $$",
		"DO $$ BEGIN RAISE EXCEPTION '" + canary + "' USING ERRCODE = '57014', DETAIL = '" + canary + "'; END $$",
		"DO $$ BEGIN RAISE EXCEPTION '" + canary + "' USING ERRCODE = '23505', CONSTRAINT = 'used_id_tokens_pkey'; END $$",
	} {
		_, err := super.Exec(t.Context(), sql)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || !strings.Contains(pg.Message+pg.Detail+pg.Where, canary[:6]) {
			t.Fatalf("%s: %v", sql, err)
		}
		if text := leaks(postgres.Translate(err)); text != "" {
			t.Errorf("%s leaks: %s", sql, text)
		}
		if text := leaks(postgres.Translate(errors.Join(errors.New("several"), err))); text != "" {
			t.Errorf("%s, joined with another error, leaks: %s", sql, text)
		}
	}
}

func TestErrors_FailedWriteLeaksNothing(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	for name, spoil := range map[string]func(p *requirements.Project){
		"a title that is too long":       func(p *requirements.Project) { p.Title = strings.Repeat(canary, 50) },
		"a title that is empty":          func(p *requirements.Project) { p.Title = "" },
		"a title with a NUL":             func(p *requirements.Project) { p.Title = canary + "\x00" },
		"a title that is not UTF-8":      func(p *requirements.Project) { p.Title = canary + "\xff" },
		"a description that is too long": func(p *requirements.Project) { p.Description = strings.Repeat(canary, 500) },
		"an id that is taken":            func(p *requirements.Project) { p.ID = s.live },
		"no id":                          func(p *requirements.Project) { p.ID = requirements.ProjectID{} },
		"another owner":                  func(p *requirements.Project) { p.Owner = s.signUp().User },
		"an owner that does not exist":   func(p *requirements.Project) { p.Owner[15]++ },
		"a time that is out of range":    func(p *requirements.Project) { p.CreatedAt = time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		p := newProject(s.actor.User)
		p.Description = canary
		spoil(&p)
		err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error { return tx.InsertProject(t.Context(), p) })
		wantCode(t, name, err, problem.Internal)
		if text := leaks(err, s.live.String(), s.actor.User.String()); text != "" {
			t.Errorf("%s leaks: %s", name, text)
		}
	}
}

func TestErrors_ConnectFailureHidesPassword(t *testing.T) {
	t.Parallel()
	db := testkit.NewDatabase(t)
	_, host, _ := strings.Cut(db.Service, "@")
	wrong := "postgres://codegenapp_test_service:" + canary + "@" + host
	store, err := postgres.Open(t.Context(), postgres.Config{URL: wrong, PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Ping(t.Context()); err == nil || leaks(err) != "" {
		t.Errorf("with a wrong password: %v", err)
	}
	for _, bad := range []string{"postgres://u:" + canary + "@host:port/db", "postgres://u:" + canary + "@h/db?sslmode=none", "host=h password=" + canary + " port=x", "://" + canary} {
		if _, err := postgres.Open(t.Context(), postgres.Config{URL: bad}); err == nil || leaks(err) != "" {
			t.Errorf("an invalid URL: %v", err)
		}
		if _, err := postgres.NewMigrator(bad); err == nil || leaks(err) != "" {
			t.Errorf("an invalid URL of a migrator: %v", err)
		}
	}
}
