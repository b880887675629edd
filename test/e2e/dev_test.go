package e2e

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// devTimeout bounds a start, which takes about a tenth of it on an idle machine.
const devTimeout = 30 * time.Second

// devServer is a running `codegenapp dev` that has printed its banner.
type devServer struct {
	*process
	curl, token, URL string
	took             time.Duration
}

func startDev(t *testing.T, l programOptions) *devServer {
	t.Helper()
	l.args = append([]string{"dev"}, l.args...)
	d := &devServer{process: start(t, l)}
	match := d.waitForOutput(&d.out, `(?m)^ +(curl .*Bearer (\S+)".* (http\S+)/api/v1/projects)$`)
	d.curl, d.token, d.URL = match[1], match[2], match[3]
	d.took = time.Since(d.startedAt)
	d.waitForOutput(&d.out, `Ctrl-C`)
	if !strings.Contains(d.out.String(), "listening on "+d.URL+" ") {
		t.Errorf("the output does not say where it listens:\n%s", d.out.String())
	}
	return d
}

// runPrintedCommand runs the printed curl line.
func (d *devServer) runPrintedCommand() []project {
	d.t.Helper()
	var list projects
	out := runShell(d.t, d.curl)
	(&response{t: d.t, Body: out}).decode(&list)
	if list.Projects == nil {
		d.t.Fatalf("%s lists no projects: %s", d.curl, out)
	}
	return list.Projects
}

// runShell runs a pasted line and returns its output.
func runShell(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// wantStopped fails the test unless the server has ended in order, and
// PostgreSQL with it.
func (d *devServer) wantStopped(dir string) {
	d.t.Helper()
	d.wantExit(0)
	if left := postgresIn(d.t, dir); len(left) > 0 {
		d.t.Errorf("PostgreSQL still runs: %v", left)
	}
	for _, bad := range []string{" ERROR ", " WARNING ", "codegenapp: "} {
		if strings.Contains(d.logs.String(), bad) {
			d.t.Errorf("the log of a server that ran and stopped in order has %q:\n%s", bad, d.logs.String())
		}
	}
}

func TestDev_KeepsDataHoweverItEnds(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(publicDir(t), "data")
	again := programOptions{args: []string{"--data", dir}}

	first := startDev(t, again)
	t.Logf("first start: %s", first.took.Round(time.Millisecond))
	example := first.runPrintedCommand()
	var made project
	send(t, http.MethodPost, first.URL+"/api/v1/projects", first.token, `{"title":"Kept"}`).want(http.StatusCreated).decode(&made)
	want := append([]project{made}, example...)

	run(t, programOptions{args: []string{"dev", "--data", dir}}).wantLine(1, dir, "in use by process "+strconv.Itoa(first.pid))
	if diff := cmp.Diff(want, first.runPrintedCommand()); diff != "" {
		t.Errorf("after the attempt of a second server (-want +got):\n%s", diff)
	}
	first.signal(syscall.SIGINT)
	first.wantStopped(dir)

	second := startDev(t, again)
	t.Logf("later start: %s", second.took.Round(time.Millisecond))
	if diff := cmp.Diff(want, second.runPrintedCommand()); diff != "" {
		t.Errorf("after Ctrl-C (-want +got):\n%s", diff)
	}
	second.signal(syscall.SIGKILL)
	second.waitExit()

	third := startDev(t, again)
	t.Logf("start after kill -9: %s", third.took.Round(time.Millisecond))
	if diff := cmp.Diff(want, third.runPrintedCommand()); diff != "" {
		t.Errorf("after kill -9 (-want +got):\n%s", diff)
	}
	third.signalGroup(syscall.SIGINT)
	third.wantExit(0)
	if left := postgresIn(t, dir); len(left) > 0 {
		t.Errorf("PostgreSQL still runs: %v", left)
	}
	for _, d := range []*devServer{first, second, third} {
		if d.took > devTimeout {
			t.Errorf("a start took %s", d.took)
		}
	}
}

func TestDev_WorksInAPrivateDirectory(t *testing.T) {
	t.Parallel()
	// Like a directory below /root: PostgreSQL's user has no access.
	home := filepath.Join(t.TempDir(), "home")
	must(t, os.Mkdir(home, 0o700))
	dir := filepath.Join(home, ".codegenapp")
	t.Cleanup(func() {
		if elsewhere, err := os.Readlink(filepath.Join(dir, "postgres")); err == nil {
			must(t, os.RemoveAll(elsewhere))
		}
	})
	here := programOptions{dir: home, env: []string{"HOME=" + home}}

	first := startDev(t, here)
	send(t, http.MethodPost, first.URL+"/api/v1/projects", first.token, `{"title":"Kept"}`).want(http.StatusCreated)
	first.signal(syscall.SIGTERM)
	first.wantStopped(dir)

	later := startDev(t, here)
	if found := later.runPrintedCommand(); len(found) != 2 || found[0].Title != "Kept" {
		t.Errorf("the second start finds %v", found)
	}
	later.signal(syscall.SIGINT)
	later.wantStopped(dir)
}

func TestDev_NeedsNoEnvironment(t *testing.T) {
	t.Parallel()
	// Another process may have the default port, and might free it during the test. A
	// process that keeps it this long is assumed to keep it.
	for range 1000 {
		if usual, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
			t.Cleanup(func() { _ = usual.Close() })
			break
		}
		time.Sleep(pollInterval)
	}
	dir := publicDir(t)
	must(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("APP_ENV=production\nDATABASE_URL=nonsense\n"), 0o600))
	d := startDev(t, programOptions{dir: dir, env: []string{
		// An empty value counts as not set; settings of serve, or of another program,
		// have no effect.
		"APP_ENV=", "LOG_FORMAT=", "LOG_LEVEL=", "HTTP_ADDR=", "PORT=", "HOME=",
		"DATABASE_URL=postgres://user@127.0.0.1:1/none", "SECRET_KEY=short", "JWT_SECRET_KEY_FILE=/nowhere",
		"GOOGLE_HOSTED_DOMAINS=corp.example", "GOOGLE_CLIENT_ID=another", "GOOGLE_ISSUER_URL=https://accounts.google.com",
		"HTTP_PROXY=http://127.0.0.1:1", "PGDATA=/nowhere", "PGPORT=1", "PGUSER=other", "PGSSLMODE=require", "LC_ALL=tlh", "TZ=Pacific/Chatham",
	}})
	if strings.HasSuffix(d.URL, ":8080") {
		t.Errorf("it says that it listens on %s, which is taken", d.URL)
	}
	wantAll(t, d.out.String(), "Another program uses port 8080.")
	d.runPrintedCommand()
	d.signal(syscall.SIGINT)
	d.wantStopped(filepath.Join(dir, ".codegenapp"))
}

