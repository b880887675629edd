package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const admin = "ann@example.com"

// createData creates rows in every table for two users: ann, an admin, and ben. One of
// ben's two sessions is ended.
func createData(t *testing.T, s *testkit.Server) (ann, ben, ended *testkit.Client) {
	t.Helper()
	ann, ben, ended = s.SignIn(t, admin), s.SignIn(t, "ben@example.com"), s.SignIn(t, "ben@example.com")
	made := func(c *testkit.Client, path string, body map[string]any, headers ...string) string {
		var m struct{ ID string }
		c.Post(path, body, headers...).Want(http.StatusCreated).Decode(&m)
		return m.ID
	}
	for n, c := range []*testkit.Client{ann, ben} {
		kept := made(c, "/api/v1/projects", map[string]any{"title": "Kept", "description": "für alle 🗝"}, "Idempotency-Key", "once")
		thrown := made(c, "/api/v1/projects", map[string]any{"title": "Thrown away"})
		made(c, "/api/v1/projects/"+thrown+"/specs", map[string]any{"content": "Goes with it."})
		spec := made(c, "/api/v1/projects/"+kept+"/specs", map[string]any{"content": "# Ticks\n\\.\n\ttab \\N \\\\ 'quote' \"double\" $$ %\r\nend"})
		gone := made(c, "/api/v1/projects/"+kept+"/specs", map[string]any{"content": "In the trash."})
		var items []string
		for k := range 12 + n {
			items = append(items, made(c, "/api/v1/specs/"+spec+"/items", map[string]any{"content": fmt.Sprintf("item %d\n\\.\n", k), "order": k / 2}))
		}
		slices.Sort(items)
		c.Put("/api/v1/specs/"+spec+"/items/reorder", map[string]any{"item_ids": items}).Want(http.StatusOK)
		c.Patch("/api/v1/items/"+items[3], map[string]any{"content": "changed"}).Want(http.StatusOK)
		c.Delete("/api/v1/items/" + items[5]).Want(http.StatusNoContent)
		c.Delete("/api/v1/specs/" + gone).Want(http.StatusNoContent)
		made(c, "/api/v1/projects/"+kept+"/baselines", map[string]any{"name": "1.0", "revision": 5})
		c.Delete("/api/v1/projects/" + thrown).Want(http.StatusNoContent)
		token := map[string]any{"name": "nightly", "scopes": []string{"read"}}
		made(c, "/api/v1/bots/"+made(c, "/api/v1/bots", map[string]any{"name": "builder"})+"/tokens", token)
		made(c, "/api/v1/tokens", token)
	}
	ended.Post("/api/v1/auth/logout", nil).Want(http.StatusNoContent)
	ben.Get("/api/v1/admin/users").Want(http.StatusForbidden) // an audit event
	return ann, ben, ended
}

func TestBackup_RestoreYieldsTheSameData(t *testing.T) {
	t.Parallel()
	db, google := migrated(t), testkit.NewIssuer(t)
	server := func(db testkit.Database) (*server, *testkit.Server) {
		s := serve(t, serveEnv(db.Service, google.URL, "ADMIN_EMAILS="+admin)).waitReady()
		return s, testkit.NewExternal(t, s.URL, db, google)
	}
	process, s := server(db)
	ann, ben, ended := createData(t, s)
	askedByAnn, askedByBen := readPaths(t, ann, true), readPaths(t, ben, false)
	ben.Get(askedByBen[0]) // so that all exports but ann's last one come before her list of events
	saidToBen, saidToAnn := responsesTo(ben, askedByBen), responsesTo(ann, askedByAnn)
	process.signal(syscall.SIGTERM)
	process.wantExit(0)

	dir := filepath.Join(t.TempDir(), "backups")
	newScript(t, []string{"BACKUP_DATABASE_URL=" + backupRole(t, db), "BACKUP_DIR=" + dir}, "backup.sh").want(0, "wrote "+dir, "16 tables", "kept 1 backups")
	file, before := onlyBackup(t, dir), digests(t, db)
	for path, mode := range map[string]os.FileMode{dir: 0o700, file: 0o600, file + ".sha256": 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has the mode %v, want %v: %v", path, info.Mode().Perm(), mode, err)
		}
	}
	name, maintenance := databaseOf(t, db.Super), connect(t, atDatabase(t, db.Super, "postgres"))
	execute(t, maintenance, "DROP DATABASE "+name+" (FORCE)")

	for where, restored := range map[string]func(*testing.T) testkit.Database{
		"a new database of the same cluster": func(t *testing.T) testkit.Database {
			execute(t, maintenance, "CREATE DATABASE "+name+" OWNER "+roleOf(t, db.Owner))
			return db
		},
		"a brand-new cluster": func(t *testing.T) testkit.Database { return newCluster(t, db) },
	} {
		t.Run(where, func(t *testing.T) {
			db := restored(t)
			env := []string{"DATABASE_URL=" + db.Service, "MIGRATION_DATABASE_URL=" + db.Owner}
			newScript(t, env, "restore.sh", file).want(0, "restored "+file, "00007_keys_by_owner.sql", "next: ")
			if diff := cmp.Diff(before, digests(t, db)); diff != "" {
				t.Errorf("what is restored is not what was backed up (-before +after):\n%s", diff)
			}
			migrateUp(t, db)
			_, s := server(db)
			ann, ben, ended := ann.At(s).WithT(t), ben.At(s).WithT(t), ended.At(s).WithT(t)
			slices.Reverse(askedByAnn) // the export last
			defer slices.Reverse(askedByAnn)
			if diff := cmp.Diff(saidToAnn, responsesTo(ann, askedByAnn)); diff != "" {
				t.Errorf("ann's responses differ (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(saidToBen, responsesTo(ben, askedByBen)); diff != "" {
				t.Errorf("ben's responses differ (-before +after):\n%s", diff)
			}
			for _, c := range []*testkit.Client{ann, ben} {
				c.Post("/api/v1/auth/refresh", map[string]any{"refresh_token": c.RefreshToken}).Want(http.StatusOK)
				c.Post("/api/v1/projects", map[string]any{"title": "Another"}).Want(http.StatusCreated)
			}
			ended.Get("/api/v1/projects").WantProblem(http.StatusUnauthorized, "token_revoked")
			again := ann.Post("/api/v1/projects", map[string]any{"title": "Kept", "description": "für alle 🗝"}, "Idempotency-Key", "once").Want(http.StatusCreated)
			if again.Header.Get("Idempotency-Replayed") != "true" {
				t.Error("a retry of what was created before the backup creates it again")
			}
		})
	}
}

