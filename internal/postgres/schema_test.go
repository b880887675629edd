package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// schemaRule is a rule for the whole schema: a query that returns what violates it, one
// sentence each.
type schemaRule struct {
	violations string
	// weaken violates the rule on purpose: the query must find that.
	weaken string
}

// schemaTables selects the tables that the rules are about.
const schemaTables = `(SELECT c.* FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'goose_db_version')`

var schemaRules = map[string]schemaRule{
	"every table has row-level security, forced": {
		violations: `SELECT relname || ' does not force row-level security' FROM ` + schemaTables + ` AS c WHERE NOT (relrowsecurity AND relforcerowsecurity)`,
		weaken:     `ALTER TABLE projects NO FORCE ROW LEVEL SECURITY`,
	},
	"each right of the service on a table has a policy with the user": {
		// polcmd: r SELECT, a INSERT, w UPDATE, d DELETE, * all of them.
		violations: `
SELECT c.relname || ' lets ` + appRole + ` ' || p.privilege || ' without a policy for it'
FROM   ` + schemaTables + ` AS c,
       (VALUES ('SELECT', 'r', true, false), ('INSERT', 'a', false, true), ('UPDATE', 'w', true, true), ('DELETE', 'd', true, false))
           AS p (privilege, command, needs_using, needs_check)
WHERE  CASE WHEN privilege = 'DELETE' THEN has_table_privilege('` + appRole + `', c.oid, privilege)
            ELSE has_any_column_privilege('` + appRole + `', c.oid, privilege) END
AND    NOT EXISTS (
           SELECT FROM pg_policy AS l
           WHERE  l.polrelid = c.oid AND l.polpermissive AND l.polcmd IN ('*', p.command) AND l.polroles = ARRAY['` + appRole + `'::regrole::oid]
           AND   (NOT needs_using OR pg_get_expr(l.polqual, l.polrelid) ~ 'app_user_(id|role)\(\)')
           AND   (NOT needs_check OR pg_get_expr(l.polwithcheck, l.polrelid) ~ 'app_user_(id|role)\(\)'))`,
		weaken: `DROP POLICY projects_own ON projects;
			CREATE POLICY projects_own ON projects TO ` + appRole + ` USING (owner_id = (SELECT app_user_id()))`,
	},
	"no policy of the service is without the user": {
		violations: `
SELECT c.relname || ': ' || l.polname || ' has no user'
FROM   pg_policy AS l JOIN ` + schemaTables + ` AS c ON c.oid = l.polrelid
WHERE  l.polpermissive AND l.polroles && ARRAY[0, '` + appRole + `'::regrole::oid]
AND   (coalesce(pg_get_expr(l.polqual, l.polrelid), 'app_user_id()') !~ 'app_user_(id|role)\(\)'
       OR coalesce(pg_get_expr(l.polwithcheck, l.polrelid), 'app_user_id()') !~ 'app_user_(id|role)\(\)')`,
		weaken: `CREATE POLICY open_to_all ON projects FOR SELECT USING (true)`,
	},
	"a role gives access to users and the audit only, for reading": {
		violations: `
SELECT c.relname || ': ' || l.polname || ' uses the role'
FROM   pg_policy AS l JOIN ` + schemaTables + ` AS c ON c.oid = l.polrelid
WHERE  concat(pg_get_expr(l.polqual, l.polrelid), pg_get_expr(l.polwithcheck, l.polrelid)) LIKE '%app_user_role()%'
AND    NOT (l.polcmd = 'r' AND c.relname IN ('users', 'audit_events'))`,
		weaken: `CREATE POLICY admins ON projects FOR SELECT TO ` + appRole + ` USING ((SELECT app_user_role()) = 'admin')`,
	},
	"audit events cannot be updated or deleted": {
		violations: `
SELECT privilege FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE  has_table_privilege('` + appRole + `', 'audit_events', privilege)
UNION  ALL
SELECT 'UPDATE of a column' WHERE has_any_column_privilege('` + appRole + `', 'audit_events', 'UPDATE')`,
		weaken: `GRANT UPDATE (details) ON audit_events TO ` + appRole,
	},
	"a policy's user is computed once per statement": {
		violations: `
SELECT c.relname || ': ' || l.polname || ' is evaluated for every row'
FROM   pg_policy AS l JOIN ` + schemaTables + ` AS c ON c.oid = l.polrelid,
       unnest(ARRAY[pg_get_expr(l.polqual, l.polrelid), pg_get_expr(l.polwithcheck, l.polrelid)]) AS condition
WHERE  regexp_replace(condition, '\( SELECT app_user_(id|role)\(\)', '', 'g') ~ 'app_user_(id|role)\(\)'`,
		weaken: `CREATE POLICY slow ON projects FOR SELECT TO ` + appRole + ` USING (owner_id = app_user_id())`,
	},
	"every foreign key has an index that begins with its columns": {
		violations: `
SELECT k.conrelid::regclass || ': ' || k.conname || ' has no index'
FROM   pg_constraint AS k
WHERE  k.contype = 'f' AND k.connamespace = 'public'::regnamespace
AND    NOT EXISTS (
           SELECT FROM pg_index AS i
           WHERE  i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
           AND   (SELECT array_agg(c ORDER BY c) FROM unnest((i.indkey::int2[])[0 : cardinality(k.conkey) - 1]) AS c)
               = (SELECT array_agg(c ORDER BY c) FROM unnest(k.conkey) AS c))`,
		weaken: `DROP INDEX identities_user_fkey_idx`,
	},
	"every child of an owned table refers to the owner too": {
		violations: `
SELECT k.conrelid::regclass || ': ' || k.conname || ' has one column'
FROM   pg_constraint AS k
WHERE  k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND k.confrelid <> 'users'::regclass AND cardinality(k.conkey) < 2`,
		weaken: `ALTER TABLE projects ADD CONSTRAINT projects_once_key UNIQUE (id);
			CREATE TABLE projects_notes (project_id uuid CONSTRAINT projects_notes_fk REFERENCES projects (id))`,
	},
	"every constraint has a chosen name": {
		// A default name is the table, the columns, the kind, a number.
		violations: `
SELECT c.relname || ': ' || k.conname
FROM   pg_constraint AS k JOIN ` + schemaTables + ` AS c ON c.oid = k.conrelid
WHERE  k.contype IN ('c', 'f', 'u', 'x', 'p')
AND   (left(k.conname, length(c.relname) + 1) <> c.relname || '_'
       OR k.conname ~ '_(check|fkey|key|pkey|excl)[0-9]+$'
       OR k.contype = 'c' AND k.conname ~ '_check$'
       OR k.contype IN ('f', 'u') AND cardinality(k.conkey) > 0 AND k.conname = c.relname || '_' || (
              SELECT string_agg(a.attname, '_' ORDER BY n.place) FROM unnest(k.conkey) WITH ORDINALITY AS n (attnum, place)
              JOIN   pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.attnum)
           || CASE k.contype WHEN 'f' THEN '_fkey' ELSE '_key' END)`,
		weaken: `ALTER TABLE projects ADD CHECK (version > 0)`,
	},
	"a function that runs as its owner has a search path and is not public": {
		violations: `
SELECT p.oid::regprocedure || ': ' || coalesce(array_to_string(p.proconfig, ', '), 'no search_path') || ', ' || coalesce(p.proacl::text, 'public')
FROM   pg_proc AS p
WHERE  p.pronamespace = 'public'::regnamespace AND p.prosecdef
AND   (NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
       OR EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0))`,
		weaken: `ALTER FUNCTION live_session RESET search_path`,
	},
	"no function is public": {
		// A trigger's function cannot be called.
		violations: `
SELECT p.oid::regprocedure::text
FROM   pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE  p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype AND a.grantee = 0`,
		weaken: `CREATE FUNCTION loot() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	},
	"no table, view, sequence or column is public": {
		violations: `
SELECT c.relname || ': ' || a.privilege_type
FROM   pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0
UNION  ALL
SELECT c.relname || '.' || t.attname || ': ' || a.privilege_type
FROM   pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a
WHERE  c.relnamespace = 'public'::regnamespace AND a.grantee = 0`,
		weaken: `GRANT SELECT (email) ON users TO PUBLIC`,
	},
	"default privileges make nothing public": {
		violations: `SELECT d.defaclobjtype::text || ': ' || d.defaclacl::text FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS a WHERE a.grantee = 0`,
		weaken:     `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC`,
	},
	"the schema and the database let PUBLIC create nothing": {
		violations: `
SELECT 'schema: ' || a.privilege_type FROM pg_namespace AS n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
WHERE  n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE'
UNION  ALL
SELECT 'database: ' || a.privilege_type FROM pg_database AS d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE  d.datname = current_database() AND a.grantee = 0 AND a.privilege_type IN ('CREATE', 'TEMPORARY')`,
		weaken: `GRANT CREATE ON SCHEMA public TO PUBLIC`,
	},
	"a view runs with the rights of its caller": {
		violations: `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm'
OR relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (reloptions), false))`,
		weaken: `CREATE VIEW all_projects AS SELECT * FROM projects`,
	},
	"the service has no right that bypasses a policy": {
		violations: `
