package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommands_HaveHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"", "dev", "serve", "migrate", "migrate up", "migrate down", "migrate status", "migrate create",
		"issuer", "doctor", "env", "openapi", "healthcheck", "version",
	} {
		t.Run("codegenapp "+command, func(t *testing.T) {
			t.Parallel()
			p := run(t, programOptions{args: append(strings.Fields(command), "--help")})
			p.wantExit(0)
			wantAll(t, p.out.String(), strings.TrimSpace("Usage: codegenapp "+command), "--help")
			if p.logs.String() != "" {
				t.Errorf("standard error is not empty: %s", p.logs.String())
			}
		})
	}
}

func TestCommands_RejectBadArgumentsInOneLine(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"nonsense", "help nonsense", "serve nonsense", "dev --port 65536", "serve --nonsense", "dev --data", "migrate", "migrate sideways",
		"migrate create", "migrate create one two", "openapi --json", "version --verbose",
	} {
		t.Run("codegenapp "+line, func(t *testing.T) {
			t.Parallel()
			p := run(t, programOptions{args: strings.Fields(line)})
			p.wantLine(2, "see codegenapp --help")
			if p.out.String() != "" {
				t.Errorf("standard output is not empty: %s", p.out.String())
			}
		})
	}
}

// Each group of command lines prints the same help.
func TestCommands_HelpIsFoundInEveryUsualWay(t *testing.T) {
	t.Parallel()
	for want, lines := range map[string][]string{
		"--help":            {"", "help", "-h"},
		"serve --help":      {"help serve", "serve -h"},
		"migrate up --help": {"help migrate up"},
	} {
		help := run(t, programOptions{args: strings.Fields(want)})
		for _, line := range lines {
			t.Run("codegenapp "+line, func(t *testing.T) {
				t.Parallel()
				p := run(t, programOptions{args: strings.Fields(line)})
				p.wantExit(0)
				if diff := cmp.Diff(help.out.String(), p.out.String()); diff != "" {
					t.Errorf("codegenapp %s prints another text than codegenapp %s (-want +got):\n%s", line, want, diff)
				}
			})
		}
	}
}

// The help of a command names settings that exist.
func TestCommands_HelpNamesTheSettings(t *testing.T) {
	t.Parallel()
	printed := run(t, programOptions{args: []string{"env"}})
	printed.wantExit(0)
	for command, settings := range map[string][]string{
		"dev":   {"HTTP_ADDR", "CORS_ORIGINS", "ADMIN_EMAILS", "RATELIMIT_DEFAULT", "RATELIMIT_ENABLED", "LOG_FORMAT"},
		"serve": {"DATABASE_URL", "GOOGLE_CLIENT_ID", "SECRET_KEY", "JWT_SECRET_KEY", ".env.example", "codegenapp env"},
	} {
		p := run(t, programOptions{args: []string{command, "--help"}})
		wantAll(t, p.out.String(), settings...)
		for _, name := range regexp.MustCompile(`[A-Z]{3,}_[A-Z_]+`).FindAllString(p.out.String(), -1) {
			if plain := strings.TrimSuffix(name, "_FILE"); !strings.Contains(printed.out.String(), "\n"+name+"=") && !strings.Contains(printed.out.String(), "\n"+plain+"=") {
				t.Errorf("%s --help names %s, which is not a setting", command, name)
			}
		}
	}
}

func TestEnv_PrintsTheExampleSettings(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../.env.example")
	must(t, err)
	p := run(t, programOptions{args: []string{"env"}})
	p.wantExit(0)
	if diff := cmp.Diff(string(example), p.out.String()); diff != "" {
		t.Errorf("the printed settings differ from .env.example (-want +got):\n%s", diff)
	}
}

func TestVersion_PrintsTheBuild(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"version", "--version", "-v"} {
		p := run(t, programOptions{args: []string{line}})
		p.wantExit(0)
		if !regexp.MustCompile(`^codegenapp \S+ \(commit \S+, go1\.\d+\S*\)\n$`).MatchString(p.out.String()) {
			t.Errorf("%s prints %q", line, p.out.String())
		}
	}
}

func TestOpenAPI_PrintedEqualsPublished(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1"))
	for name, tc := range map[string]struct {
		args        []string
		path, media string
	}{
		"as JSON": {[]string{"openapi"}, "/api/v1/openapi.json", "application/json"},
		"as YAML": {[]string{"openapi", "--yaml"}, "/api/v1/openapi.yaml", "application/yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := run(t, programOptions{args: tc.args})
			p.wantExit(0)
			published := get(t, s.URL+tc.path, "").want(http.StatusOK)
			if got := published.Header.Get("Content-Type"); got != tc.media {
				t.Errorf("it is published as %s", got)
			}
			if diff := cmp.Diff(strings.TrimSpace(published.Body), strings.TrimSpace(p.out.String())); diff != "" {
				t.Errorf("the printed contract is another (-published +printed):\n%s", diff)
			}
		})
	}
}

