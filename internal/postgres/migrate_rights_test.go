package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// newRole creates a login role with some attributes, dropped when the test ends.
func newRole(t testing.TB, super *pgx.Conn, attributes string) string {
	t.Helper()
	name := fmt.Sprintf("codegenapp_role_%d_%d", os.Getpid(), scratchDatabases.Add(1))
	mustExec(t, super, "CREATE ROLE "+name+" LOGIN PASSWORD 'only-in-tests' "+attributes)
	t.Cleanup(func() {
		if _, err := super.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+name); err != nil {
			t.Logf("drop a role: %v", err)
		}
	})
	return name
}

// as is the URL with another role of newRole.
func as(t testing.TB, u, role string) string {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User = url.UserPassword(role, "only-in-tests")
	return parsed.String()
}

// newTenantDatabase creates an empty database with an owner and a service of its own.
func newTenantDatabase(t testing.TB, options string) testkit.Database {
	t.Helper()
	cluster := testkit.NewDatabase(t)
	super := connect(t, cluster.Super)
	owner, service := newRole(t, super, "CREATEROLE"), newRole(t, super, "")
	name := fmt.Sprintf("codegenapp_second_%d_%d", os.Getpid(), scratchDatabases.Add(1))
	mustExec(t, super, "CREATE DATABASE "+name+" OWNER "+owner+" "+options)
	db := testkit.Database{
		Owner: as(t, inDatabase(t, cluster.Super, name), owner), Service: as(t, inDatabase(t, cluster.Super, name), service),
		Super: inDatabase(t, cluster.Super, name),
	}
	inside := connect(t, db.Super)
	mustExec(t, inside, "ALTER SCHEMA public OWNER TO "+owner)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if _, err := super.Exec(ctx, "DROP DATABASE "+name+" (FORCE)"); err != nil {
			t.Logf("drop a database: %v", err)
		}
		_, _ = super.Exec(ctx, "REVOKE codegenapp_app FROM "+owner+", "+service+" CASCADE") // roles with grants cannot be dropped
	})
	return db
}

func roleOf(t testing.TB, u string) string {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.User.Username()
}

func TestMigrate_SecondDatabaseOfAClusterHasItsOwnOwner(t *testing.T) {
	t.Parallel()
	db := newTenantDatabase(t, "")
	super := connect(t, db.Super)
	m := migrator(t, db.Owner)
	if value[int](t, super, "SELECT current_setting('server_version_num')::int") >= 160000 {
		_, err := m.Up(t.Context(), db.Service)
		_, command, found := strings.Cut(fmt.Sprint(err), "as a superuser, run ")
		if !found || !strings.HasPrefix(command, "GRANT codegenapp_app TO ") {
			t.Fatalf("the error is %v", err)
		}
		mustExec(t, super, command)
	}
	up(t, m, db)
	store := openAt(t, db.Service)
	defer store.Close()
	if err := store.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	if again := up(t, m, db); len(again) > 0 {
		t.Errorf("a second up applied %v", again)
	}
}

func TestMigrate_OtherRolesCannotConnect(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	super := connect(t, db.Super)
	other, backup := newRole(t, super, ""), newRole(t, super, "")
	mustExec(t, super, "GRANT codegenapp_app TO "+other) // as of the service of another database
	mustExec(t, super, "GRANT CONNECT ON DATABASE "+value[string](t, super, "SELECT current_database()::text")+" TO "+backup)
	t.Cleanup(func() {
		_, _ = super.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+backup) // otherwise it cannot be dropped
	})
	canConnect := func(u string) bool {
		conn, err := pgx.Connect(t.Context(), u)
		if err != nil {
			return false
		}
		return conn.Close(t.Context()) == nil
	}
	if !canConnect(as(t, db.Super, other)) {
		t.Fatal("the role cannot connect before, so this shows nothing")
	}
	m := migrator(t, db.Owner)
	changes, err := m.Up(t.Context(), db.Service)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(changes.Excluded, other) || slices.Contains(changes.Excluded, backup) || slices.Contains(changes.Excluded, roleOf(t, db.Service)) {
		t.Errorf("excluded are %v", changes.Excluded)
	}
	for u, want := range map[string]bool{as(t, db.Super, other): false, as(t, db.Super, backup): true, db.Service: true, db.Owner: true} {
		if canConnect(u) != want {
			t.Errorf("%s can connect: %t", roleOf(t, u), !want)
		}
	}
	if _, err := postgres.Inspect(t.Context(), as(t, db.Super, other)); err == nil || !strings.Contains(err.Error(), "GRANT CONNECT ON DATABASE") {
		t.Errorf("the error of a role without the right to connect: %v", err)
	}
	if changes, err := m.Up(t.Context(), db.Service); err != nil || len(changes.Excluded) > 0 {
		t.Errorf("a second up excluded %v, %v", changes.Excluded, err)
	}
}

