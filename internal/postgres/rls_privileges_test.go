package postgres_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// forbidden is what an attacker with a connection of the service might try, besides
// reading rows: {me} is ann, {owner} the role that owns the tables, {login} the role that
// the service connects as.
var forbidden = []string{
	// More rows at once than a statement of the service needs.
	"TRUNCATE users CASCADE", "TRUNCATE projects CASCADE", "TRUNCATE goose_db_version",
	// Objects of the attacker.
	"CREATE TABLE loot (a int)", "CREATE TABLE public.loot AS SELECT 1", "SELECT 1 INTO loot",
	"CREATE TEMP TABLE loot (a int)", "CREATE TEMP VIEW loot AS SELECT 1", "CREATE TEMP SEQUENCE loot",
	"CREATE VIEW loot AS SELECT 1", "CREATE MATERIALIZED VIEW loot AS SELECT 1", "CREATE SEQUENCE loot", "CREATE TYPE loot AS (a int)",
	"CREATE SCHEMA loot", "CREATE DATABASE loot", "CREATE EXTENSION pg_trgm", "CREATE EXTENSION file_fdw", "CREATE INDEX ON projects (title)",
	"CREATE FUNCTION loot() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION pg_temp.loot() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"CREATE OR REPLACE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
	"CREATE PUBLICATION loot", "CREATE EVENT TRIGGER loot ON ddl_command_end EXECUTE FUNCTION change_project()",
	"CREATE TRIGGER loot BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION change_project()", "CREATE RULE loot AS ON DELETE TO projects DO INSTEAD NOTHING",
	// Fewer rules.
	"ALTER TABLE projects DISABLE ROW LEVEL SECURITY", "ALTER TABLE projects NO FORCE ROW LEVEL SECURITY", "ALTER TABLE projects OWNER TO CURRENT_USER",
	"ALTER TABLE projects DISABLE TRIGGER ALL", "ALTER TABLE projects DROP CONSTRAINT projects_title_length", "ALTER TABLE projects ADD loot int",
	"DROP POLICY projects_own ON projects", "CREATE POLICY loot ON projects USING (true)", "ALTER POLICY projects_own ON projects USING (true)",
	"DROP TABLE projects CASCADE", "DROP FUNCTION app_user_id() CASCADE", "DROP OWNED BY {owner} CASCADE", "REASSIGN OWNED BY {owner} TO CURRENT_USER",
	"SET session_replication_role = replica", "SET row_security = off; SELECT * FROM projects", "ALTER SYSTEM SET row_security = off",
	"ALTER DATABASE {database} SET row_security = off",
	// More rights.
	"SET ROLE {owner}", "SET SESSION AUTHORIZATION {owner}", "SET ROLE pg_read_all_data", "SET ROLE pg_write_all_data", "SET ROLE pg_monitor",
	"ALTER ROLE {login} SUPERUSER", "ALTER ROLE {login} BYPASSRLS", "ALTER ROLE " + appRole + " BYPASSRLS", "ALTER ROLE " + appRole + " LOGIN",
	"ALTER ROLE {login} SET app.user_id = '{me}'", "ALTER ROLE " + appRole + " SET app.user_id = '{me}'",
	"CREATE ROLE loot", "GRANT {owner} TO {login}", "GRANT pg_read_all_data TO {login}", "GRANT " + appRole + " TO pg_monitor",
	// Columns that give power.
	"UPDATE users SET role = 'admin'", "UPDATE users SET suspended_at = NULL", "UPDATE users SET issuer = 'x'", "UPDATE users SET subject = 'x'",
	"UPDATE users SET id = gen_random_uuid()", "UPDATE users SET created_at = now()",
	"INSERT INTO users (id, issuer, subject, email, name, role) VALUES ('{me}', 'i', 's', 'e', 'n', 'admin')",
	"INSERT INTO users (id, issuer, subject, email, name, suspended_at) VALUES ('{me}', 'i', 's', 'e', 'n', NULL)",
	"INSERT INTO users (id, issuer, subject, email, name, project_count) VALUES ('{me}', 'i', 's', 'e', 'n', -5)",
	"INSERT INTO users (id, issuer, subject, email, name) VALUES ('{me}', 'i', 's', 'e', 'n') ON CONFLICT (id) DO UPDATE SET role = 'admin'",
	"UPDATE projects SET version = 1", "UPDATE projects SET owner_id = '{me}'", "UPDATE projects SET id = gen_random_uuid()", "UPDATE projects SET created_at = now()",
	"UPDATE sessions SET user_id = '{me}'", "UPDATE sessions SET ends_at = 'infinity'", "UPDATE sessions SET salt = ''", "DELETE FROM sessions",
	"SELECT FROM used_id_tokens", "UPDATE used_id_tokens SET expires_at = now()", "DELETE FROM used_id_tokens", "COPY used_id_tokens TO STDOUT",
	"INSERT INTO used_id_tokens (hash, expires_at) VALUES ('', now()) RETURNING hash",
	"INSERT INTO used_id_tokens (hash, expires_at) VALUES ('', now()) ON CONFLICT (hash) DO UPDATE SET expires_at = now()",
	"SELECT hash FROM api_tokens", "SELECT * FROM api_tokens", "DELETE FROM api_tokens", "UPDATE api_tokens SET expires_at = 'infinity'", "UPDATE api_tokens SET hash = ''",
	"UPDATE api_tokens SET scopes = '{manage}'", "UPDATE api_tokens SET user_id = '{me}'", "UPDATE users SET managed_by = '{me}'",
	"SELECT FROM identities", "INSERT INTO identities VALUES ('i', 's', '{me}')", "UPDATE identities SET user_id = '{me}'", "DELETE FROM identities",
	"SELECT change_user('{bob}', 'admin', NULL)", "SELECT change_user('{me}', 'admin', false)",
	"UPDATE audit_events SET action = 'a.b'", "DELETE FROM audit_events", "TRUNCATE audit_events", "INSERT INTO audit_events (id, at, action, resource_type, ip, user_agent, request_id) VALUES ('{me}', now(), 'a.b', '', '', '', '')",
	// The list of migrations.
	"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)", "UPDATE goose_db_version SET is_applied = false", "DELETE FROM goose_db_version",
	"SELECT nextval('goose_db_version_id_seq')", "SELECT setval('goose_db_version_id_seq', 1)", "LOCK TABLE goose_db_version",
	// The server and its machine.
	"SELECT * FROM pg_authid", "SELECT * FROM pg_shadow", "SELECT * FROM pg_user_mapping", "SELECT * FROM pg_largeobject", "SELECT * FROM pg_hba_file_rules", "SELECT * FROM pg_file_settings",
	"SELECT pg_read_file('/etc/passwd')", "SELECT pg_read_binary_file('PG_VERSION')", "SELECT pg_ls_dir('.')", "SELECT pg_stat_file('PG_VERSION')", "SELECT pg_ls_logdir()",
	"SELECT lo_import('/etc/passwd')", "SELECT lo_export(1, '/tmp/loot')", "COPY projects TO '/tmp/loot'", "COPY projects FROM '/etc/passwd'",
	"COPY (SELECT 1) TO PROGRAM 'id'", "COPY projects FROM PROGRAM 'id'", "LOAD 'auto_explain'", "CHECKPOINT", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()",
	"SELECT pg_create_restore_point('loot')", "SELECT pg_terminate_backend({pid})", "SELECT pg_cancel_backend({pid})",
}

