// Package client tests the published contract from a client's point of view: it
// generates a client, compiles it, and follows the README with it.
package client

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// tools is where the pinned compiler, generator and client library are.
const tools = "../../tools/contract"

func TestGeneratedClient_RunsTheTourOfTheREADME(t *testing.T) {
	t.Parallel()
	modules := installModules(t)
	s := testkit.Start(t)
	ann := s.SignUp(t)

	dir := t.TempDir()
	for _, name := range []string{"package.json", "tsconfig.json", "shapes.ts", "tour.ts"} {
		content, err := os.ReadFile(filepath.Join(tools, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	must(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	must(t, os.WriteFile(filepath.Join(dir, "openapi.yaml"), s.Anonymous(t).Get("/api/v1/openapi.yaml").Want(200).Body, 0o600))

	run(t, dir, nil, "node", "node_modules/openapi-typescript/bin/cli.js", "openapi.yaml", "--output", "build/contract.ts")
	run(t, dir, nil, "node", "node_modules/typescript/bin/tsc")
	run(t, dir, []string{"BASE_URL=" + s.URL, "TOKEN=" + ann.Token}, "node", "build/tour.js")
}

// installModules installs what package-lock.json pins, unless it is there, and
// returns where. Where that is impossible the test is skipped, but not in CI.
func installModules(t *testing.T) string {
	t.Helper()
	without := t.Skipf
	if os.Getenv("CI") == "true" {
		without = t.Fatalf
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			without("the tour needs Node.js, and %s is not installed here (Debian: apt-get install nodejs npm)", program)
		}
	}
	modules, err := filepath.Abs(filepath.Join(tools, "node_modules"))
	must(t, err)
	lock, err := os.Stat(filepath.Join(tools, "package-lock.json"))
	must(t, err)
	if installed, err := os.Stat(modules); err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return modules
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = tools
	if out, err := install.CombinedOutput(); err != nil {
		without("the tour needs the packages of %s, and npm ci failed: %v\n%s", tools, err, out)
	}
	now := time.Now()
	must(t, os.Chtimes(modules, now, now)) // as the Makefile marks it
	return modules
}

// run runs a program to its end, and fails the test with what it printed if it
// fails.
func run(t *testing.T, dir string, env []string, name string, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "NO_COLOR=1"}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, arguments[0], err, out)
	}
	t.Logf("%s", out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
