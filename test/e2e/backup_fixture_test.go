package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// script is a run of one of the scripts of infrastructure/backup.
type script struct {
	*exec.Cmd

	t    *testing.T
	said bytes.Buffer
}

// newScript is a script with its settings, in a process group of its own. Its
// environment has the path of the built program, and no setting of the tests.
func newScript(t *testing.T, env []string, name string, args ...string) *script {
	t.Helper()
	for _, needed := range []string{"bash", "flock", "psql", "pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("the scripts need %s, which is not installed", needed)
		}
	}
	path, err := filepath.Abs("../../infrastructure/backup/" + name)
	must(t, err)
	s := &script{Cmd: exec.CommandContext(t.Context(), path, args...), t: t}
	s.Dir, s.Env = t.TempDir(), append([]string{"PATH=" + os.Getenv("PATH"), "CODEGENAPP=" + binaryPath(t)}, env...)
	s.Stdout, s.Stderr = &s.said, &s.said
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.Cancel = func() error { return syscall.Kill(-s.Process.Pid, syscall.SIGKILL) }
	return s
}

// want runs the script and fails the test unless it ends with the status and its output
// has all of the parts.
func (s *script) want(status int, parts ...string) string {
	s.t.Helper()
	err := s.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatal(err)
	}
	said := s.said.String()
	if got := s.ProcessState.ExitCode(); got != status {
		s.t.Fatalf("%s %s ended with %d, want %d:\n%s", filepath.Base(s.Path), strings.Join(s.Args[1:], " "), got, status, said)
	}
	wantAll(s.t, said, parts...)
	return said
}

// backupRole creates a role with the rights for backups of a database.
func backupRole(t *testing.T, db testkit.Database) (databaseURL string) {
	t.Helper()
	const secret = `canary/p@ss%\:` // all of which a URL has to encode
	name := role(t, db, "keeper", "LOGIN BYPASSRLS PASSWORD '"+secret+"' IN ROLE pg_read_all_data")
	return as(t, db.Super, url.UserPassword(name, secret))
}

// role creates a role that exists until the test ends, even without its database.
func role(t *testing.T, db testkit.Database, what, options string) (name string) {
	t.Helper()
	maintenance, name := connect(t, atDatabase(t, db.Super, "postgres")), databaseOf(t, db.Super)+"_"+what
	execute(t, maintenance, "CREATE ROLE "+name+" "+options)
	execute(t, maintenance, "GRANT CONNECT ON DATABASE "+databaseOf(t, db.Super)+" TO "+name)
	t.Cleanup(func() {
		execute(t, maintenance, "DROP OWNED BY "+name) // its right to connect
		execute(t, maintenance, "DROP ROLE "+name)
	})
	return name
}

// atDatabase is a URL of another database of the same server.
func atDatabase(t *testing.T, databaseURL, name string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	u.Path = "/" + name
	return u.String()
}

