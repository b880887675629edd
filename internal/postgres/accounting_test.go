package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// account is a rule for the whole schema: a query that answers what breaks it,
// one sentence each.
type account struct {
	breaches string
	// drill breaks the rule on purpose, to see that the query finds it.
	drill string
}

// ours are the tables that the rules speak of.
const ours = `(SELECT c.* FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'goose_db_version')`

var accounts = map[string]account{
	"every table has row-level security, forced": {
		breaches: `SELECT relname || ' has not' FROM ` + ours + ` AS c WHERE NOT (relrowsecurity AND relforcerowsecurity)`,
		drill:    `ALTER TABLE projects NO FORCE ROW LEVEL SECURITY`,
	},
	"what the service may do to a table is held by a policy that asks for the user": {
		// polcmd: r SELECT, a INSERT, w UPDATE, d DELETE, * all of them.
		breaches: `
SELECT c.relname || ' lets ` + appRole + ` ' || p.privilege || ' without a policy for it'
FROM   ` + ours + ` AS c,
       (VALUES ('SELECT', 'r', true, false), ('INSERT', 'a', false, true), ('UPDATE', 'w', true, true), ('DELETE', 'd', true, false))
           AS p (privilege, command, needs_using, needs_check)
WHERE  CASE WHEN privilege = 'DELETE' THEN has_table_privilege('` + appRole + `', c.oid, privilege)
            ELSE has_any_column_privilege('` + appRole + `', c.oid, privilege) END
AND    NOT EXISTS (
           SELECT FROM pg_policy AS l
           WHERE  l.polrelid = c.oid AND l.polpermissive AND l.polcmd IN ('*', p.command) AND l.polroles = ARRAY['` + appRole + `'::regrole::oid]
           AND   (NOT needs_using OR pg_get_expr(l.polqual, l.polrelid) ~ 'app_user_(id|role)\(\)')
           AND   (NOT needs_check OR pg_get_expr(l.polwithcheck, l.polrelid) ~ 'app_user_(id|role)\(\)'))`,
		drill: `DROP POLICY projects_own ON projects;
			CREATE POLICY projects_own ON projects TO ` + appRole + ` USING (owner_id = (SELECT app_user_id()))`,
	},
	"no policy opens a table to the service for any other reason": {
		breaches: `
SELECT c.relname || ': ' || l.polname || ' does not ask for the user'
FROM   pg_policy AS l JOIN ` + ours + ` AS c ON c.oid = l.polrelid
WHERE  l.polpermissive AND l.polroles && ARRAY[0, '` + appRole + `'::regrole::oid]
AND   (coalesce(pg_get_expr(l.polqual, l.polrelid), 'app_user_id()') !~ 'app_user_(id|role)\(\)'
       OR coalesce(pg_get_expr(l.polwithcheck, l.polrelid), 'app_user_id()') !~ 'app_user_(id|role)\(\)')`,
		drill: `CREATE POLICY open_house ON projects FOR SELECT USING (true)`,
	},
	"a role opens people and the audit to be read, and nothing of what people own": {
		breaches: `
SELECT c.relname || ': ' || l.polname || ' asks for the role'
FROM   pg_policy AS l JOIN ` + ours + ` AS c ON c.oid = l.polrelid
WHERE  concat(pg_get_expr(l.polqual, l.polrelid), pg_get_expr(l.polwithcheck, l.polrelid)) LIKE '%app_user_role()%'
AND    NOT (l.polcmd = 'r' AND c.relname IN ('users', 'audit_events'))`,
		drill: `CREATE POLICY admins ON projects FOR SELECT TO ` + appRole + ` USING ((SELECT app_user_role()) = 'admin')`,
	},
	"nobody changes or removes an audit event": {
		breaches: `
SELECT privilege FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE  has_table_privilege('` + appRole + `', 'audit_events', privilege)
UNION  ALL
SELECT 'UPDATE of a column' WHERE has_any_column_privilege('` + appRole + `', 'audit_events', 'UPDATE')`,
		drill: `GRANT UPDATE (details) ON audit_events TO ` + appRole,
	},
	"a policy's user is computed once per statement": {
		breaches: `
SELECT c.relname || ': ' || l.polname || ' asks for every row'
FROM   pg_policy AS l JOIN ` + ours + ` AS c ON c.oid = l.polrelid,
       unnest(ARRAY[pg_get_expr(l.polqual, l.polrelid), pg_get_expr(l.polwithcheck, l.polrelid)]) AS condition
WHERE  regexp_replace(condition, '\( SELECT app_user_(id|role)\(\)', '', 'g') ~ 'app_user_(id|role)\(\)'`,
		drill: `CREATE POLICY slow ON projects FOR SELECT TO ` + appRole + ` USING (owner_id = app_user_id())`,
	},
	"every foreign key has an index that begins with its columns": {
		breaches: `
SELECT k.conrelid::regclass || ': ' || k.conname || ' has not'
FROM   pg_constraint AS k
WHERE  k.contype = 'f' AND k.connamespace = 'public'::regnamespace
AND    NOT EXISTS (
           SELECT FROM pg_index AS i
           WHERE  i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
           AND   (SELECT array_agg(c ORDER BY c) FROM unnest((i.indkey::int2[])[0 : cardinality(k.conkey) - 1]) AS c)
               = (SELECT array_agg(c ORDER BY c) FROM unnest(k.conkey) AS c))`,
		drill: `DROP INDEX identities_user_fkey_idx`,
	},
	"every child of an owned table refers to the owner too": {
		breaches: `
SELECT k.conrelid::regclass || ': ' || k.conname || ' has one column'
FROM   pg_constraint AS k
WHERE  k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND k.confrelid <> 'users'::regclass AND cardinality(k.conkey) < 2`,
		drill: `ALTER TABLE projects ADD CONSTRAINT projects_once_key UNIQUE (id);
			CREATE TABLE projects_notes (project_id uuid CONSTRAINT projects_notes_fk REFERENCES projects (id))`,
	},
	"every constraint has a name that somebody chose": {
		// What PostgreSQL makes up is the table, the columns, the kind, a number.
		breaches: `
SELECT c.relname || ': ' || k.conname
FROM   pg_constraint AS k JOIN ` + ours + ` AS c ON c.oid = k.conrelid
WHERE  k.contype IN ('c', 'f', 'u', 'x', 'p')
AND   (left(k.conname, length(c.relname) + 1) <> c.relname || '_'
       OR k.conname ~ '_(check|fkey|key|pkey|excl)[0-9]+$'
       OR k.contype = 'c' AND k.conname ~ '_check$'
       OR k.contype IN ('f', 'u') AND cardinality(k.conkey) > 0 AND k.conname = c.relname || '_' || (
              SELECT string_agg(a.attname, '_' ORDER BY n.place) FROM unnest(k.conkey) WITH ORDINALITY AS n (attnum, place)
              JOIN   pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.attnum)
           || CASE k.contype WHEN 'f' THEN '_fkey' ELSE '_key' END)`,
		drill: `ALTER TABLE projects ADD CHECK (version > 0)`,
	},
	"a function that runs as its owner has a search path and is not for everybody": {
		breaches: `
SELECT p.oid::regprocedure || ': ' || coalesce(array_to_string(p.proconfig, ', '), 'no search_path') || ', ' || coalesce(p.proacl::text, 'for everybody')
FROM   pg_proc AS p
WHERE  p.pronamespace = 'public'::regnamespace AND p.prosecdef
AND   (NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
       OR EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0))`,
		drill: `ALTER FUNCTION live_session RESET search_path`,
	},
	"no function is for everybody": {
		// A trigger's function cannot be called.
		breaches: `
SELECT p.oid::regprocedure::text
FROM   pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE  p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype AND a.grantee = 0`,
		drill: `CREATE FUNCTION loot() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	},
	"no table, view, sequence or column is for everybody": {
		breaches: `
SELECT c.relname || ': ' || a.privilege_type
FROM   pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0
UNION  ALL
SELECT c.relname || '.' || t.attname || ': ' || a.privilege_type
FROM   pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid, aclexplode(t.attacl) AS a
WHERE  c.relnamespace = 'public'::regnamespace AND a.grantee = 0`,
		drill: `GRANT SELECT (email) ON users TO PUBLIC`,
	},
	"nothing that is made later is for everybody": {
		breaches: `SELECT d.defaclobjtype::text || ': ' || d.defaclacl::text FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS a WHERE a.grantee = 0`,
		drill:    `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC`,
	},
	"neither the schema nor the database lets everybody make things": {
		breaches: `
SELECT 'schema: ' || a.privilege_type FROM pg_namespace AS n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
WHERE  n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE'
UNION  ALL
SELECT 'database: ' || a.privilege_type FROM pg_database AS d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE  d.datname = current_database() AND a.grantee = 0 AND a.privilege_type IN ('CREATE', 'TEMPORARY')`,
		drill: `GRANT CREATE ON SCHEMA public TO PUBLIC`,
	},
	"a view works with the rights of whoever asks": {
		breaches: `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm'
OR relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (reloptions), false))`,
		drill: `CREATE VIEW all_projects AS SELECT * FROM projects`,
	},
	"the service is given nothing that lets it pass a policy or keep a secret": {
		breaches: `