// newCluster is a new PostgreSQL server with only the roles that docs/operations/database.md
// creates.
func newCluster(t *testing.T, like testkit.Database) testkit.Database {
	t.Helper()
	pg, err := pgserver.Start(t.Context(), pgserver.Config{Dir: publicDir(t), Settings: map[string]string{"fsync": "off", "timezone": "Asia/Kathmandu"}})
	must(t, err)
	t.Cleanup(func() { _ = pg.Stop(context.WithoutCancel(t.Context())) })
	super, owner, service := connect(t, pg.URL("postgres")), roleOf(t, like.Owner), roleOf(t, like.Service)
	execute(t, super, "CREATE ROLE "+owner+" LOGIN CREATEROLE PASSWORD 'one'")
	execute(t, super, "CREATE ROLE "+service+" LOGIN PASSWORD 'two'")
	execute(t, super, "CREATE DATABASE codegenapp OWNER "+owner)
	if strings.HasPrefix(pg.Version(), "14") {
		execute(t, connect(t, pg.URL("codegenapp")), "ALTER SCHEMA public OWNER TO "+owner)
	}
	return testkit.Database{
		Super:   pg.URL("codegenapp"),
		Owner:   as(t, pg.URL("codegenapp"), url.UserPassword(owner, "one")),
		Service: as(t, pg.URL("codegenapp"), url.UserPassword(service, "two")),
	}
}

// A dump that is empty because of row-level security looks like any other.
func TestBackup_RejectsAnIncompleteView(t *testing.T) {
	t.Parallel()
	db, never := migrated(t), emptyDatabase(t)
	blind := role(t, db, "blind", "LOGIN BYPASSRLS PASSWORD 'canary'")
	for name, tc := range map[string]struct {
		databaseURL string
		status      int
		want        string
	}{
		"by the service":            {db.Service, 1, "row-level security would hide rows from " + roleOf(t, db.Service)},
		"by the owner":              {db.Owner, 1, "row-level security would hide rows from " + roleOf(t, db.Owner)},
		"by one who may not read":   {as(t, db.Super, url.UserPassword(blind, "canary")), 1, "may not read api_tokens, audit_events, baselines, bullet_items, change_numbers, changes, goose_db_version"},
		"of another database":       {backupRole(t, never), 1, "it has no table goose_db_version"},
		"of a database that is not": {"postgres://user:canary@" + freeAddress(t) + "/none", 1, "cannot be queried"},
		"of no database":            {"", 2, "BACKUP_DATABASE_URL is needed"},
		"with a password to be seen": {
			"postgres://127.0.0.1/none?user=someone&password=canary", 2, "a password among its parameters",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			said := newScript(t, []string{"BACKUP_DATABASE_URL=" + tc.databaseURL, "BACKUP_DIR=" + dir}, "backup.sh").want(tc.status, tc.want)
			wantNone(t, said, "canary", password(t, db.Service))
			if left := filesIn(t, dir); len(left) > 0 {
				t.Errorf("this is left: %v", left)
			}
		})
	}
}

// backup.sh relies on this if its own check of the role is ever wrong.
func TestBackup_PgDumpRejectsARoleUnderRLS(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	for name, databaseURL := range map[string]string{"the service": db.Service, "the owner": db.Owner} {
		out, err := exec.CommandContext(t.Context(), "pg_dump", "--format=custom", "--file="+filepath.Join(t.TempDir(), "dump"), "--dbname="+databaseURL).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "row-level security") && !strings.Contains(string(out), "permission denied") {
			t.Errorf("pg_dump by %s: %v\n%s", name, err, out)
		}
	}
}
