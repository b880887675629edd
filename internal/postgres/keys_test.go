package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// An id is unique for its owner. That nobody else has it is chance, and nothing
// may depend on it.
func TestTwoUsersWithTheSameIDsAreAsApartAsAnyOthers(t *testing.T) {
	t.Parallel()
	ann := newStage(newWorld(t))
	bob := *ann
	bob.actor = ann.signUp()
	super := connect(t, ann.Super)
	tables := readTables(t, super)
	for _, tb := range tables {
		if tb.name == "projects" || tb.name == "specifications" || tb.name == "bullet_items" {
			copyRows(t, super, tb, ann.actor.User, bob.actor.User)
		}
	}
	before := fingerprint(t, super, tables, bob.actor.User.String())
	for name, op := range changes {
		if op.before != nil {
			if err := op.before(t.Context(), ann); err != nil {
				t.Fatalf("%s, before it: %v", name, err)
			}
		}
		wantCode(t, name, op.do(t.Context(), ann), "")
	}
	_, items, err := ann.outline.Items(t.Context(), bob.actor, ann.spec)
	if err != nil || len(items) != 3 {
		t.Errorf("bob has %d items, %v; want the three that ann had", len(items), err)
	}
	if _, err := ann.outline.Item(t.Context(), ann.actor, ann.items[0]); err != nil {
		t.Errorf("ann's item: %v", err)
	}
	ann.spare = auth.Actor{}
	wantCode(t, "the deletion of ann's account", changes["DeleteAccount"].do(t.Context(), ann), "")
	if diff := cmp.Diff(before, fingerprint(t, super, tables, bob.actor.User.String())); diff != "" {
		t.Errorf("what is bob's was changed by ann (-before +after):\n%s", diff)
	}
}

// copyRows gives somebody the same rows that somebody else has.
func copyRows(t *testing.T, super *pgx.Conn, tb table, from, to auth.UserID) {
	t.Helper()
	into := strings.Join(tb.only(func(c col) bool { return !c.generated }), ", ")
	values := strings.Replace(into, tb.owner, quote(to), 1)
	must(t, super, "SET session_replication_role = replica",
		"INSERT INTO "+tb.name+" ("+into+") SELECT "+values+" FROM "+tb.name+" WHERE "+tb.owner+" = "+quote(from))
}

func TestAUsedIDTokenTellsOfNobody(t *testing.T) {
	t.Parallel()
	for name, role := range serviceRoles {
		t.Run("as "+name, func(t *testing.T) {
			t.Parallel()
			x := newTenants(t, testkit.NewDatabase(t), role)
			const use = "INSERT INTO used_id_tokens (hash, expires_at) VALUES ('one', 'infinity')"
			x.refused(x.thief, "used_id_tokens is added to in nobody's name", use)
			if len(x.found) > 0 {
				t.Errorf("holes:\n%s", strings.Join(x.found, "\n"))
			}
			x.actAs(x.ann["users"]["id"])
			// The second is what the release before this schema sends.
			must(t, x.thief, use, "INSERT INTO used_id_tokens (hash, user_id, expires_at) VALUES ('two', '"+x.ann["users"]["id"]+"', 'infinity')")
			x.actAs(x.bob["users"]["id"])
			_, err := x.thief.Exec(t.Context(), use)
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.ConstraintName != "used_id_tokens_pkey" {
				t.Errorf("used for the second time: %v", err)
			}
			kept := column[string](t, x.super, "SELECT concat_ws(' ', encode(hash, 'escape'), user_id) FROM used_id_tokens ORDER BY hash")
			if diff := cmp.Diff([]string{"one", "two"}, kept); diff != "" {
				t.Errorf("what is kept of used ID tokens (-want +got):\n%s", diff)
			}
		})
	}
}

// before7 takes a migrated database back to the schema of step 6.
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

func TestTheMigrationOfKeysTakesRowsAlong(t *testing.T) {
	t.Parallel()
	db := scratch(t)
	m := before7(t, db)
	super, power := connect(t, db.Super), connect(t, db.Super)
	must(t, super, "SET session_replication_role = replica")
	tables := readTables(t, super)
	people := []family{settle(t, super, tables), settle(t, super, tables)}
	ann, bob := people[0]["users"]["id"], people[1]["users"]["id"]
	must(t, super, "INSERT INTO used_id_tokens VALUES ('token', '"+ann+"', 'infinity')")
	before := fingerprint(t, super, tables, "")

	up(t, m, db)
	if diff := cmp.Diff(before, fingerprint(t, super, tables, "")); diff != "" {
		t.Errorf("rows after the way up (-before +after):\n%s", diff)
	}
	for _, who := range people {
		id := who["users"]["id"]
		if known := value[*string](t, super, "SELECT known_user($1, $2)::text", who["users"]["issuer"], who["users"]["subject"]); known == nil || *known != id {
			t.Errorf("%s is known as %v", id, known)
		}
		if owner := value[*string](t, super, "SELECT session_owner($1::text::uuid)::text", who["sessions"]["id"]); owner == nil || *owner != id {
			t.Errorf("the session of %s is that of %v", id, owner)
		}
	}
	if tokens := column[string](t, super, "SELECT concat_ws(' ', encode(hash, 'escape'), user_id) FROM used_id_tokens"); !cmp.Equal(tokens, []string{"token"}) {
		t.Errorf("used ID tokens: %q", tokens)
	}
	for _, bad := range []string{
		"UPDATE specifications SET project_id = '" + people[1]["projects"]["id"] + "' WHERE owner_id = '" + ann + "'",
		"UPDATE bullet_items SET spec_id = '" + people[1]["specifications"]["id"] + "' WHERE owner_id = '" + ann + "'",
		"INSERT INTO users (id, issuer, subject, email, name) SELECT gen_random_uuid(), issuer, subject, email, name FROM users WHERE id = '" + ann + "'",
	} {
		if _, err := power.Exec(t.Context(), bad); err == nil {
			t.Errorf("the schema lets this be: %s", bad)
		}
	}
	must(t, power, "DELETE FROM users WHERE id = '"+ann+"'")
	bobs := fingerprint(t, super, tables, bob)
	for table, rows := range fingerprint(t, super, readTables(t, super), ann) {
		if rows != "0 " && table != "audit_events" {
			t.Errorf("%s still has rows of ann's: %s", table, rows)
		}
	}

	downTo6(t, m)
	if diff := cmp.Diff(bobs, fingerprint(t, super, tables, bob)); diff != "" {
		t.Errorf("bob's rows after the way down (-before +after):\n%s", diff)
	}
}

// Sessions are locked first, users next. Somebody who has read users and goes on
// to sessions, as a sign-in does, is let through before a second is over.
func TestTheMigrationOfKeysGivesWay(t *testing.T) {
	t.Parallel()
	db := scratch(t)
	m := before7(t, db)
	watcher, other := connect(t, db.Super), connect(t, db.Super)
	must(t, other, "BEGIN", "SET LOCAL lock_timeout = '700ms'", "SET LOCAL deadlock_timeout = '1min'", "SELECT FROM users")
	ended := make(chan error, 1)
	go func() { _, err := m.Up(t.Context(), db.Service); ended <- err }()
	eventually(t, "the migration waits for users", func() bool {
		return value[bool](t, watcher, "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted)")
	})
	must(t, other, "SELECT FROM sessions", "COMMIT")
	within(t, soon, "the migration", func() {
		if err := <-ended; err != nil {
			t.Errorf("the migration: %v", err)
		}
	})
}
