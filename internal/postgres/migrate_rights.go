package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// appRole is the role that every transaction of the service takes on. Roles belong to
// the cluster, so all its databases share it.
const appRole = "codegenapp_app"

// ownerState is what a migrator needs to know of its role and the database.
type ownerState struct {
	Version  int
	Encoding string
	Role     string
	Database string
	// Elsewhere is a schema that contains our tables while public does not.
	Elsewhere string
	// CreatesTables is whether the role may create tables in the schema public.
	CreatesTables bool
	Migrated      bool
	Super         bool
	CreatesRoles  bool
	AppRoleExists bool
	// GrantsAppRole is whether the role has codegenapp_app with the admin option.
	GrantsAppRole bool
	OwnsDatabase  bool
}

const selectOwnerState = `
WITH  ours AS (SELECT c.relname, n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE  c.relname IN ('goose_db_version', 'sessions', 'bullet_items') AND c.relkind = 'r')
SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       current_user::text AS role, current_database()::text AS database,
       coalesce((SELECT min(v.nspname::text) FROM ours AS v JOIN ours AS i ON i.nspname = v.nspname AND i.relname = 'bullet_items'
                 WHERE  v.relname = 'goose_db_version'
                 AND    NOT EXISTS (SELECT FROM ours AS p WHERE p.nspname = 'public' AND p.relname = 'goose_db_version')), '') AS elsewhere,
       coalesce((SELECT has_schema_privilege(n.oid, 'CREATE') FROM pg_namespace AS n WHERE n.nspname = 'public'), false) AS creates_tables,
       EXISTS (SELECT FROM ours AS o WHERE o.nspname = 'public' AND o.relname = 'sessions') AS migrated,
       r.rolsuper AS super, r.rolcreaterole AS creates_roles,
       EXISTS (SELECT FROM pg_roles AS a WHERE a.rolname = $1) AS app_role_exists,
       coalesce((SELECT pg_has_role(a.oid, 'MEMBER WITH ADMIN OPTION') FROM pg_roles AS a WHERE a.rolname = $1), false) AS grants_app_role,
       (SELECT pg_has_role(d.datdba, 'USAGE') FROM pg_database AS d WHERE d.datname = current_database()) AS owns_database
FROM   pg_roles AS r
WHERE  r.rolname = current_user`

// inspect connects as the owner. Its error says in words why migrations cannot run.
func (m *Migrator) inspect(ctx context.Context) (ownerState, error) {
	conn, err := m.connect(ctx)
	if err != nil {
		return ownerState{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // all results are read
	rows, err := conn.Query(ctx, selectOwnerState, pgx.QueryExecModeExec, appRole)
	if err != nil {
		return ownerState{}, fmt.Errorf("query the rights of the owner: %w", err)
	}
	state, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[ownerState])
	if err != nil {
		return ownerState{}, fmt.Errorf("query the rights of the owner: %w", err)
	}
	switch {
	case state.Encoding != "UTF8":
		return state, &EncodingError{state.Encoding}
	case state.Elsewhere != "":
		return state, fmt.Errorf("the tables are in the schema %[1]q, but the service uses the schema public only: if public is empty, "+
			"DROP SCHEMA public; ALTER SCHEMA %[2]s RENAME TO public", state.Elsewhere, quote(state.Elsewhere))
	}
	return state, nil
}

func (m *Migrator) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, m.owner)
	if err != nil {
		return nil, fmt.Errorf("the database of MIGRATION_DATABASE_URL cannot be reached: %w", connectFailure(err))
	}
	return conn, nil
}

// canMigrate returns nil if the role has the rights that migrations need.
func (o ownerState) canMigrate() error {
	switch {
	case o.Super:
		return nil
	case !o.CreatesTables:
		return fmt.Errorf("the role %s may not create tables in the schema public: as a superuser, run in this database: "+
			"CREATE SCHEMA IF NOT EXISTS public; ALTER SCHEMA public OWNER TO %s", o.Role, quote(o.Role))
	case o.Migrated:
		return nil
	case !o.AppRoleExists && !o.CreatesRoles:
		return fmt.Errorf("the role %s may not create the role %s: as a superuser, run ALTER ROLE %s CREATEROLE", o.Role, appRole, quote(o.Role))
	case o.AppRoleExists && !o.mayGrantAppRole():
		return o.errAppRole()
	}
	return nil
}

// mayGrantAppRole reports whether the role may grant codegenapp_app. Before
// PostgreSQL 16, CREATEROLE was enough for roles of any creator.
func (o ownerState) mayGrantAppRole() bool {
	return o.Super || o.GrantsAppRole || o.CreatesRoles && o.Version < 160000
}