SELECT c.relname || ': ' || a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a
WHERE  c.relnamespace = 'public'::regnamespace AND a.grantee = '` + appRole + `'::regrole
AND   (a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER') OR a.is_grantable)`,
		drill: `GRANT REFERENCES ON projects TO ` + appRole,
	},
	"a row that belongs to somebody is raised by the database, never by the service": {
		breaches: `
SELECT c.relname || ' may be given a version' FROM ` + ours + ` AS c JOIN pg_attribute AS v ON v.attrelid = c.oid AND v.attname = 'version'
WHERE  has_column_privilege('` + appRole + `', c.oid, v.attnum, 'INSERT') OR has_column_privilege('` + appRole + `', c.oid, v.attnum, 'UPDATE')
OR     NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgfoid = 'raise_version'::regproc AND g.tgenabled = 'O' AND g.tgtype = 19)`,
		drill: `DROP TRIGGER projects_raise_version ON projects`,
	},
}

func (a account) found(t testing.TB, conn *pgx.Conn) []string {
	t.Helper()
	return column[string](t, conn, a.breaches)
}

func TestTheSchemaKeepsTheRules(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	for rule, a := range accounts {
		if found := a.found(t, super); len(found) > 0 {
			t.Errorf("%s, but:\n\t%s", rule, strings.Join(found, "\n\t"))
		}
	}
}

func TestARuleOfTheSchemaThatIsBrokenIsMissed(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	owner, super := connect(t, db.Owner), connect(t, db.Super)
	for rule, a := range accounts {
		before := a.found(t, super)
		must(t, owner, "BEGIN", a.drill)
		if after := a.found(t, owner); slices.Equal(before, after) {
			t.Errorf("nobody notices when this is broken: %s", rule)
		}
		must(t, owner, "ROLLBACK")
	}
}

func TestEveryConstraintThatHasASentenceExists(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	exists := column[string](t, super, "SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace")
	// What signs in tries again at this one.
	for _, name := range append(postgres.ViolationNames(), "users_identity_key") {
		if !slices.Contains(exists, name) {
			t.Errorf("%s has a sentence, but the schema has no such constraint", name)
		}
	}
}