func TestDev_ListensAtTheGivenAddress(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	_, port, err := net.SplitHostPort(freeAddress(t))
	must(t, err)
	d := startDev(t, programOptions{dir: dir, env: []string{"PORT=" + port}})
	if d.URL != "http://localhost:"+port {
		t.Errorf("it listens on %s, not on port %s of this machine", d.URL, port)
	}
	d.runPrintedCommand()
	hosts := []string{"127.0.0.1"}
	if six, err := net.Listen("tcp", "[::1]:0"); err == nil { // this machine has IPv6
		must(t, six.Close())
		hosts = append(hosts, "::1")
	}
	for _, host := range hosts {
		get(t, "http://"+net.JoinHostPort(host, port)+"/health/live", "").want(http.StatusOK)
	}

	// A port that was chosen is not replaced by another.
	for name, l := range map[string]programOptions{
		"by HTTP_ADDR": {args: []string{"dev"}, env: []string{"HTTP_ADDR=127.0.0.1:" + port, "LOG_LEVEL=ERROR"}},
		"by PORT":      {args: []string{"dev"}, env: []string{"PORT=" + port, "LOG_LEVEL=ERROR"}},
		"by --port":    {args: []string{"dev", "--port", port}, env: []string{"HTTP_ADDR=127.0.0.1:1", "LOG_LEVEL=ERROR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.dir = publicDir(t)
			run(t, l).wantLine(1, "another program uses that port", "--port")
			if left := postgresIn(t, filepath.Join(l.dir, ".codegenapp")); len(left) > 0 {
				t.Errorf("PostgreSQL still runs: %v", left)
			}
		})
	}
}

func TestDev_RejectsBadSettingsFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		env   []string
		parts []string
	}{
		"production":              {[]string{"APP_ENV=production"}, []string{"APP_ENV is production", "use serve"}},
		"an unknown environment":  {[]string{"APP_ENV=staging"}, []string{"APP_ENV is not production or development"}},
		"several wrong ones":      {[]string{"LOG_LEVEL=LOUD", "MAX_PROJECTS_PER_USER=0"}, []string{"LOG_LEVEL", "MAX_PROJECTS_PER_USER"}},
		"an address without port": {[]string{"HTTP_ADDR=localhost"}, []string{"HTTP_ADDR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := run(t, programOptions{args: []string{"dev"}, dir: dir, env: tc.env})
			p.wantExit(2)
			for _, part := range tc.parts {
				if !strings.Contains(p.logs.String(), part) {
					t.Errorf("it does not say %q:\n%s", part, p.logs.String())
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("it made %v, %v", left, err)
			}
		})
	}
}

func TestDev_InterruptDuringStartExitsCleanly(t *testing.T) {
	t.Parallel()
	for name, sign := range map[string]string{
		"when the directory is locked": "lock",
		"while the cluster is made":    "postgres/init-*",
		"while PostgreSQL starts":      "postgres/data/postmaster.pid",
		"before the server listens":    "issuer.addr",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := publicDir(t)
			p := start(t, programOptions{args: []string{"dev", "--data", dir}})
			p.waitUntil("there is "+sign, func() bool {
				found, err := filepath.Glob(filepath.Join(dir, sign))
				return err == nil && len(found) > 0
			})
			p.signalGroup(syscall.SIGINT)
			p.wantExit(0)
			if left := postgresIn(t, dir); len(left) > 0 {
				t.Errorf("PostgreSQL still runs: %v", left)
			}
			if strings.Contains(p.logs.String(), "codegenapp: ") {
				t.Errorf("it calls that a failure:\n%s", p.logs.String())
			}
		})
	}
}

func TestDev_EndsWithItsDatabase(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	d := startDev(t, programOptions{args: []string{"--data", dir}})
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	must(t, err)
	line, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(line)
	must(t, err)
	must(t, syscall.Kill(postmaster, syscall.SIGKILL))
	d.wantExit(1)
	if !strings.Contains(d.logs.String(), "codegenapp: PostgreSQL has stopped by itself") {
		t.Errorf("it does not say why it ended:\n%s", d.logs.String())
	}
	waitUntil(t, "nothing of PostgreSQL is left", func() bool { return len(postgresIn(t, dir)) == 0 })
}

func TestDev_SecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	d := startDev(t, programOptions{args: []string{"--data", dir}, env: []string{"SHUTDOWN_DRAIN=1m"}})
	d.signal(syscall.SIGINT)
	d.waitForOutput(&d.logs, `shutting down`)
	if err := syscall.Kill(d.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
	if d.waitExit().Success() {
		t.Error("it ended as if nothing had been cut short")
	}
	waitUntil(t, "PostgreSQL has followed", func() bool { return len(postgresIn(t, dir)) == 0 })
}
