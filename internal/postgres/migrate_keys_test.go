package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// before7 rolls a migrated database back to the schema before migration 7.
func before7(t *testing.T, db testkit.Database) *postgres.Migrator {
	t.Helper()
	m := migrator(t, db.Owner)
	up(t, m, db)
	downTo6(t, m)
	return m
}

func downTo6(t *testing.T, m *postgres.Migrator) {
	t.Helper()
	for range len(files(t)) - 6 {
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMigrate_KeysByOwnerKeepRows(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	m := before7(t, db)
	super, power := connect(t, db.Super), connect(t, db.Super)
	mustExec(t, super, "SET session_replication_role = replica")
	tables := readTables(t, super)
	users := []rowSet{insertRows(t, super, tables), insertRows(t, super, tables)}
	ann, bob := users[0]["users"]["id"], users[1]["users"]["id"]
	mustExec(t, super, "INSERT INTO used_id_tokens VALUES ('token', '"+ann+"', 'infinity')")
	before := fingerprint(t, super, tables, "")

	up(t, m, db)
	if diff := cmp.Diff(before, fingerprint(t, super, tables, "")); diff != "" {
		t.Errorf("rows after the migration (-before +after):\n%s", diff)
	}
	for _, rows := range users {
		id := rows["users"]["id"]
		if known := value[*string](t, super, "SELECT known_user($1, $2)::text", rows["users"]["issuer"], rows["users"]["subject"]); known == nil || *known != id {
			t.Errorf("the identity of %s is that of %v", id, known)
		}
		if owner := value[*string](t, super, "SELECT session_owner($1::text::uuid)::text", rows["sessions"]["id"]); owner == nil || *owner != id {
			t.Errorf("the session of %s is that of %v", id, owner)
		}
	}
	if tokens := column[string](t, super, "SELECT concat_ws(' ', encode(hash, 'escape'), user_id) FROM used_id_tokens"); !cmp.Equal(tokens, []string{"token"}) {
		t.Errorf("used ID tokens: %q", tokens)
	}
	for _, bad := range []string{
		"UPDATE specifications SET project_id = '" + users[1]["projects"]["id"] + "' WHERE owner_id = '" + ann + "'",
		"UPDATE bullet_items SET spec_id = '" + users[1]["specifications"]["id"] + "' WHERE owner_id = '" + ann + "'",
		"INSERT INTO users (id, issuer, subject, email, name) SELECT gen_random_uuid(), issuer, subject, email, name FROM users WHERE id = '" + ann + "'",
	} {
		if _, err := power.Exec(t.Context(), bad); err == nil {
			t.Errorf("the schema allows %s", bad)
		}
	}
	mustExec(t, power, "DELETE FROM users WHERE id = '"+ann+"'")
	bobs := fingerprint(t, super, tables, bob)
	for table, rows := range fingerprint(t, super, readTables(t, super), ann) {
		if rows != "0 " && table != "audit_events" {
			t.Errorf("%s still has rows of ann: %s", table, rows)
		}
	}

	downTo6(t, m)
	if diff := cmp.Diff(bobs, fingerprint(t, super, tables, bob)); diff != "" {
		t.Errorf("bob's rows after the rollback (-before +after):\n%s", diff)
	}
}

// The migration locks sessions first, users next. A transaction that has read users and
// goes on to sessions, as a sign-in does, must not wait for a second.
func TestMigrate_KeysByOwnerYieldToTransactions(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	m := before7(t, db)
	watcher, other := connect(t, db.Super), connect(t, db.Super)
	mustExec(t, other, "BEGIN", "SET LOCAL lock_timeout = '700ms'", "SET LOCAL deadlock_timeout = '1min'", "SELECT FROM users")
	ended := make(chan error, 1)
	go func() { _, err := m.Up(t.Context(), db.Service); ended <- err }()
	eventually(t, "the migration waits for users", func() bool {
		return value[bool](t, watcher, "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted)")
	})
	mustExec(t, other, "SELECT FROM sessions", "COMMIT")
	within(t, testTimeout, "the migration", func() {
		if err := <-ended; err != nil {
			t.Errorf("the migration: %v", err)
		}
	})
}