func (o ownerState) errAppRole() error {
	return fmt.Errorf("the role %[1]s may not grant %[2]s, which the migrations of another database have created: "+
		"as a superuser, run GRANT %[2]s TO %[3]s WITH ADMIN OPTION", o.Role, appRole, quote(o.Role))
}

// explain adds to an error of a migration what to do about it.
func (o ownerState) explain(err error) error {
	switch sqlState(err) {
	case "42P05", "26000": // a prepared statement exists already, or no longer
		return fmt.Errorf("MIGRATION_DATABASE_URL leads through a pooler, and needs a direct connection to PostgreSQL: %w", err)
	case "42501":
		return fmt.Errorf("the role %s lacks a right; docs/operations/database.md lists those of the owner: %w", o.Role, err)
	case "55P03":
		return fmt.Errorf("another session holds a lock on a table, such as a backup or an export; nothing was changed, so try again: %w", err)
	}
	return err
}

// grant grants the service's login role what it needs, and takes from all other roles
// the right to connect: codegenapp_app is one role for all databases of a cluster, so
// the service of another one could otherwise read this one. It returns the login roles
// that can no longer connect.
func (m *Migrator) grant(ctx context.Context, state ownerState, serviceURL string) (excluded []string, err error) {
	service, err := pgx.ParseConfig(serviceURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL %w", urlFault(err))
	}
	conn, err := m.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if service.User != m.owner.User {
		if err := grantAppRole(ctx, conn, state, service.User); err != nil {
			return nil, err
		}
	}
	if !state.OwnsDatabase {
		return nil, nil // doctor reports that every role may connect
	}
	return restrictConnect(ctx, conn, state.Database, service.User)
}

// grantAppRole grants codegenapp_app, unless the role is a member that may take it on.
func grantAppRole(ctx context.Context, conn *pgx.Conn, state ownerState, service string) error {
	right := "MEMBER"
	if state.Version >= 160000 {
		right = "SET"
	}
	var granted bool
	err := conn.QueryRow(ctx, `SELECT pg_has_role(r.oid, a.oid, $3) FROM pg_roles AS r, pg_roles AS a WHERE r.rolname = $1 AND a.rolname = $2`,
		pgx.QueryExecModeExec, service, appRole, right).Scan(&granted)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("there is no role %[1]s, which DATABASE_URL names: CREATE ROLE %[2]s LOGIN PASSWORD '…'", service, quote(service))
	}
	if err != nil {
		return fmt.Errorf("query the rights of the role of DATABASE_URL: %w", err)
	}
	if granted {
		return nil
	}
	_, err = conn.Exec(ctx, "GRANT "+appRole+" TO "+quote(service))
	if sqlState(err) == "42501" {
		return state.errAppRole()
	}
	if err != nil {
		return fmt.Errorf("grant %s to the role of DATABASE_URL: %w", appRole, err)
	}
	return nil
}

// restrictConnect lets only the service, the owner and explicitly named roles connect
// to the database. It returns the login roles that no longer can.
func restrictConnect(ctx context.Context, conn *pgx.Conn, database, service string) (excluded []string, err error) {
	const connecting = `SELECT r.rolname::text FROM pg_roles AS r
WHERE  r.rolcanlogin AND NOT r.rolsuper AND has_database_privilege(r.oid, current_database(), 'CONNECT') ORDER BY r.rolname`
	list := func() (names []string, err error) {
		rows, err := conn.Query(ctx, connecting, pgx.QueryExecModeExec)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[string])
	}
	before, err := list()
	if err != nil {
		return nil, fmt.Errorf("list the roles that may connect: %w", err)
	}
	for _, statement := range []string{
		"SELECT pg_advisory_lock(hashtext('codegenapp: rights of the database'))", // until conn is closed
		"GRANT CONNECT ON DATABASE " + quote(database) + " TO " + quote(service),
		"REVOKE CONNECT ON DATABASE " + quote(database) + " FROM PUBLIC",
	} {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeExec); err != nil {
			return nil, fmt.Errorf("restrict the connections to the database: %w", err)
		}
	}
	after, err := list()
	if err != nil {
		return nil, fmt.Errorf("list the roles that may connect: %w", err)
	}
	left := map[string]bool{}
	for _, name := range after {
		left[name] = true
	}
	for _, name := range before {
		if !left[name] {
			excluded = append(excluded, name)
		}
	}
	return excluded, nil
}

// quote quotes an identifier.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