func databaseOf(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// migrated is a database with the schema, and no rows.
func migrated(t *testing.T) testkit.Database {
	t.Helper()
	db := emptyDatabase(t)
	migrateUp(t, db)
	return db
}

func migrateUp(t *testing.T, db testkit.Database) {
	t.Helper()
	run(t, programOptions{args: []string{"migrate", "up"}, env: []string{"DATABASE_URL=" + db.Service, "MIGRATION_DATABASE_URL=" + db.Owner}}).wantExit(0)
}

// digests are those of all rows of each table, and of the schema as a whole.
func digests(t *testing.T, db testkit.Database) map[string]string {
	t.Helper()
	super := connect(t, db.Super)
	execute(t, super, "SET timezone = 'UTC'")
	rows, err := super.Query(t.Context(), `SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
	must(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	found := map[string]string{}
	for _, table := range tables {
		var digest string
		must(t, super.QueryRow(t.Context(), `SELECT count(*) || ' rows, ' || md5(coalesce(string_agg(r::text, E'\n' ORDER BY r::text COLLATE "C"), '')) FROM `+table+" AS r").Scan(&digest))
		found[table] = digest
	}
	// Newer releases of pg_dump frame a script with a random word against injection.
	schema, err := exec.CommandContext(t.Context(), "pg_dump", "--schema-only", "--dbname="+db.Super).Output()
	must(t, err)
	found["the schema"] = regexp.MustCompile(`(?m)^\\(un)?restrict .*$|^-- Dumped .*$`).ReplaceAllString(string(schema), "")
	var publicRights string
	must(t, super.QueryRow(t.Context(), `SELECT concat_ws(', ', has_database_privilege('public', current_database(), 'CREATE'),
has_database_privilege('public', current_database(), 'TEMPORARY'), has_schema_privilege('public', 'public', 'CREATE'))`).Scan(&publicRights))
	found["rights of PUBLIC"] = publicRights
	return found
}

// readPaths are the paths of all reads of the contract, for the owner of the resources.
// Each is requested again after a restore.
func readPaths(t *testing.T, c *testkit.Client, admin bool) []string {
	t.Helper()
	paths := map[string][]string{
		"/users/me": {""}, "/auth/sessions": {""}, "/tokens": {""}, "/bots": {""}, "/bots/{id}/tokens": {""}, "/projects": {"", "?trashed=true", "?order_by=title"},
		"/projects/{id}": {""}, "/projects/{id}/members": {""}, "/projects/{id}/invitations": {""}, "/projects/{id}/specs": {"", "?trashed=true", "?at=r3"},
		"/specs/{id}": {"", "?include=items", "?include=items&at=v1"}, "/specs/{id}/items": {""}, "/items/{id}": {""},
		"/projects/{id}/changes": {"", "?since=r1"}, "/specs/{id}/revisions": {""}, "/projects/{id}/diff": {"?from=r1"}, "/specs/{id}/diff": {"?from=v1"},
		"/projects/{id}/items": {""}, "/projects/{id}/baselines": {""}, "/baselines/{id}": {""}, "/search": {"?q=o"},
		"/admin/users": {""}, "/admin/audit-events": {""}, "/users/me/export": {"", "?history=true"},
		"/events": nil, "/projects/{id}/events": nil, // streams; a restore ends them
		"/auth/google": nil, "/auth/google/callback": nil, // redirects; they read nothing
	}
	contract, err := os.ReadFile("../../api/openapi.yaml")
	must(t, err)
	for _, path := range regexp.MustCompile(`(?m)^  (/\S*):\n    get:`).FindAllStringSubmatch(string(contract), -1) {
		if _, known := paths[path[1]]; !known {
			t.Errorf("GET %s is not requested after a restore", path[1])
		}
	}
	ids := idsOf(t, c)
	// The export comes first: it leaves an audit event, which the list of them shows.
	asked := []string{"/api/v1/users/me/export?history=true"}
	for path, more := range paths {
		noun, rest, one := strings.Cut(strings.TrimPrefix(path, "/"), "/{id}")
		if path == "/users/me/export" || strings.HasPrefix(path, "/admin/") && !admin {
			continue
		}
		for _, query := range more {
			if !one {
				asked = append(asked, "/api/v1"+path+query)
			}
			for _, id := range ids[noun] {
				if one {
					asked = append(asked, "/api/v1/"+noun+"/"+id+rest+query)
				}
			}
		}
	}
	return asked
}

// idsOf are the ids of all live resources of a user.
func idsOf(t *testing.T, c *testkit.Client) map[string][]string {
	t.Helper()
	var export struct {
		Projects []struct {
			ID             string
			DeletedAt      *string `json:"deleted_at"`
			Specifications []struct {
				ID        string
				DeletedAt *string `json:"deleted_at"`
				Items     []struct{ ID string }
			}
		}
	}
	c.Get("/api/v1/users/me/export").Want(http.StatusOK).Decode(&export)
	ids := map[string][]string{}
	for _, p := range export.Projects {
		if p.DeletedAt != nil {
			continue
		}
		ids["projects"] = append(ids["projects"], p.ID)
		var named struct{ Baselines []struct{ ID string } }
		c.Get("/api/v1/projects/" + p.ID + "/baselines").Want(http.StatusOK).Decode(&named)
		for _, b := range named.Baselines {
			ids["baselines"] = append(ids["baselines"], b.ID)
		}
		for _, s := range p.Specifications {
			if s.DeletedAt != nil {
				continue
			}
			ids["specs"] = append(ids["specs"], s.ID)
			for _, i := range s.Items {
				ids["items"] = append(ids["items"], i.ID)
			}
		}
	}
	if len(ids["projects"]) == 0 || len(ids["specs"]) == 0 || len(ids["items"]) == 0 || len(ids["baselines"]) == 0 {
		t.Fatalf("the export shows too little: %v", ids)
	}
	return ids
}

// responsesTo are the responses by path, without the time in an export.
func responsesTo(c *testkit.Client, paths []string) map[string]any {
	answers := map[string]any{}
	for _, path := range paths {
		a := c.Get(path).Want(http.StatusOK)
		body := a.JSON()
		delete(body, "exported_at")
		answers[path] = []any{a.Header.Get("ETag"), body}
	}
	return answers
}

// filesIn are the names in a directory, but for the lock.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	for _, e := range entries {
		if e.Name() != ".lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// onlyBackup is the only backup in a directory.
func onlyBackup(t *testing.T, dir string) string {
	t.Helper()
	names := filesIn(t, dir)
	if len(names) != 2 || !slices.Equal(names, []string{names[0], names[0] + ".sha256"}) {
		t.Fatalf("the directory has %v, want a backup and its checksum", names)
	}
	return filepath.Join(dir, names[0])
}
