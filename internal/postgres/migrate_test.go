package postgres_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func migrator(t testing.TB, url string) *postgres.Migrator {
	t.Helper()
	m, err := postgres.NewMigrator(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close the migrator: %v", err)
		}
	})
	return m
}

// files are the names of the embedded migrations, in order.
func files(t testing.TB) []string {
	t.Helper()
	names, err := fs.Glob(postgres.Migrations(), "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("the embedded migrations: %v, %v", names, err)
	}
	return names
}

// up applies missing migrations and returns their names.
func up(t testing.TB, m *postgres.Migrator, db testkit.Database) []string {
	t.Helper()
	changes, err := m.Up(t.Context(), db.Service)
	if err != nil {
		t.Fatalf("up: %v", err)
	}
	var names []string
	for _, a := range changes.Applied {
		names = append(names, a.Name)
	}
	return names
}

// noise matches what differs between two dumps of the same schema.
var noise = regexp.MustCompile(`(?m)^(\\(un)?restrict .*|-- Dumped .*)\n`)

// dump is the schema as pg_dump writes it, rights included.
func dump(t testing.TB, db testkit.Database) string {
	t.Helper()
	u, err := url.Parse(db.Super)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	program := "pg_dump"
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump"); err == nil && len(found) > 0 {
		program = found[len(found)-1] // the newest reads every server
	}
	cmd := exec.CommandContext(t.Context(), program, "--schema-only", u.String())
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("there is no pg_dump")
	}
	if err != nil {
		exit, _ := errors.AsType[*exec.ExitError](err)
		t.Fatalf("pg_dump: %v: %s", err, exit.Stderr)
	}
	return noise.ReplaceAllString(string(out), "")
}

func TestMigrate_UpDownAndUpAgain(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	owner := connect(t, db.Owner)
	if value[bool](t, owner, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") {
		t.Fatal("the owner is a superuser, so this shows nothing")
	}
	m := migrator(t, db.Owner)
	wantApplied(t, m, 0)
	if diff := cmp.Diff(files(t), up(t, m, db)); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	wantApplied(t, m, len(files(t)))
	first := dump(t, db)
	if again := up(t, m, db); len(again) > 0 {
		t.Errorf("a second up applied %v", again)
	}
	for n := len(files(t)); n > 0; n-- {
		name, err := m.Down(t.Context())
		if err != nil || name != files(t)[n-1] {
			t.Fatalf("down rolled back %q, %v; want %s", name, err, files(t)[n-1])
		}
		wantApplied(t, m, n-1)
	}
	if left := column[string](t, owner, `
SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' AND relname NOT LIKE 'goose_db_version%'
UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%goose_db_version'`); len(left) > 0 {
		t.Errorf("after all are rolled back there still are %v", left)
	}
	if _, err := m.Down(t.Context()); err == nil {
		t.Error("there was one more migration to roll back")
	}
	if diff := cmp.Diff(files(t), up(t, m, db)); diff != "" {
		t.Errorf("applied again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first, dump(t, db)); diff != "" {
		t.Errorf("the schema after down and up (-first +second):\n%s", diff)
	}
}

// The test above rolls back all, then applies all. Here each is rolled back, with the
// schema compared at every version.
func TestMigrate_EachRollsBackCompletely(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	m := migrator(t, db.Owner)
	up(t, m, db)
	want := map[int]string{}
	for n := len(files(t)); n > 1; n-- {
		want[n] = dump(t, db)
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lowest := dump(t, db)
	up(t, m, db)
	for n := len(files(t)); n > 1; n-- {
		if diff := cmp.Diff(want[n], dump(t, db)); diff != "" {
			t.Errorf("the schema with %d migrations, rolled back a second time (-first +second):\n%s", n, diff)
		}
		if _, err := m.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(lowest, dump(t, db)); diff != "" {
		t.Errorf("the schema with one migration (-first +second):\n%s", diff)
	}
}

func wantApplied(t *testing.T, m *postgres.Migrator, applied int) {
	t.Helper()
	all, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for n, m := range all {
		names = append(names, m.Name)
		if m.At.IsZero() != (n >= applied) {
			t.Errorf("%s was applied at %v, want only the first %d to be", m.Name, m.At, applied)
		}
	}
	if diff := cmp.Diff(files(t), names); diff != "" {
		t.Errorf("migrations (-want +got):\n%s", diff)
	}
}

func TestMigrate_ConcurrentMigratorsApplyEachOnce(t *testing.T) {
	t.Parallel()
	db := newScratchDatabase(t)
	var mu sync.Mutex
	var all []string
	var wg sync.WaitGroup
	for range 4 {
		m := migrator(t, db.Owner)
		wg.Go(func() {
			changes, err := m.Up(t.Context(), db.Service)
			if err != nil {
				t.Errorf("one of four: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, a := range changes.Applied {
				all = append(all, a.Name)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(files(t), all); diff != "" {
		t.Errorf("applied by all four (-want +got):\n%s", diff)
	}
	if rows := value[int](t, connect(t, db.Owner), "SELECT count(*) FROM goose_db_version WHERE version_id > 0"); rows != len(files(t)) {
		t.Errorf("goose_db_version has %d rows, want %d", rows, len(files(t)))
	}
}
