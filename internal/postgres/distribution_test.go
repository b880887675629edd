package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Citus places a row by one column of its table, here by its owner, so that all
// of a user lies on one machine. What it then demands is written in its own
// documentation and refused by its own code; docs/operations/scaling.md says what it would
// take to give it that.

// place is where rows of a table lie that are not placed by their owner.
type place struct {
	// column is what they are placed by instead, empty where all lie together.
	column, why string
}

var apart = map[string]place{
	"audit_events":   {why: "outlives whom it tells of, belongs to nobody where somebody did not get in, and is read for all users at once: on one machine"},
	"identities":     {why: "is asked before the user is known, and unique over everybody: a copy on every machine"},
	"used_id_tokens": {"hash", "outlives whom it has signed in, and is unique over everybody"},
}

// inTheWay is what Citus would refuse of the schema as it is. A new table must
// not make it longer.
var inTheWay = []string{
	"bullet_items: policy bullet_items_own has a sub-select",
	"bullet_items: trigger bullet_items_list",
	"bullet_items: trigger bullet_items_raise_version",
	"idempotency_keys: policy idempotency_keys_own has a sub-select",
	leadsAway,
	"projects: policy projects_own has a sub-select",
	"projects: trigger projects_raise_version",
	"sessions: policy sessions_own has a sub-select",
	"specifications: policy specifications_own has a sub-select",
	"specifications: trigger specifications_item_list",
	"specifications: trigger specifications_raise_version",
	"used_id_tokens: policy used_id_tokens_added has a sub-select",
	"used_id_tokens: trigger used_id_tokens_forget_user",
	"users: policy users_by_staff has a sub-select",
	"users: policy users_self has a sub-select",
	"users: trigger users_identity_key",
}

// leadsAway is the one constraint that would have to go.
const leadsAway = "identities: foreign key identities_user_fkey leads to another place"

// refused asks what of a table, $1, Citus would refuse if it were placed by the
// column $2.
const refused = `
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

// standing lists what stands in the way of placing tables by their owner, but for
// those that are apart.
func standing(t testing.TB, conn *pgx.Conn) (found []string) {
	t.Helper()
	placedBy, all := map[string]string{}, readTables(t, conn)
	for _, table := range all {
		placedBy[table.name] = table.owner
	}
	for name, place := range apart {
		placedBy[name] = place.column
	}
	for name, by := range placedBy {
		for _, sentence := range column[string](t, conn, refused, name, by) {
			found = append(found, name+": "+sentence)
		}
	}
	for _, table := range all {
		_, away := apart[table.name]
		for _, f := range table.foreign {
			_, parentAway := apart[f.parent]
			i := slices.Index(f.columns, table.owner)
			if away || parentAway || i < 0 || f.parentColumns[i] != placedBy[f.parent] {
				found = append(found, table.name+": foreign key "+f.name+" leads to another place")
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestNothingNewStandsInTheWayOfPlacingTablesByTheirOwner(t *testing.T) {
	t.Parallel()
	super := connect(t, testkit.NewDatabase(t).Super)
	if diff := cmp.Diff(inTheWay, standing(t, super)); diff != "" {
		t.Errorf("something else stands in the way now (-known +found); docs/operations/scaling.md says what it would cost:\n%s", diff)
	}
	// It has no owner, so it is not among the tables that were looked at.
	if refers := column[string](t, super, "SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND 'used_id_tokens'::regclass IN (conrelid, confrelid)"); len(refers) > 0 {
		t.Errorf("used_id_tokens refers to another place, or is referred to: %v", refers)
	}
}

func TestWithoutOneConstraintOnlyPoliciesAndTriggersStandInTheWay(t *testing.T) {
	t.Parallel()
	owner := connect(t, migrated(t).Owner)
	must(t, owner, "ALTER TABLE identities DROP CONSTRAINT identities_user_fkey")
	for _, left := range standing(t, owner) {
		if !strings.Contains(left, ": policy ") && !strings.Contains(left, ": trigger ") {
			t.Errorf("this still stands in the way: %s", left)
		}
	}
}

func TestWhateverStandsInTheWayIsFound(t *testing.T) {
	t.Parallel()
	owner := connect(t, migrated(t).Owner)
	const parent = "CONSTRAINT labels_project_fkey FOREIGN KEY (owner_id, project_id) REFERENCES projects (owner_id, id)"
	for want, drill := range map[string]string{
		"labels: key labels_pkey has no owner_id":                          "CREATE TABLE labels (id uuid CONSTRAINT labels_pkey PRIMARY KEY, project_id uuid, owner_id uuid NOT NULL, " + parent + ")",
		"labels: key labels_once has no owner_id":                          "CREATE TABLE labels (project_id uuid, owner_id uuid NOT NULL, " + parent + "); CREATE UNIQUE INDEX labels_once ON labels (project_id) INCLUDE (owner_id)",
		"labels: owner_id may be null":                                     "CREATE TABLE labels (project_id uuid, owner_id uuid, " + parent + ")",
		"labels: foreign key labels_project_fkey may set owner_id to null": "CREATE TABLE labels (project_id uuid, owner_id uuid NOT NULL, " + parent + " ON DELETE SET NULL)",
		"projects: foreign key projects_twin_fkey leads to another place":  "ALTER TABLE users ADD CONSTRAINT users_twin_key UNIQUE (id, issuer); ALTER TABLE projects ADD twin uuid, ADD issuer text, ADD CONSTRAINT projects_twin_fkey FOREIGN KEY (twin, issuer) REFERENCES users (id, issuer)",
		"projects: trigger slow":                                           "CREATE TRIGGER slow BEFORE INSERT ON projects EXECUTE FUNCTION raise_version()",
	} {
		must(t, owner, "BEGIN", drill)
		if found := standing(t, owner); !slices.Contains(found, want) {
			t.Errorf("nobody notices that %s:\n\t%s", want, strings.Join(found, "\n\t"))
		}
		must(t, owner, "ROLLBACK")
	}
}
