package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Citus distributes a table by one column, here by the owner, so all rows of a user are
// on one machine. These tests list what Citus would reject, by its documentation and its
// code. docs/operations/scaling.md says what it would take.

// place is how a table is distributed that is not distributed by its owner.
type place struct {
	// column is the distribution column; empty for a table on one machine, or a copy on
	// every machine.
	column, why string
}

var otherPlacement = map[string]place{
	"audit_events":   {why: "it outlives accounts, has rows without an actor, and is read for all users at once: one machine"},
	"identities":     {why: "it is read before the user is known, and is unique over all users: a copy on every machine"},
	"used_id_tokens": {column: "hash", why: "it outlives accounts, and is unique over all users"},
}

// knownObstacles is what Citus would reject of the schema as it is. A new table must not
// make it longer.
var knownObstacles = []string{
	"api_tokens: policy api_tokens_managed has a sub-select",
	"api_tokens: policy api_tokens_own has a sub-select",
	"baselines: policy baselines_own has a sub-select",
	"baselines: policy baselines_shared has a sub-select",
	"bullet_items: policy bullet_items_own has a sub-select",
	"bullet_items: policy bullet_items_shared has a sub-select",
	"bullet_items: trigger bullet_items_change",
	"bullet_items: trigger bullet_items_list",
	"bullet_items: trigger bullet_items_unlist",
	"changes: policy changes_own has a sub-select",
	"changes: policy changes_shared has a sub-select",
	"idempotency_keys: policy idempotency_keys_deleted_by_tenant has a sub-select",
	"idempotency_keys: policy idempotency_keys_member has a sub-select",
	"idempotency_keys: policy idempotency_keys_own has a sub-select",
	"idempotency_keys: policy idempotency_keys_read_by_tenant has a sub-select",
	identitiesForeignKey,
	"invitations: policy invitations_own has a sub-select",
	membersForeignKey,
	"project_members: policy project_members_changed has a sub-select",
	"project_members: policy project_members_left has a sub-select",
	"project_members: policy project_members_own has a sub-select",
	"project_members: policy project_members_self has a sub-select",
	"project_members: policy project_members_shared has a sub-select",
	"project_revisions: policy project_revisions_own has a sub-select",
	"project_revisions: policy project_revisions_shared has a sub-select",
	"projects: policy projects_own has a sub-select",
	"projects: policy projects_shared has a sub-select",
	"projects: trigger projects_change",
	"projects: trigger projects_create",
	"projects: trigger projects_delete",
	"sessions: policy sessions_own has a sub-select",
	"specifications: policy specifications_own has a sub-select",
	"specifications: policy specifications_shared has a sub-select",
	"specifications: trigger specifications_change",
	"specifications: trigger specifications_create",
	"specifications: trigger specifications_delete",
	"used_id_tokens: policy used_id_tokens_added has a sub-select",
	"used_id_tokens: trigger used_id_tokens_forget_user",
	usersForeignKey,
	"users: policy users_by_staff has a sub-select",
	"users: policy users_managed has a sub-select",
	"users: policy users_self has a sub-select",
	"users: policy users_shared has a sub-select",
	"users: trigger users_identity_key",
}

// The constraints that would have to be dropped. A bot is another user than its person, and a
// member another one than the owner.
const (
	membersForeignKey    = "project_members: foreign key project_members_user_fkey refers to a table with another distribution"
	identitiesForeignKey = "identities: foreign key identities_user_fkey refers to a table with another distribution"
	usersForeignKey      = "users: foreign key users_manager_fkey refers to a table with another distribution"
)

// obstaclesOf selects what Citus would reject of the table $1, distributed by the column
// $2.
const obstaclesOf = `
WITH placed AS (SELECT attrelid AS rel, attnum, attname, attnotnull FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2)
SELECT attname || ' may be null' FROM placed WHERE NOT attnotnull
UNION  ALL
SELECT 'key ' || i.indexrelid::regclass || ' has no ' || attname FROM placed JOIN pg_index AS i ON i.indrelid = rel
WHERE  (i.indisunique OR i.indisexclusion) AND NOT attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
UNION  ALL
SELECT 'foreign key ' || conname || ' may set ' || attname || ' to ' || CASE confdeltype WHEN 'n' THEN 'null' ELSE 'a default' END
FROM   placed JOIN pg_constraint ON conrelid = rel AND contype = 'f' AND attnum = ANY (conkey) WHERE confdeltype IN ('n', 'd')
UNION  ALL
SELECT 'policy ' || polname || ' has a sub-select' FROM placed JOIN pg_policy ON polrelid = rel
WHERE  concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) ~ 'SELECT'
UNION  ALL
SELECT 'trigger ' || tgname FROM placed JOIN pg_trigger ON tgrelid = rel WHERE NOT tgisinternal`