// notInTransaction matches statements that cannot be rolled back.
var notInTransaction = regexp.MustCompile(`^(CREATE DATABASE|ALTER SYSTEM|CREATE SUBSCRIPTION)`)

func TestRLS_ServiceRoleHasNoFurtherPrivileges(t *testing.T) {
	t.Parallel()
	for name, role := range serviceRoles {
		t.Run("as "+name, func(t *testing.T) {
			t.Parallel()
			x := newRLSAttack(t, testkit.NewDatabase(t), role)
			x.actAs(x.ann["users"]["id"])
			names := strings.NewReplacer(
				"{me}", x.ann["users"]["id"], "{bob}", x.bob["users"]["id"],
				"{owner}", value[string](t, x.super, "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'users'::regclass"),
				"{login}", value[string](t, x.attacker, "SELECT session_user::text"),
				"{database}", value[string](t, x.super, "SELECT current_database()::text"),
				"{pid}", itoa(value[int](t, x.super, "SELECT pg_backend_pid()")),
			)
			for _, sql := range forbidden {
				sql = names.Replace(sql)
				err := x.trySimpleProtocol(sql)
				if pg, ok := errors.AsType[*pgconn.PgError](err); err == nil {
					t.Errorf("the service may do this: %s", sql)
				} else if !ok || pg.Code != "42501" {
					t.Errorf("not rejected for a missing privilege: %s: %v", sql, err)
				}
			}
		})
	}
}