func TestHealthcheck_ReportsLiveness(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1")) // alive without a database
	address := strings.TrimPrefix(s.URL, "http://")
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	ill := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(ill.Close)
	for name, tc := range map[string]struct {
		env    []string
		status int
	}{
		"alive":                           {[]string{"HTTP_ADDR=" + address}, 0},
		"alive, by the port alone":        {[]string{"PORT=" + port}, 0},
		"alive, listening everywhere":     {[]string{"HTTP_ADDR=0.0.0.0:" + port}, 0},
		"alive, past a proxy":             {[]string{"HTTP_ADDR=" + address, "HTTP_PROXY=http://127.0.0.1:1"}, 0},
		"alive, whatever else is not set": {[]string{"HTTP_ADDR=" + address, "LOG_LEVEL=LOUD", "SECRET_KEY="}, 0},
		"at another address":              {[]string{"HTTP_ADDR=127.0.0.2:" + port}, 1},
		"no listener":                     {[]string{"HTTP_ADDR=" + freeAddress(t)}, 1},
		"something else listens":          {[]string{"HTTP_ADDR=" + strings.TrimPrefix(ill.URL, "http://")}, 1},
		"no address":                      {[]string{"HTTP_ADDR=nonsense"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := run(t, programOptions{args: []string{"healthcheck"}, env: tc.env})
			if tc.status != 0 {
				p.wantLine(tc.status)
				return
			}
			p.wantExit(0)
		})
	}
}

var migrations = regexp.MustCompile(`(?m)^(\d{5}_\w+\.sql) +(no|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$`)

func TestMigrate_UpAndDown(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	env := []string{"DATABASE_URL=" + db.Service, "MIGRATION_DATABASE_URL=" + db.Owner}
	migrate := func(args ...string) *process {
		t.Helper()
		return run(t, programOptions{args: append([]string{"migrate"}, args...), env: env})
	}
	said := func(args ...string) string {
		t.Helper()
		p := migrate(args...)
		p.wantExit(0)
		if p.logs.String() != "" {
			t.Errorf("standard error is not empty: %s", p.logs.String())
		}
		return p.out.String()
	}
	applied := func() (applied, missing []string) {
		t.Helper()
		for _, row := range migrations.FindAllStringSubmatch(said("status"), -1) {
			if row[2] == "no" {
				missing = append(missing, row[1])
			} else {
				applied = append(applied, row[1])
			}
		}
		return applied, missing
	}

	none, all := applied()
	if len(none) > 0 || len(all) < 3 {
		t.Fatalf("of a new database %v are applied and %v are not", none, all)
	}
	up := said("up")
	for _, name := range all {
		wantAll(t, up, "applied "+name+" in ")
	}
	wantAll(t, said("up"), "nothing to apply")
	for n, newest := range slices.Backward(all) {
		wantAll(t, said("down"), "rolled back "+newest)
		got, _ := applied()
		if diff := cmp.Diff(append([]string(nil), all[:n]...), got); diff != "" {
			t.Errorf("applied after %d steps down (-want +got):\n%s", len(all)-n, diff)
		}
	}
	migrate("down").wantLine(1, "no migration is applied")
	said("up")
}

func TestMigrate_ConcurrentRunsApplyOnce(t *testing.T) {
	t.Parallel()
	db := emptyDatabase(t)
	var together sync.WaitGroup
	var all [4]*process
	for n := range all {
		all[n] = start(t, programOptions{args: []string{"migrate", "up"}, env: []string{"DATABASE_URL=" + db.Service, "MIGRATION_DATABASE_URL=" + db.Owner}})
		together.Go(func() { <-all[n].done })
	}
	together.Wait()
	steps := 0
	for _, p := range all {
		p.wantExit(0)
		steps += strings.Count(p.out.String(), "applied 0")
	}
	files, err := filepath.Glob("../../internal/postgres/migrations/*.sql")
	must(t, err)
	if steps != len(files) {
		t.Errorf("%d steps were taken, there are %d", steps, len(files))
	}
}

func TestMigrate_ErrorsNameTheCause(t *testing.T) {
	t.Parallel()
	nowhere := "postgres://owner:canary-password@" + freeAddress(t) + "/none"
	for name, tc := range map[string]struct {
		env    []string
		status int
		part   string
	}{
		"nothing is set":         {nil, 2, "DATABASE_URL is needed"},
		"not a URL":              {[]string{"DATABASE_URL=" + nowhere, "MIGRATION_DATABASE_URL=canary-password"}, 2, "MIGRATION_DATABASE_URL is not"},
		"the database is away":   {[]string{"DATABASE_URL=" + nowhere}, 1, "connection refused"},
		"secrets are not needed": {[]string{"DATABASE_URL=" + nowhere, "SECRET_KEY=", "GOOGLE_CLIENT_ID="}, 1, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, command := range []string{"up", "down", "status"} {
				p := run(t, programOptions{args: []string{"migrate", command}, env: tc.env})
				p.wantExit(tc.status)
				wantAll(t, p.logs.String(), "codegenapp: ", tc.part)
				wantNone(t, p.logs.String()+p.out.String(), "canary")
			}
		})
	}
}

func TestMigrate_CreateWritesTheNextFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	steps := filepath.Join(dir, "internal", "postgres", "migrations")
	must(t, os.MkdirAll(steps, 0o755))
	must(t, os.WriteFile(filepath.Join(steps, "00001_first.sql"), []byte("-- +goose Up\n"), 0o600))

	p := run(t, programOptions{args: []string{"migrate", "create", "add_colours"}, dir: dir})
	p.wantExit(0)
	wantAll(t, p.out.String(), "00002_add_colours.sql")
	text, err := os.ReadFile(filepath.Join(steps, "00002_add_colours.sql"))
	must(t, err)
	wantAll(t, string(text), "-- +goose Up\n", "-- +goose Down\n")

	run(t, programOptions{args: []string{"migrate", "create", "Not A Name"}, dir: dir}).wantExit(2)
	run(t, programOptions{args: []string{"migrate", "create", "elsewhere"}}).wantLine(1, "root of the source")
}