func TestMigrate_RejectsDatabasesThatCannotWork(t *testing.T) {
	t.Parallel()
	inOwnSchema := func(db testkit.Database) {
		// As with a schema of the owner's name in the default search_path.
		super := connect(t, db.Super)
		mustExec(t, super, "CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.goose_db_version ()", "CREATE TABLE elsewhere.bullet_items ()")
	}
	for name, tc := range map[string]struct {
		options string
		spoil   func(testkit.Database)
		want    string
	}{
		"another encoding": {"TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'", nil, "the encoding of the database is SQL_ASCII, and must be UTF8"},
		"a single-byte encoding": {
			"TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", nil,
			"CREATE DATABASE … OWNER … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
		},
		"no right in the schema public": {"", func(db testkit.Database) {
			mustExec(t, connect(t, db.Super), "ALTER SCHEMA public OWNER TO CURRENT_USER", "REVOKE ALL ON SCHEMA public FROM PUBLIC, "+roleOf(t, db.Owner))
		}, "may not create tables in the schema public: as a superuser"},
		"no schema public": {"", func(db testkit.Database) {
			mustExec(t, connect(t, db.Super), "DROP SCHEMA public")
		}, "CREATE SCHEMA IF NOT EXISTS public"},
		"tables in another schema": {"", inOwnSchema, `the tables are in the schema "elsewhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTenantDatabase(t, tc.options)
			if tc.spoil != nil {
				tc.spoil(db)
			}
			_, err := migrator(t, db.Owner).Up(t.Context(), db.Service)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want %q", err, tc.want)
			}
		})
	}
}

func TestMigrate_SchemaNamedLikeTheOwnerStaysEmpty(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	super := connect(t, db.Super)
	owner := roleOf(t, db.Owner)
	mustExec(t, super, "CREATE SCHEMA "+owner+" AUTHORIZATION "+owner)
	up(t, migrator(t, db.Owner), db)
	if left := value[int](t, super, "SELECT count(*) FROM pg_class WHERE relnamespace = $1::text::regnamespace", owner); left > 0 {
		t.Errorf("the schema %s contains %d tables and indexes", owner, left)
	}
}

func TestMigrate_StatusIsInUTC(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	super := connect(t, db.Super)
	mustExec(t, super, "ALTER DATABASE "+value[string](t, super, "SELECT current_database()::text")+" SET timezone = 'America/St_Johns'")
	m := migrator(t, db.Owner)
	up(t, m, db)
	all, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, migration := range all {
		if off := time.Since(migration.At).Abs(); off > time.Hour {
			t.Errorf("%s was applied at %s, %s from now", migration.Name, migration.At, off)
		}
	}
}

func TestMigrate_PoolerAndUnreachableDatabaseAreNamed(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	wrong, err := url.Parse(db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword(wrong.User.Username(), canary)
	_, err = migrator(t, wrong.String()).Up(t.Context(), db.Service)
	if err == nil || !strings.Contains(err.Error(), "the database of MIGRATION_DATABASE_URL cannot be reached: it rejects the user or the password") {
		t.Errorf("a wrong password: %v", err)
	}
	service, err := url.Parse(db.Service)
	if err != nil {
		t.Fatal(err)
	}
	service.User = url.User("codegenapp_nobody")
	_, err = migrator(t, db.Owner).Up(t.Context(), service.String())
	if err == nil || !strings.Contains(err.Error(), "there is no role codegenapp_nobody, which DATABASE_URL names") {
		t.Errorf("a service without a role: %v", err)
	}
}