SELECT c.relname || ': ' || a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a
WHERE  c.relnamespace = 'public'::regnamespace AND a.grantee = '` + appRole + `'::regrole
AND   (a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER') OR a.is_grantable)`,
		weaken: `GRANT REFERENCES ON projects TO ` + appRole,
	},
	"the database increments versions, never the service": {
		violations: `
SELECT c.relname || ' lets the service set a version' FROM ` + schemaTables + ` AS c JOIN pg_attribute AS v ON v.attrelid = c.oid AND v.attname = 'version'
WHERE  has_column_privilege('` + appRole + `', c.oid, v.attnum, 'INSERT') OR has_column_privilege('` + appRole + `', c.oid, v.attnum, 'UPDATE')
OR     NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgfoid IN ('change_project'::regproc, 'change_specification'::regproc, 'change_item'::regproc) AND g.tgenabled = 'O' AND g.tgtype = 19)`,
		weaken: `DROP TRIGGER projects_change ON projects`,
	},
}

func (a schemaRule) found(t testing.TB, conn *pgx.Conn) []string {
	t.Helper()
	return column[string](t, conn, a.violations)
}

func TestSchema_FollowsRules(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	for rule, a := range schemaRules {
		if found := a.found(t, super); len(found) > 0 {
			t.Errorf("%s, but:\n\t%s", rule, strings.Join(found, "\n\t"))
		}
	}
}

func TestSchema_RulesFindViolations(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	owner, super := connect(t, db.Owner), connect(t, db.Super)
	for rule, a := range schemaRules {
		before := a.found(t, super)
		mustExec(t, owner, "BEGIN", a.weaken)
		if after := a.found(t, owner); slices.Equal(before, after) {
			t.Errorf("a violation is not found: %s", rule)
		}
		mustExec(t, owner, "ROLLBACK")
	}
}

func TestSchema_ConstraintsWithASentenceExist(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	exists := column[string](t, super, "SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace")
	// A sign-in is retried at this one.
	for _, name := range append(postgres.ViolationNames(), "users_identity_key") {
		if !slices.Contains(exists, name) {
			t.Errorf("%s has a sentence, but the schema has no such constraint", name)
		}
	}
}