// trySimpleProtocol sends statements in the simple protocol, as an injection might, and
// rolls them back.
func (x *rlsAttack) trySimpleProtocol(sql string) error {
	x.t.Helper()
	if !notInTransaction.MatchString(sql) {
		mustExec(x.t, x.attacker, "BEGIN")
		defer mustExec(x.t, x.attacker, "ROLLBACK")
	}
	_, err := x.attacker.PgConn().Exec(x.t.Context(), sql).ReadAll()
	return err
}

func TestRLS_SecurityDefinerFunctionsRevealNoMore(t *testing.T) {
	t.Parallel()
	for name, role := range serviceRoles {
		t.Run("as "+name, func(t *testing.T) {
			t.Parallel()
			x := newRLSAttack(t, testkit.NewDatabase(t), role)
			ann, bob, session := x.ann["users"], x.bob["users"], x.bob["sessions"]["id"]
			annIs, bobIs := x.ann["identities"], x.bob["identities"]
			mustExec(t, x.power, "UPDATE sessions SET expires_at = 'infinity', ends_at = 'infinity'")
			for what, tc := range map[string]struct {
				session, caller any
				want            bool
			}{
				"bob's session and bob":  {session, bob["id"], true},
				"bob's session and ann":  {session, ann["id"], false},
				"no session and bob":     {nil, bob["id"], false},
				"bob's session and none": {session, nil, false},
				"none and none":          {nil, nil, false},
				"bob as a session":       {bob["id"], bob["id"], false},
			} {
				if got := value[bool](t, x.attacker, "SELECT live_session($1::text::uuid, $2::text::uuid)", tc.session, tc.caller); got != tc.want {
					t.Errorf("live_session of %s = %t", what, got)
				}
			}
			for what, tc := range map[string]struct {
				issuer, subject any
				want            *string
			}{
				"bob":                  {bobIs["issuer"], bobIs["subject"], new(bob["id"])},
				"an issuer alone":      {bobIs["issuer"], nil, nil},
				"a subject alone":      {nil, bobIs["subject"], nil},
				"patterns":             {"%", "%", nil},
				"another's subject":    {annIs["issuer"], bobIs["subject"], nil},
				"other letters' cases": {strings.ToUpper(bobIs["issuer"]), bobIs["subject"], nil},
			} {
				got := value[*string](t, x.attacker, "SELECT known_user($1, $2)::text", tc.issuer, tc.subject)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("known_user of %s (-want +got):\n%s", what, diff)
				}
			}
			for what, tc := range map[string]struct {
				session any
				want    *string
			}{
				"bob's session":       {session, new(bob["id"])},
				"no session":          {nil, nil},
				"a user":              {bob["id"], nil},
				"one that never was":  {"01234567-89ab-7cde-8f01-23456789abcd", nil},
				"all bits of nothing": {"00000000-0000-0000-0000-000000000000", nil},
			} {
				got := value[*string](t, x.attacker, "SELECT session_owner($1::text::uuid)::text", tc.session)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("session_owner of %s (-want +got):\n%s", what, diff)
				}
			}
			checkWatched(t, x)
			checkMembership(t, x)
			checkAddBot(t, x)
			checkLiveTokens(t, x)
			checkInvitations(t, x)
			mustExec(t, x.power, "UPDATE sessions SET id = '"+session+"' WHERE user_id = '"+ann["id"]+"'")
			if got := value[*string](t, x.attacker, "SELECT session_owner($1::text::uuid)::text", session); got != nil {
				t.Errorf("session_owner of a session that is ann's and bob's = %s", *got)
			}
			mustExec(t, x.power, "UPDATE projects SET deleted_at = '2026-01-01' WHERE owner_id = '"+bob["id"]+"'")
			if due := column[string](t, x.attacker, "SELECT concat_ws(' ', owner_id, project_id, specification_id) FROM trash_due('infinity', 1000000)"); !slices.Equal(due, []string{bob["id"] + " " + x.bob["projects"]["id"]}) {
				t.Errorf("trash_due returns %v, want only bob's project", due)
			}
			if due := column[string](t, x.attacker, "SELECT owner_id::text FROM trash_due('2025-12-31', 10)"); len(due) > 0 {
				t.Errorf("trash_due returns what is not due: %v", due)
			}
			if deleted := value[int64](t, x.attacker, "SELECT forget_history('2026-06-30', 1000000)"); deleted != 0 {
				t.Errorf("forget_history deletes %d changes that are not due", deleted)
			}
			// Statements cannot call the functions of triggers.
			functions := column[string](t, x.super, "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND prorettype <> 'trigger'::regtype ORDER BY 1")
			if diff := cmp.Diff([]string{"accept_invitation", "add_bot", "app_user_role", "appoint_admin", "change_user", "erase_history", "erase_project_history", "forget_audit_events", "forget_expired", "forget_history", "forget_invitations", "forget_tokens", "known_user", "live_session", "live_token", "live_tokens", "locate", "member_role", "person_is_bot", "person_name", "person_token", "session_owner", "shared_projects", "trash_due", "watched"}, functions); diff != "" {
				t.Errorf("this test does not cover these security definer functions (-known +all):\n%s", diff)
			}
		})
	}
}

