package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestCheckSchema_ReportsOlderSchema(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	m := migrator(t, db.Owner)
	check := func(when string, want error) {
		t.Helper()
		for role, u := range map[string]string{"the service": db.Service, "the owner": db.Owner} {
			store := openAt(t, u)
			if err := store.CheckSchema(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s, as %s: %v, want %v", when, role, err, want)
			}
			store.Close()
		}
	}
	check("on an empty database", postgres.ErrSchemaTooOld)
	up(t, m, db)
	check("after up", nil)
	owner := connect(t, db.Owner)
	mustExec(t, owner, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	check("with a migration of a newer program", nil)
	mustExec(t, owner, "DELETE FROM goose_db_version WHERE version_id = 99999")
	for range files(t) {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after down", postgres.ErrSchemaTooOld)
	}
}

func TestCheckSchema_OutageIsUnavailable(t *testing.T) {
	t.Parallel()
	p := newProxy(t, testkit.NewDatabase(t).Service)
	p.stop()
	store := openAt(t, p.URL)
	defer store.Close()
	for what, check := range map[string]func(context.Context) error{"CheckSchema": store.CheckSchema, "CheckRole": store.CheckRole, "Ping": store.Ping} {
		if err := check(t.Context()); !postgres.IsUnavailable(err) || problem.CodeOf(err) != problem.Unavailable {
			t.Errorf("%s: %v", what, err)
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

func TestCheckRole_RejectsRolesThatBypassRLS(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	super := connect(t, db.Super)
	owner := value[string](t, super, "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'users'::regclass")
	role := "codegenapp_power_" + strings.ReplaceAll(value[string](t, super, "SELECT gen_random_uuid()::text"), "-", "")
	mustExec(t, super, "CREATE ROLE "+role+" LOGIN PASSWORD 'only-in-tests'", "CREATE ROLE "+role+"_group")
	t.Cleanup(func() {
		_, _ = super.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+"; DROP OWNED BY "+role+"_group; DROP ROLE "+role+"; DROP ROLE "+role+"_group") // of a cluster that ends testTimeout
	})
	mustExec(t, super, "GRANT CONNECT ON DATABASE "+value[string](t, super, "SELECT current_database()::text")+" TO "+role)
	u, err := url.Parse(db.Super)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "only-in-tests")
	const grantGroup, revokeGroup = "; GRANT {role}_group TO {role}", "REVOKE {role}_group FROM {role}; "
	for name, tc := range map[string]struct {
		give, take string
		powerful   bool
	}{
		"no right":                 {give: "SELECT", take: "SELECT"},
		"member of codegenapp_app": {give: "GRANT codegenapp_app TO {role}", take: "REVOKE codegenapp_app FROM {role}"},
		"superuser":                {give: "ALTER ROLE {role} SUPERUSER", take: "ALTER ROLE {role} NOSUPERUSER", powerful: true},
		"BYPASSRLS":                {give: "ALTER ROLE {role} BYPASSRLS", take: "ALTER ROLE {role} NOBYPASSRLS", powerful: true},
		"member of the owner":      {give: "GRANT {owner} TO {role}", take: "REVOKE {owner} FROM {role}", powerful: true},
		"member of the owner with NOINHERIT": { // SET ROLE is enough
			give: "ALTER ROLE {role} NOINHERIT; GRANT {owner} TO {role}", take: "ALTER ROLE {role} INHERIT; REVOKE {owner} FROM {role}", powerful: true,
		},
		"member of a role with BYPASSRLS": {
			give: "ALTER ROLE {role}_group BYPASSRLS" + grantGroup, take: revokeGroup + "ALTER ROLE {role}_group NOBYPASSRLS", powerful: true,
		},
		"member of a superuser": {
			give: "ALTER ROLE {role}_group SUPERUSER" + grantGroup, take: revokeGroup + "ALTER ROLE {role}_group NOSUPERUSER", powerful: true,
		},
		"owner of one table": {give: "ALTER TABLE projects OWNER TO {role}", take: "ALTER TABLE projects OWNER TO {owner}", powerful: true},
	} {
		names := strings.NewReplacer("{role}", role, "{owner}", owner)
		mustExec(t, super, names.Replace(tc.give))
		store := openAt(t, u.String())
		err := store.CheckRole(t.Context())
		_, powerful := errors.AsType[*postgres.PowerError](err)
		if powerful != tc.powerful || err != nil && !powerful {
			t.Errorf("%s: %v, want a PowerError: %t", name, err, tc.powerful)
		}
		store.Close()
		mustExec(t, super, names.Replace(tc.take))
	}
	for name, u := range map[string]string{"the superuser of the tests": db.Super, "the owner of the tests": db.Owner} {
		store := openAt(t, u)
		if _, powerful := errors.AsType[*postgres.PowerError](store.CheckRole(t.Context())); !powerful {
			t.Errorf("%s is accepted as the role of the service", name)
		}
		store.Close()
	}
}
