// Package machine_test checks the pages about deployment and the systemd units against the
// repository: files, make targets, settings, commands. tools/scripts/rehearse-machine.sh
// runs the commands for one Linux machine.
package machine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	root     = "../.."
	document = "docs/operations/one-machine.md"
	cloud    = "docs/operations/google-cloud.md"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// found are the first groups of all matches, and some are expected.
func found(t *testing.T, text, expression string) (all []string) {
	t.Helper()
	for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		t.Errorf("nothing in the text looks like %s", expression)
	}
	return all
}

// blocks are the shell commands of the document.
func blocks(t *testing.T) []string {
	t.Helper()
	return found(t, read(t, document)+read(t, cloud), "(?ms)^```sh\n(.*?)^```$")
}

func TestDeploymentGuide_PathsExist(t *testing.T) {
	t.Parallel()
	text := read(t, document) + read(t, cloud)
	for _, path := range found(t, text, `(?:^|[\s"`+"`"+`(/])((?:docs|docker|infrastructure|test|tools|\.github)/[\w./-]*\w)`) {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
	for _, file := range found(t, text, `environments/(\w+)\.tfvars`) {
		read(t, "infrastructure/terraform/environments/"+file+".tfvars")
	}
	for _, link := range found(t, text, `\]\(([^)#]*)[^)]*\)`) {
		if link != "" {
			read(t, filepath.Join("docs/operations", link))
		}
	}
}

func TestDeploymentGuide_NamesExist(t *testing.T) {
	t.Parallel()
	text := read(t, document) + read(t, cloud)
	for _, target := range found(t, text, "(?m)(?:^|`|&& )make ([a-z][a-z-]*)") {
		if !strings.Contains(read(t, "Makefile"), "\n"+target+":") {
			t.Errorf("%s: there is no target %s in the Makefile", document, target)
		}
	}
	for _, workflow := range found(t, text, `gh (?:workflow run |run watch .*--workflow=)([a-z-]+)`) {
		read(t, ".github/workflows/"+workflow+".yml")
	}
	for _, output := range found(t, text, `output -(?:raw|json) (\w+)`) {
		if !strings.Contains(read(t, "infrastructure/terraform/outputs.tf"), `output "`+output+`"`) {
			t.Errorf("%s: Terraform has no output %s", document, output)
		}
	}
	commands := read(t, "docs/operations/commands.md")
	units := read(t, service) + read(t, migration)
	for _, command := range found(t, strings.Join(blocks(t), "")+units, `(?m)(?:^\s*|bin/)codegenapp ([a-z]+)`) {
		if !strings.Contains(commands, "| `codegenapp "+command) {
			t.Errorf("codegenapp has no command %s", command)
		}
	}
}

// TestDeploymentGuide_ShellParses also checks that each block without a rehearsal has a reason.
func TestDeploymentGuide_ShellParses(t *testing.T) {
	t.Parallel()
	for _, block := range blocks(t) {
		check := exec.CommandContext(t.Context(), "bash", "-n")
		check.Stdin = strings.NewReader(block)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, block)
		}
	}
	for _, reason := range found(t, read(t, document), `<!-- (.*?) -->`) {
		if !regexp.MustCompile(`^(not rehearsed|may fail): .{10,}`).MatchString(reason) {
			t.Errorf("%q is not a reason", reason)
		}
	}
}
