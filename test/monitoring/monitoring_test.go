// Package monitoring checks that the rules, their tests, their playbooks and the
// dashboards under infrastructure/monitoring fit together. That their
// queries return data is tested in test/e2e, with a Prometheus.
package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	stack     = "../../infrastructure/monitoring/"
	playbooks = "../../docs/playbooks/"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no files are like %s: %v", pattern, err)
	}
	return found
}

// alert is a rule as it is written.
type alert struct{ name, text string }

// alerts are those of all rules.
func alerts(t *testing.T) []alert {
	t.Helper()
	var all []alert
	for _, file := range files(t, stack+"prometheus/rules/*.yml") {
		for rule := range strings.SplitSeq(read(t, file), "\n      - ") {
			if text, ok := strings.CutPrefix(rule, "alert: "); ok {
				name, _, _ := strings.Cut(text, "\n")
				all = append(all, alert{name, text})
			}
		}
	}
	return all
}

func TestAlerts_HaveAllAnnotations(t *testing.T) {
	t.Parallel()
	for _, a := range alerts(t) {
		for _, part := range []string{
			`\n          severity: (page|ticket)\n`, `\n          summary: .+\n`, `\n          description: .+\n`,
			`\n          runbook: docs/playbooks/` + a.name + `\.md(\n|$)`,
		} {
			if !regexp.MustCompile(part).MatchString(a.text) {
				t.Errorf("the alert %s has nothing like %q", a.name, part)
			}
		}
	}
}

// A test in which an alert always fires, or never, could not fail.
func TestAlerts_AreTestedToFireAndNotToFire(t *testing.T) {
	t.Parallel()
	tested := regexp.MustCompile(`\n        alertname: (\w+)\n        exp_alerts:( \[\])?`)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range files(t, stack+"prometheus/tests/*.yml") {
		for _, found := range tested.FindAllStringSubmatch(read(t, file), -1) {
			if found[2] == "" {
				fires[found[1]] = true
			} else {
				silent[found[1]] = true
			}
		}
	}
	for _, a := range alerts(t) {
		if !fires[a.name] || !silent[a.name] {
			t.Errorf("the alert %s is tested to fire: %t; not to fire: %t", a.name, fires[a.name], silent[a.name])
		}
	}
}

func TestAlerts_MatchPlaybooks(t *testing.T) {
	t.Parallel()
	index := read(t, playbooks+"README.md")
	var want, got []string
	for _, a := range alerts(t) {
		want = append(want, a.name)
		if !strings.Contains(index, "["+a.name+"]("+a.name+".md)") {
			t.Errorf("docs/playbooks/README.md does not lead to %s", a.name)
		}
	}
	for _, file := range files(t, playbooks+"*.md") {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name == "README" {
			continue
		}
		got = append(got, name)
		text := read(t, file)
		for _, part := range []string{"# " + name + "\n", "\n**For users.** ", "\n**Confirm.** ", "\n**First.** ", "\n**Then.** ", "\n**Over.** "} {
			if !strings.Contains(text, part) {
				t.Errorf("the playbook %s has no part %q", name, strings.TrimSpace(part))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts and playbooks differ (-alerts +playbooks):\n%s", diff)
	}
}

// Playbooks are read in a hurry. Each log message that they quote has to exist.
func TestPlaybooks_QuotedLogMessagesExist(t *testing.T) {
	t.Parallel()
	operations := read(t, "../../docs/operations/logs-and-traces.md")
	quoted := regexp.MustCompile(`message="([^"…]+)"`)
	found := 0
	for _, file := range files(t, playbooks+"*.md") {
		for _, message := range quoted.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if !strings.Contains(operations, "\n| `"+message[1]+"` |") {
				t.Errorf("%s looks for %q, which docs/operations/logs-and-traces.md does not list", filepath.Base(file), message[1])
			}
		}
	}
	if found == 0 {
		t.Error("no playbook quotes the log")
	}
}

func TestAlerts_PassTheirUnitTests(t *testing.T) {
	t.Parallel()
	run(t, "promtool", "prometheus", "check", "config", stack+"prometheus/prometheus.yml")
	run(t, "promtool", "prometheus", append([]string{"test", "rules"}, files(t, stack+"prometheus/tests/*.yml")...)...)
}

func TestAlertmanager_RoutesBySeverity(t *testing.T) {
	t.Parallel()
	config := stack + "alertmanager/alertmanager.yml"
	run(t, "amtool", "prometheus-alertmanager", "check-config", config)
	for labels, want := range map[string]string{
		"severity=page": "page", "severity=ticket": "ticket", "severity=unheard-of": "ticket",
	} {
		if said := run(t, "amtool", "prometheus-alertmanager", "config", "routes", "test", "--config.file", config, labels); said != want {
			t.Errorf("%s goes to %q, want %s", labels, said, want)
		}
	}
}

// run runs a program and returns what it says. The test is skipped where the
// program is not installed.
func run(t *testing.T, program, debian string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed; it comes with Debian's %s", program, debian)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, said, complaint.String())
	}
	return strings.TrimSpace(string(said))
}
