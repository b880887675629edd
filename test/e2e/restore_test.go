package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// newBackup is a database with two users, the client of one of them, and its backup.
func newBackup(t *testing.T) (db testkit.Database, google *testkit.Issuer, ann *testkit.Client, file string) {
	t.Helper()
	db, google = migrated(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL, "ADMIN_EMAILS="+admin)).waitReady()
	ann, _, _ = createData(t, testkit.NewExternal(t, s.URL, db, google))
	dir := t.TempDir()
	newScript(t, []string{"BACKUP_DATABASE_URL=" + backupRole(t, db), "BACKUP_DIR=" + dir}, "backup.sh").want(0)
	return db, google, ann, onlyBackup(t, dir)
}

// modifiedCopy is a changed copy of a backup. Its checksum is the old one, or with fits
// that of the copy.
func modifiedCopy(t *testing.T, file string, fits bool, change func([]byte) []byte) string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	to := filepath.Join(t.TempDir(), filepath.Base(file))
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	content = change(content)
	if fits {
		sum = fmt.Sprintf("%x", sha256.Sum256(content))
	}
	must(t, os.WriteFile(to, content, 0o600))
	must(t, os.WriteFile(to+".sha256", []byte(sum+"  "+filepath.Base(file)+"\n"), 0o600))
	return to
}

func TestRestore_RejectsWithoutChanges(t *testing.T) {
	t.Parallel()
	_, _, _, file := newBackup(t)
	half := func(b []byte) []byte { return b[:len(b)/2] }
	bit := func(b []byte) []byte { b[len(b)/3] ^= 1; return b }
	alone := modifiedCopy(t, file, false, func(b []byte) []byte { return b })
	must(t, os.Remove(alone+".sha256"))
	owned := func(db testkit.Database) string { return db.Owner }
	for name, tc := range map[string]struct {
		into testkit.Database
		by   func(testkit.Database) string
		file string
		want string
	}{
		"cut off":                              {emptyDatabase(t), owned, modifiedCopy(t, file, false, half), "is damaged"},
		"one bit is another":                   {emptyDatabase(t), owned, modifiedCopy(t, file, false, bit), "is damaged"},
		"cut off before its checksum was made": {emptyDatabase(t), owned, modifiedCopy(t, file, true, half), "cannot be read to its end"},
		"no checksum":                          {emptyDatabase(t), owned, alone, "cannot be verified"},
		"no file":                              {emptyDatabase(t), owned, alone + ".none", "there is no "},
		"into what is not empty":               {migrated(t), owned, file, "is not empty: it has accept_invitation, add_bot, "},
		"by another role":                      {emptyDatabase(t), func(db testkit.Database) string { return db.Super }, file, "make the role "},
		"by the service":                       {emptyDatabase(t), func(db testkit.Database) string { return db.Service }, file, "make the role "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := digests(t, tc.into)
			said := newScript(t, []string{"MIGRATION_DATABASE_URL=" + tc.by(tc.into)}, "restore.sh", tc.file).want(1, tc.want)
			wantNone(t, said, password(t, tc.into.Owner), password(t, tc.into.Super))
			if diff := cmp.Diff(before, digests(t, tc.into)); diff != "" {
				t.Errorf("the database has changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestRestore_ReplaceIsAtomic(t *testing.T) {
	t.Parallel()
	db, google, ann, file := newBackup(t)
	before, owner := digests(t, db), connect(t, db.Owner)
	s := serve(t, serveEnv(db.Service, google.URL)).waitReady()
	kit := testkit.NewExternal(t, s.URL, db, google)
	cleo := kit.SignIn(t, "cleo@example.com")
	cleo.Post("/api/v1/projects", map[string]any{"title": "After the backup"}).Want(http.StatusCreated)
	ann = ann.At(kit)
	refreshed := func(token string) *testkit.Response {
		return ann.Post("/api/v1/auth/refresh", map[string]any{"refresh_token": token})
	}
	var newer struct {
		RefreshToken string `json:"refresh_token"`
	}
	refreshed(ann.RefreshToken).Want(http.StatusOK).Decode(&newer)
	later := digests(t, db)
	if cmp.Equal(before, later) {
		t.Fatal("nothing has changed since the backup")
	}
	env := []string{"MIGRATION_DATABASE_URL=" + db.Owner}

	// A newer schema may have objects that the backup does not know and cannot remove.
	execute(t, owner, "CREATE TABLE labels (project_id uuid, owner_id uuid, FOREIGN KEY (project_id, owner_id) REFERENCES projects (id, owner_id))")
	newScript(t, env, "restore.sh", "--replace", file).want(1, "labels", "Nothing of the backup is in the database")
	execute(t, owner, "DROP TABLE labels")
	if diff := cmp.Diff(later, digests(t, db)); diff != "" {
		t.Errorf("a restore that failed has changed the database (-before +after):\n%s", diff)
	}

	newScript(t, env, "restore.sh", "--replace", file).want(0, "restored "+file)
	if diff := cmp.Diff(before, digests(t, db)); diff != "" {
		t.Errorf("what is restored is not what was backed up (-before +after):\n%s", diff)
	}
	cleo.Get("/api/v1/projects").Want(http.StatusUnauthorized) // the user is gone
	refreshed(newer.RefreshToken).Want(http.StatusUnauthorized)
	refreshed(ann.RefreshToken).Want(http.StatusOK)
	kit.SignIn(t, admin).Get("/api/v1/admin/users").Want(http.StatusOK)
}

// The script creates the roles like the migration of members, and the first one its own.
func TestRestore_CreatesTheRoles(t *testing.T) {
	t.Parallel()
	rights := regexp.MustCompile(`CREATE ROLE (?:codegenapp_app|%I) (NOLOGIN[A-Z ]*)`)
	members := regexp.MustCompile(`(?s)ALTER ROLE codegenapp_app NOINHERIT;\s+GRANT [^;]*;`)
	var made, granted []string
	for _, name := range []string{
		"../../internal/postgres/migrations/00001_identity.sql", "../../internal/postgres/migrations/00016_members.sql", "../../infrastructure/backup/restore.sh",
	} {
		text, err := os.ReadFile(name)
		must(t, err)
		found := rights.FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s creates no role", name)
		}
		made, granted = append(made, string(found[1])), append(granted, string(members.Find(text)))
	}
	if made[0] != made[1] || made[0] != made[2] || granted[1] == "" || granted[1] != granted[2] {
		t.Errorf("migrations and script make other roles: %q with %q", made, granted)
	}
}
