package machine_test

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
)

const (
	folder    = "infrastructure/systemd/"
	service   = folder + "codegenapp.service"
	migration = folder + "codegenapp-migrate.service"
	settings  = folder + "codegenapp.env"
)

// values are what a unit says of a name, in order.
func values(t *testing.T, unit, name string) []string {
	t.Helper()
	return found(t, read(t, unit), `(?m)^`+name+`=(.*)$`)
}

// credentials are the secrets that a unit gets, by name.
func credentials(t *testing.T, unit string) (names []string) {
	t.Helper()
	for _, credential := range values(t, unit, "LoadCredential") {
		name, path, _ := strings.Cut(credential, ":")
		if path != "/etc/codegenapp/secrets/"+name {
			t.Errorf("%s takes %s from %s", unit, name, path)
		}
		names = append(names, name)
	}
	return names
}

// TestUnits_SecretsAreCredentials: what a setting reads is a credential of its unit, and
// docs/operations/one-machine.md makes the file.
func TestUnits_SecretsAreCredentials(t *testing.T) {
	t.Parallel()
	commands := strings.Join(blocks(t), "")
	for _, unit := range []string{service, migration} {
		handed := credentials(t, unit)
		var read []string
		for _, assignment := range values(t, unit, "Environment") {
			if _, name, ok := strings.Cut(assignment, "_FILE=%d/"); ok {
				read = append(read, name)
			}
		}
		if slices.Sort(handed); !slices.Equal(handed, slices.Sorted(slices.Values(read))) {
			t.Errorf("%s gets %q, and its settings read %q", unit, handed, read)
		}
		for _, name := range handed {
			if !regexp.MustCompile(`(?m)(for name in|touch|>)[^\n]*\b` + name + `\b`).MatchString(commands) {
				t.Errorf("%s wants %s, which %s does not make", unit, name, document)
			}
		}
	}
	if slices.Contains(credentials(t, service), "migration-database-url") {
		t.Error("the server gets the owner's database URL")
	}
}

// TestUnits_ServerAcceptsTheirSettings lets the server judge what it would have there.
func TestUnits_ServerAcceptsTheirSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var environ []string
	for line := range strings.Lines(read(t, settings)) {
		if !strings.HasPrefix(line, "#") {
			environ = append(environ, strings.TrimSpace(line))
		}
	}
	for _, assignment := range values(t, service, "Environment") {
		environ = append(environ, strings.ReplaceAll(assignment, "%d", dir))
	}
	for _, name := range credentials(t, service) {
		text := map[string]string{
			"database-url":             "postgres://codegenapp_service:x@127.0.0.1:5432/codegenapp?sslmode=disable",
			"redis-url":                "redis://:x@127.0.0.1:6379/0",
			"secret-key":               rand.Text() + rand.Text(),
			"jwt-secret-key":           rand.Text() + rand.Text(),
			"jwt-previous-secret-keys": "", "google-client-secret": "",
		}[name]
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	example := read(t, ".env.example")
	for _, assignment := range environ {
		name, _, _ := strings.Cut(assignment, "=")
		if name != "GOMEMLIMIT" && !strings.Contains(example, "\n"+strings.TrimSuffix(name, "_FILE")+"=") {
			t.Errorf("%s is no setting", name)
		}
	}
	s, err := server.Load(environ, filepath.Join(dir, "no.env"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ForServe(); err != nil {
		t.Error(err)
	}
	stop, err := strconv.Atoi(values(t, service, "TimeoutStopSec")[0])
	end := 5*time.Second + time.Duration(s.ShutdownGrace) // draining in production, unless it is set
	if s.ShutdownDrain != nil {
		end = time.Duration(*s.ShutdownDrain) + time.Duration(s.ShutdownGrace)
	}
	if err != nil || time.Duration(stop)*time.Second <= end {
		t.Errorf("systemd kills it after %d seconds; it may take %s", stop, end)
	}
	if !s.Production() {
		t.Error("it is not for production")
	}
}

// TestUnits_AreSandboxed checks that both units have the same sandbox.
func TestUnits_AreSandboxed(t *testing.T) {
	t.Parallel()
	sandbox := func(unit string) string {
		text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, unit), "")
		_, text, _ = strings.Cut(text, "\nUser=")
		text, _, _ = strings.Cut(text, "\n\n[Install]")
		return strings.TrimSpace(text)
	}
	if sandbox(service) != sandbox(migration) {
		t.Errorf("they differ:\n%s\n\n%s", sandbox(service), sandbox(migration))
	}
	for _, directive := range []string{
		"NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes", "PrivateUsers=yes",
		"MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources",
	} {
		if !slices.Contains(strings.Split(sandbox(service), "\n"), directive) {
			t.Errorf("there is no %s", directive)
		}
	}
}

// TestUnits_SystemdAcceptsThem asks systemd itself, also how exposed they are.
func TestUnits_SystemdAcceptsThem(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("there is no systemd-analyze to ask")
	}
	dir := t.TempDir()
	for _, unit := range []string{service, migration} {
		// The program has to be there; any will do.
		text := strings.ReplaceAll(read(t, unit), "/usr/local/bin/codegenapp", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(unit)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range []string{service, migration} {
		path := filepath.Join(dir, filepath.Base(unit))
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", path).CombinedOutput(); err != nil || strings.Contains(string(out), dir) {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
		// 1.5 of 10: network and machine are left, without which it is no server.
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=15", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}