// checkAddBot checks that only the person of a bot makes it a member, of own projects.
func checkAddBot(t *testing.T, x *rlsAttack) {
	t.Helper()
	ann, bob := x.ann["users"]["id"], x.bob["users"]["id"]
	bot := id.New[row]().String()
	mustExec(t, x.super, "INSERT INTO users (id, issuer, subject, email, name, managed_by) VALUES ('"+bot+"', 'codegenapp', '"+bot+"', '', 'bot', '"+bob+"')")
	for what, tc := range map[string]struct{ user, project, bot string }{
		"another person's bot":    {ann, x.ann["projects"]["id"], bot},
		"another owner's project": {bob, x.ann["projects"]["id"], bot},
		"a person who is no bot":  {ann, x.ann["projects"]["id"], bob},
		"another user's project":  {ann, x.bob["projects"]["id"], bob},
	} {
		mustExec(t, x.attacker, "BEGIN")
		value[string](t, x.attacker, "SELECT set_config('app.user_id', $1, true)", tc.user)
		if _, err := x.attacker.Exec(t.Context(), "SELECT add_bot($1::text::uuid, $2::text::uuid, 'editor', now())", tc.project, tc.bot); err == nil {
			t.Errorf("add_bot works with %s", what)
		}
		mustExec(t, x.attacker, "ROLLBACK")
	}
}

