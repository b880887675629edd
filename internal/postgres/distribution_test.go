package postgres_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Citus places a row by one column of its table, here by its owner, so that all
// of a user lies on one machine. What it then demands is written in its own
// documentation and refused by its own code; docs/scaling.md says what it would
// take to give it that.

// apart are tables that would not be placed by their owner, and why.
var apart = map[string]string{
	"audit_events": "outlives who it tells of, belongs to nobody where somebody did not get in, and is read for all users at once",
}

// inTheWay is what Citus would refuse of the schema as it is. A new table must
// not make it longer.
var inTheWay = []string{
	"bullet_items: key bullet_items_number_key has no owner_id",
	"bullet_items: key bullet_items_pkey has no owner_id",
	"bullet_items: policy bullet_items_own has a sub-select",
	"bullet_items: trigger bullet_items_list",
	"bullet_items: trigger bullet_items_raise_version",
	"idempotency_keys: policy idempotency_keys_own has a sub-select",
	"projects: key projects_pkey has no owner_id",
	"projects: policy projects_own has a sub-select",
	"projects: trigger projects_raise_version",
	"sessions: key sessions_pkey has no user_id",
	"sessions: policy sessions_own has a sub-select",
	"specifications: key specifications_number_key has no owner_id",
	"specifications: key specifications_pkey has no owner_id",
	"specifications: policy specifications_own has a sub-select",
	"specifications: trigger specifications_item_list",
	"specifications: trigger specifications_raise_version",
	"used_id_tokens: foreign key used_id_tokens_user_fkey may set user_id to null",
	"used_id_tokens: key used_id_tokens_pkey has no user_id",
	"used_id_tokens: policy used_id_tokens_own has a sub-select",
	"used_id_tokens: user_id may be null",
	"users: key users_identity_key has no id",
	"users: policy users_by_staff has a sub-select",
	"users: policy users_self has a sub-select",
}

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

// standing lists what stands in the way of tables that are placed by their owner.
func standing(t testing.TB, conn *pgx.Conn, apart ...string) (found []string) {
	t.Helper()
	all := readTables(t, conn)
	placedBy := map[string]string{}
	for _, table := range all {
		if !slices.Contains(apart, table.name) {
			placedBy[table.name] = table.owner
		}
	}
	for _, table := range all {
		owner, placed := placedBy[table.name]
		if !placed {
			continue
		}
		for _, sentence := range column[string](t, conn, refused, table.name, owner) {
			found = append(found, table.name+": "+sentence)
		}
		for _, f := range table.foreign {
			i := slices.Index(f.columns, owner)
			if i < 0 || placedBy[f.parent] == "" || f.parentColumns[i] != placedBy[f.parent] {
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
	if diff := cmp.Diff(inTheWay, standing(t, super, "audit_events")); diff != "" {
		t.Errorf("something else stands in the way now (-known +found); docs/scaling.md says what it would cost:\n%s", diff)
	}
	if len(apart) != 1 || value[bool](t, super, "SELECT EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND 'audit_events'::regclass IN (conrelid, confrelid))") {
		t.Error("audit_events refers to a table that is placed by its owner, or is referred to, so it cannot be kept apart")
	}
}

func TestWhateverStandsInTheWayIsFound(t *testing.T) {
	t.Parallel()
	owner := connect(t, migrated(t).Owner)
	const parent = "CONSTRAINT labels_project_fkey FOREIGN KEY (project_id, owner_id) REFERENCES projects (id, owner_id)"
	for want, drill := range map[string]string{
		"labels: key labels_pkey has no owner_id":                          "CREATE TABLE labels (id uuid CONSTRAINT labels_pkey PRIMARY KEY, project_id uuid, owner_id uuid NOT NULL, " + parent + ")",
		"labels: key labels_once has no owner_id":                          "CREATE TABLE labels (project_id uuid, owner_id uuid NOT NULL, " + parent + "); CREATE UNIQUE INDEX labels_once ON labels (project_id) INCLUDE (owner_id)",
		"labels: owner_id may be null":                                     "CREATE TABLE labels (project_id uuid, owner_id uuid, " + parent + ")",
		"labels: foreign key labels_project_fkey may set owner_id to null": "CREATE TABLE labels (project_id uuid, owner_id uuid NOT NULL, " + parent + " ON DELETE SET NULL)",
		"projects: foreign key projects_twin_fkey leads to another place":  "ALTER TABLE users ADD CONSTRAINT users_twin_key UNIQUE (id, issuer); ALTER TABLE projects ADD twin uuid, ADD issuer text, ADD CONSTRAINT projects_twin_fkey FOREIGN KEY (twin, issuer) REFERENCES users (id, issuer)",
		"projects: trigger slow":                                           "CREATE TRIGGER slow BEFORE INSERT ON projects EXECUTE FUNCTION raise_version()",
	} {
		must(t, owner, "BEGIN", drill)
		if found := standing(t, owner, "audit_events"); !slices.Contains(found, want) {
			t.Errorf("nobody notices that %s:\n\t%s", want, strings.Join(found, "\n\t"))
		}
		must(t, owner, "ROLLBACK")
	}
}

// The migration in docs/scaling.md gives every key its owner.
func TestTheMigrationThatIsWrittenDownGivesKeysTheirOwner(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile("(?s)```sql\n(-- Keys.*?)```").FindSubmatch(text)
	if steps == nil {
		t.Fatal("docs/scaling.md has no migration of keys")
	}
	owner := connect(t, migrated(t).Owner)
	must(t, owner, string(steps[1]))
	for _, left := range standing(t, owner, "audit_events", "used_id_tokens", "identities") {
		if !strings.Contains(left, ": policy ") && !strings.Contains(left, ": trigger ") {
			t.Errorf("after the migration this still stands in the way: %s", left)
		}
	}
	if n := value[int](t, owner, "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confrelid = 'users'::regclass AND conrelid IN ('used_id_tokens'::regclass, 'identities'::regclass)"); n > 0 {
		t.Error("a table that is kept apart refers to users")
	}
}
