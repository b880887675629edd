package postgres_test

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestAStoreKnowsWhetherTheSchemaIsOldEnough(t *testing.T) {
	t.Parallel()
	db := scratch(t)
	m := migrator(t, db.Owner)
	check := func(when string, want error) {
		t.Helper()
		for role, u := range map[string]string{"the service": db.Service, "the owner": db.Owner} {
			store := openAt(t, u)
			if err := store.CheckSchema(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s, %s says %v, want %v", when, role, err, want)
			}
			store.Close()
		}
	}
	check("on an empty database", postgres.ErrSchemaTooOld)
	up(t, m, db)
	check("after up", nil)
	owner := connect(t, db.Owner)
	must(t, owner, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	check("with a step that this program does not know", nil)
	must(t, owner, "DELETE FROM goose_db_version WHERE version_id = 99999")
	for range files(t) {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after down", postgres.ErrSchemaTooOld)
	}
}

func TestADatabaseThatIsAwayIsNoReasonToMigrate(t *testing.T) {
	t.Parallel()
	p := newProxy(t, testkit.NewDatabase(t).Service)
	p.stop()
	store := openAt(t, p.URL)
	defer store.Close()
	for what, check := range map[string]func(context.Context) error{"CheckSchema": store.CheckSchema, "CheckRole": store.CheckRole, "Ping": store.Ping} {
		if err := check(t.Context()); !postgres.IsUnavailable(err) || problem.CodeOf(err) != problem.Unavailable {
			t.Errorf("%s says %v", what, err)
		}
	}
}

func openAt(t testing.TB, u string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: u, PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestARoleThatCouldPassRowLevelSecurityIsToldApart(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	super := connect(t, db.Super)
	owner := value[string](t, super, "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'users'::regclass")
	role := "codegenapp_power_" + strings.ReplaceAll(value[string](t, super, "SELECT gen_random_uuid()::text"), "-", "")
	must(t, super, "CREATE ROLE "+role+" LOGIN PASSWORD 'only-in-tests'", "CREATE ROLE "+role+"_group")
	t.Cleanup(func() {
		_, _ = super.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+"; DROP OWNED BY "+role+"_group; DROP ROLE "+role+"; DROP ROLE "+role+"_group") // of a cluster that ends soon
	})
	u, err := url.Parse(db.Super)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "only-in-tests")
	for _, tc := range []struct {
		who, give, take string
		powerful        bool
	}{
		{"a role without any right", "SELECT", "SELECT", false},
		{"a member of the service's role", "GRANT codegenapp_app TO {role}", "REVOKE codegenapp_app FROM {role}", false},
		{"a superuser", "ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} NOSUPERUSER", true},
		{"a role with BYPASSRLS", "ALTER ROLE {role} BYPASSRLS", "ALTER ROLE {role} NOBYPASSRLS", true},
		{"a member of the owner", "GRANT {owner} TO {role}", "REVOKE {owner} FROM {role}", true},
		// SET ROLE is all that it takes.
		{"a member of the owner who does not inherit", "ALTER ROLE {role} NOINHERIT; GRANT {owner} TO {role}", "ALTER ROLE {role} INHERIT; REVOKE {owner} FROM {role}", true},
		{"a member of a role with BYPASSRLS", "ALTER ROLE {role}_group BYPASSRLS; GRANT {role}_group TO {role}", "REVOKE {role}_group FROM {role}; ALTER ROLE {role}_group NOBYPASSRLS", true},
		{"a member of a superuser", "ALTER ROLE {role}_group SUPERUSER; GRANT {role}_group TO {role}", "REVOKE {role}_group FROM {role}; ALTER ROLE {role}_group NOSUPERUSER", true},
		{"the owner of one table", "ALTER TABLE projects OWNER TO {role}", "ALTER TABLE projects OWNER TO {owner}", true},
	} {
		words := strings.NewReplacer("{role}", role, "{owner}", owner)
		must(t, super, words.Replace(tc.give))
		store := openAt(t, u.String())
		err := store.CheckRole(t.Context())
		_, told := errors.AsType[*postgres.PowerError](err)
		if told != tc.powerful || err != nil && !told {
			t.Errorf("%s: %v, want to be refused: %t", tc.who, err, tc.powerful)
		}
		store.Close()
		must(t, super, words.Replace(tc.take))
	}
	for who, u := range map[string]string{"the superuser of the tests": db.Super, "the owner of the tests": db.Owner} {
		store := openAt(t, u)
		if _, told := errors.AsType[*postgres.PowerError](store.CheckRole(t.Context())); !told {
			t.Errorf("%s passes as the service", who)
		}
		store.Close()
	}
}

func TestAStepThatIsCreatedGetsTheNextNumber(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		have []string
		want string
	}{
		"after one":     {[]string{"00001_a.sql"}, "00002_more_rows.sql"},
		"after nine":    {[]string{"00001_a.sql", "00002_a.sql", "00003_a.sql", "00004_a.sql", "00005_a.sql", "00006_a.sql", "00007_a.sql", "00008_a.sql", "00009_a.sql"}, "00010_more_rows.sql"},
		"after a gap":   {[]string{"00001_a.sql", "00003_b.sql"}, "00004_more_rows.sql"},
		"beside others": {[]string{"00001_a.sql", "README.md", "schema.txt"}, "00002_more_rows.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, file := range tc.have {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("-- +goose Up\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			path, err := postgres.CreateMigration(dir, "more_rows")
			if err != nil || path != filepath.Join(dir, tc.want) {
				t.Fatalf("%s, %v; want %s", path, err, tc.want)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), "-- +goose Up\n") || !strings.Contains(string(text), "-- +goose Down\n") {
				t.Errorf("it holds %q, %v", text, err)
			}
		})
	}
}

func TestAStepWithABadNameOrInABadPlaceIsNotCreated(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "A", "addRows", "1_a", "_a", "a-b", "a b", "a.sql", "../a", "a/b", "a\n", "ä", strings.Repeat("a", 61)} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00001_a.sql"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if path, err := postgres.CreateMigration(dir, name); err == nil {
			t.Errorf("%q made %s", name, path)
		}
		if found, err := fs.Glob(os.DirFS(dir), "*"); err != nil || len(found) != 1 {
			t.Errorf("%q left %v, %v", name, found, err)
		}
	}
	for what, dir := range map[string]string{"an empty directory": t.TempDir(), "a missing directory": filepath.Join(t.TempDir(), "missing")} {
		if path, err := postgres.CreateMigration(dir, "fine"); err == nil {
			t.Errorf("%s got %s", what, path)
		}
	}
}

func TestTheEmbeddedMigrationsAreNumberedWithoutAGap(t *testing.T) {
	t.Parallel()
	for n, name := range files(t) {
		if !strings.HasPrefix(name, strings.Repeat("0", 5-len(itoa(n+1)))+itoa(n+1)+"_") {
			t.Errorf("%s is number %d", name, n+1)
		}
	}
}