// checkMembership checks that the functions about members return nothing to other users.
func checkMembership(t *testing.T, x *rlsAttack) {
	t.Helper()
	of, project := x.bob["users"]["id"], x.bob["projects"]["id"]
	member := x.bob["project_members"]["user_id"]
	things := map[string]string{
		"projects": project, "specs": x.bob["specifications"]["id"], "items": x.bob["bullet_items"]["id"], "baselines": x.bob["baselines"]["id"],
	}
	located := func(user, kind string) []string {
		mustExec(t, x.attacker, "BEGIN")
		defer mustExec(t, x.attacker, "ROLLBACK")
		value[string](t, x.attacker, "SELECT set_config('app.user_id', $1, true)", user)
		return column[string](t, x.attacker, "SELECT owner_id::text || ' ' || project_id::text FROM locate($1, $2::text::uuid)", kind, things[kind])
	}
	for kind := range things {
		if got := located(member, kind); !slices.Equal(got, []string{of + " " + project}) {
			t.Errorf("locate of %s finds %v for a member", kind, got)
		}
		for caller, user := range map[string]string{"another user": x.ann["users"]["id"], "the owner": of} {
			if got := located(user, kind); len(got) > 0 {
				t.Errorf("locate of %s finds %v for %s", kind, got, caller)
			}
		}
	}
	role := func(member, owner, project string) *string {
		return value[*string](t, x.attacker, "SELECT member_role($1::text::uuid, $2::text::uuid, $3::text::uuid)", member, owner, project)
	}
	if got := role(member, of, project); got == nil || *got != x.bob["project_members"]["role"] {
		t.Errorf("the role of a member is %v", got)
	}
	for what, got := range map[string]*string{
		"another user":    role(x.ann["users"]["id"], of, project),
		"the owner":       role(of, of, project),
		"another project": role(member, of, x.ann["projects"]["id"]),
		"another owner":   role(member, x.ann["users"]["id"], project),
	} {
		if got != nil {
			t.Errorf("the role with %s is %s", what, *got)
		}
	}
	nameOf := func(user, person string) *string {
		mustExec(t, x.attacker, "BEGIN")
		defer mustExec(t, x.attacker, "ROLLBACK")
		value[string](t, x.attacker, "SELECT set_config('app.user_id', $1, true)", user)
		return value[*string](t, x.attacker, "SELECT person_name($1::text::uuid)", person)
	}
	if got := nameOf(of, member); got == nil {
		t.Error("an owner does not read the name of a member")
	}
	for what, got := range map[string]*string{
		"another user, of the member": nameOf(x.ann["users"]["id"], member), "the owner, of another user": nameOf(of, x.ann["users"]["id"]), "the member, of the owner": nameOf(member, of),
	} {
		if got != nil {
			t.Errorf("person_name returns %s to %s", *got, what)
		}
	}
	mustExec(t, x.super, "UPDATE project_members SET removed_at = now() WHERE owner_id = '"+of+"'")
	if got := role(member, of, project); got != nil {
		t.Errorf("the role of a former member is %s", *got)
	}
	for kind := range things {
		if got := located(member, kind); len(got) > 0 {
			t.Errorf("locate of %s finds %v for a former member", kind, got)
		}
	}
}

// checkLiveTokens checks that a token is live only together with its user and the hash of
// its secret, which the attacker cannot read.
func checkLiveTokens(t *testing.T, x *rlsAttack) {
	t.Helper()
	token, ann := x.bob["api_tokens"], x.ann["users"]["id"]
	mustExec(t, x.power, "UPDATE api_tokens SET expires_at = 'infinity', revoked_at = NULL")
	for what, tc := range map[string]struct {
		user, id, hash string
		want           bool
	}{
		"bob's token":                 {token["user_id"], token["id"], token["hash"], true},
		"bob's token for ann":         {ann, token["id"], token["hash"], false},
		"bob's token, another secret": {token["user_id"], token["id"], x.ann["api_tokens"]["hash"], false},
		"another id":                  {token["user_id"], x.ann["api_tokens"]["id"], token["hash"], false},
		"no hash":                     {token["user_id"], token["id"], `\x`, false},
	} {
		if got := value[bool](t, x.attacker, "SELECT live_token($1::text::uuid, $2::text::uuid, $3::text::bytea, '')", tc.user, tc.id, tc.hash); got != tc.want {
			t.Errorf("live_token of %s = %t", what, got)
		}
		if got := value[bool](t, x.attacker, "SELECT live FROM live_tokens(ARRAY[$1::text::uuid], ARRAY[$2::text::uuid], ARRAY[$3::text::bytea])", tc.user, tc.id, tc.hash); got != tc.want {
			t.Errorf("live_tokens of %s = %t", what, got)
		}
	}
}