// findObstacles lists what prevents the distribution of tables by their owner, except
// those of otherPlacement.
func findObstacles(t testing.TB, conn *pgx.Conn) (found []string) {
	t.Helper()
	placedBy, all := map[string]string{}, readTables(t, conn)
	for _, table := range all {
		placedBy[table.name] = table.owner
	}
	for name, place := range otherPlacement {
		placedBy[name] = place.column
	}
	for name, by := range placedBy {
		for _, sentence := range column[string](t, conn, obstaclesOf, name, by) {
			found = append(found, name+": "+sentence)
		}
	}
	for _, table := range all {
		_, away := otherPlacement[table.name]
		for _, f := range table.foreign {
			_, parentAway := otherPlacement[f.parent]
			i := slices.Index(f.columns, table.owner)
			if away || parentAway || i < 0 || f.parentColumns[i] != placedBy[f.parent] {
				found = append(found, table.name+": foreign key "+f.name+" refers to a table with another distribution")
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestCitus_SchemaHasNoNewObstacle(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	if diff := cmp.Diff(knownObstacles, findObstacles(t, super)); diff != "" {
		t.Errorf("the obstacles have changed (-known +found); docs/operations/scaling.md says what each costs:\n%s", diff)
	}
	// It has no owner, so it is not among the tables that were checked.
	if refers := column[string](t, super, "SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND 'used_id_tokens'::regclass IN (conrelid, confrelid)"); len(refers) > 0 {
		t.Errorf("used_id_tokens has foreign keys: %v", refers)
	}
}

func TestCitus_ThreeForeignKeysApartFromPoliciesAndTriggers(t *testing.T) {
	t.Parallel()
	owner := connect(t, migrated(t).Owner)
	mustExec(t, owner, "ALTER TABLE identities DROP CONSTRAINT identities_user_fkey", "ALTER TABLE users DROP CONSTRAINT users_manager_fkey",
		"ALTER TABLE project_members DROP CONSTRAINT project_members_user_fkey")
	for _, left := range findObstacles(t, owner) {
		if !strings.Contains(left, ": policy ") && !strings.Contains(left, ": trigger ") {
			t.Errorf("this is still an obstacle: %s", left)
		}
	}
}

func TestCitus_FindsObstacles(t *testing.T) {
	t.Parallel()
	owner := connect(t, migrated(t).Owner)
	const parent = "CONSTRAINT labels_project_fkey FOREIGN KEY (owner_id, project_id) REFERENCES projects (owner_id, id)"
	for want, change := range map[string]string{
		"labels: key labels_pkey has no owner_id":                                              "CREATE TABLE labels (id uuid CONSTRAINT labels_pkey PRIMARY KEY, project_id uuid, owner_id uuid NOT NULL, " + parent + ")",
		"labels: key labels_once has no owner_id":                                              "CREATE TABLE labels (project_id uuid, owner_id uuid NOT NULL, " + parent + "); CREATE UNIQUE INDEX labels_once ON labels (project_id) INCLUDE (owner_id)",
		"labels: owner_id may be null":                                                         "CREATE TABLE labels (project_id uuid, owner_id uuid, " + parent + ")",
		"labels: foreign key labels_project_fkey may set owner_id to null":                     "CREATE TABLE labels (project_id uuid, owner_id uuid NOT NULL, " + parent + " ON DELETE SET NULL)",
		"projects: foreign key projects_twin_fkey refers to a table with another distribution": "ALTER TABLE users ADD CONSTRAINT users_twin_key UNIQUE (id, issuer); ALTER TABLE projects ADD twin uuid, ADD issuer text, ADD CONSTRAINT projects_twin_fkey FOREIGN KEY (twin, issuer) REFERENCES users (id, issuer)",
		"projects: trigger slow":                                                               "CREATE TRIGGER slow BEFORE INSERT ON projects EXECUTE FUNCTION change_project()",
	} {
		mustExec(t, owner, "BEGIN", change)
		if found := findObstacles(t, owner); !slices.Contains(found, want) {
			t.Errorf("not found: %s:\n\t%s", want, strings.Join(found, "\n\t"))
		}
		mustExec(t, owner, "ROLLBACK")
	}
}