// checkInvitations checks that an invitation cannot be accepted without its secret, and
// that users see no projects that are shared with others.
func checkInvitations(t *testing.T, x *rlsAttack) {
	t.Helper()
	ann, of := x.ann["users"]["id"], x.bob["users"]["id"]
	as := func(user, sql string, args ...any) []string {
		mustExec(t, x.attacker, "BEGIN")
		defer mustExec(t, x.attacker, "ROLLBACK")
		value[string](t, x.attacker, "SELECT set_config('app.user_id', $1, true)", user)
		return column[string](t, x.attacker, sql, args...)
	}
	for what, hash := range map[string]string{"no hash": `\x`, "another hash": bytea(32), "an id": `\x` + strings.ReplaceAll(x.bob["invitations"]["id"], "-", "")} {
		if got := as(ann, "SELECT concat_ws(' ', outcome, owner_id, project_id, invitation_id, role) FROM accept_invitation($1::text::bytea, 50, 50)", hash); !slices.Equal(got, []string{"missing"}) {
			t.Errorf("accept_invitation with %s returns %v", what, got)
		}
	}
	for caller, user := range map[string]string{"another user": ann, "the owner": of} {
		if got := as(user, "SELECT id::text FROM shared_projects()"); len(got) > 0 {
			t.Errorf("shared_projects of %s returns %v", caller, got)
		}
	}
}

// checkWatched checks that watched returns nothing of a session without its user, and
// nothing of a project but a number.
func checkWatched(t *testing.T, x *rlsAttack) {
	t.Helper()
	ann, bob, session := x.ann["users"]["id"], x.bob["users"]["id"], x.bob["sessions"]["id"]
	mustExec(t, x.power, "UPDATE projects SET deleted_at = NULL WHERE owner_id = '"+bob+"'")
	for what, tc := range map[string]struct {
		session, user, project string
		want                   string
	}{
		"bob's session and project":      {session, bob, x.bob["projects"]["id"], "true number"},
		"bob's session and ann's id":     {session, ann, x.bob["projects"]["id"], "false nothing"},
		"bob's session, ann's project":   {session, bob, x.ann["projects"]["id"], "true nothing"},
		"another session, bob's project": {bob, bob, x.bob["projects"]["id"], "false number"},
	} {
		got := value[string](t, x.attacker, `SELECT live::text || CASE WHEN revision IS NULL THEN ' nothing' ELSE ' number' END
			FROM watched(ARRAY[$1]::uuid[], ARRAY[$2]::uuid[], ARRAY[$2]::uuid[], ARRAY[$3]::uuid[])`, tc.session, tc.user, tc.project)
		if got != tc.want {
			t.Errorf("watched with %s: %s, want %s", what, got, tc.want)
		}
	}
}

func TestRLS_ErasureReachesOnlyOwnHistory(t *testing.T) {
	t.Parallel()
	x := newRLSAttack(t, testkit.NewDatabase(t), appRole)
	subjects := map[string]string{"erase_history": "specifications", "erase_project_history": "projects"}
	for function, table := range subjects {
		if _, err := x.attacker.Exec(t.Context(), "SELECT "+function+"($1::text::uuid, 1000000)", x.bob[table]["id"]); err == nil {
			t.Errorf("%s works without a user", function)
		}
	}
	x.actAs(x.ann["users"]["id"])
	for function, table := range subjects {
		if erased := value[int64](t, x.attacker, "SELECT "+function+"($1::text::uuid, 1000000)", x.bob[table]["id"]); erased != 0 {
			t.Errorf("%s erases %d changes of another user", function, erased)
		}
	}
}

func TestRLS_ColumnStatisticsAreHidden(t *testing.T) {
	t.Parallel()
	x := newRLSAttack(t, testkit.NewDatabase(t), appRole)
	mustExec(t, x.super, "ANALYZE")
	x.actAs(x.ann["users"]["id"])
	for _, tb := range x.tables {
		if n := value[int](t, x.super, "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = $1", tb.name); n == 0 {
			t.Errorf("%s has no statistics, so this shows nothing", tb.name)
		}
		if n := value[int](t, x.attacker, "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = $1", tb.name); n != 0 {
			t.Errorf("the service reads the statistics of %d columns of %s, values included", n, tb.name)
		}
	}
}
