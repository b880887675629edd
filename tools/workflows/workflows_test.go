// Package workflows checks GitHub's workflows for what actionlint does not check: actions
// are pinned, jobs list their permissions, and targets and paths exist.
package workflows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inEach runs a test over each workflow.
func inEach(t *testing.T, test func(t *testing.T, w *actionlint.Workflow, text string)) {
	t.Helper()
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) < 7 {
		t.Fatalf("there are workflows missing: %v %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := read(t, ".github/workflows/"+filepath.Base(file))
			w, faults := actionlint.Parse([]byte(text))
			for _, fault := range faults {
				t.Error(fault)
			}
			if w == nil {
				t.FailNow()
			}
			test(t, w, text)
		})
	}
}

// actions are the uses of other people's actions in a workflow's steps.
func actions(w *actionlint.Workflow) (used []*actionlint.ExecAction) {
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if action, ok := step.Exec.(*actionlint.ExecAction); ok {
				used = append(used, action)
			}
		}
	}
	return used
}

// scripts are the shell in a workflow's steps.
func scripts(w *actionlint.Workflow) (found []string) {
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if run, ok := step.Exec.(*actionlint.ExecRun); ok {
				found = append(found, run.Run.Value)
			}
		}
	}
	return found
}

var pinned = regexp.MustCompile(`uses: (\S+?)@([0-9a-f]{40}) # (v[0-9.]+)$`)

// TestWorkflows_ActionsArePinned wants a commit, its version beside it, and both in the table
// that says how it was looked up.
func TestWorkflows_ActionsArePinned(t *testing.T) {
	table := read(t, ".github/workflows/README.md")
	used := map[string]bool{}
	inEach(t, func(t *testing.T, _ *actionlint.Workflow, text string) {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if !strings.Contains(line, "uses:") || strings.HasPrefix(line, "#") {
				continue
			}
			if local, ok := strings.CutPrefix(line, "uses: ./"); ok {
				read(t, local)
				continue
			}
			found := pinned.FindStringSubmatch(line)
			if found == nil {
				t.Errorf("%q is not pinned by a commit with its version in a comment", line)
				continue
			}
			owner := strings.Join(strings.SplitN(found[1], "/", 3)[:2], "/")
			row := "| `" + owner + "` | " + found[3] + " | `" + found[2] + "` |"
			used[row] = true
			if !strings.Contains(table, row) {
				t.Errorf("the table in .github/workflows/README.md has no row %s", row)
			}
		}
	})
	for _, row := range regexp.MustCompile("\\| `[^`]+/[^`]+` \\| v[0-9.]+ \\| `[0-9a-f]{40}` \\|").FindAllString(table, -1) {
		if !used[row] {
			t.Errorf("no workflow uses what README.md has: %s", row)
		}
	}
}

func TestWorkflows_PermissionsAreListed(t *testing.T) {
	inEach(t, func(t *testing.T, w *actionlint.Workflow, _ string) {
		if p := w.Permissions; p == nil || p.All != nil || len(p.Scopes) > 0 {
			t.Error("the workflow does not begin with permissions: {}")
		}
		for name, job := range w.Jobs {
			if p := job.Permissions; p == nil || p.All != nil || len(p.Scopes) == 0 {
				t.Errorf("job %s does not list what it may", name)
			}
			if job.WorkflowCall == nil && (job.TimeoutMinutes == nil || job.TimeoutMinutes.Value > 120) {
				t.Errorf("job %s has no timeout of two hours at most", name)
			}
		}
		for _, event := range w.On {
			if name := event.EventName(); name == "pull_request_target" || name == "workflow_run" {
				t.Errorf("%s gives rights to code of other authors", name)
			}
		}
		for _, action := range actions(w) {
			if !strings.HasPrefix(action.Uses.Value, "actions/checkout@") {
				continue
			}
			if keep := action.Inputs["persist-credentials"]; keep == nil || keep.Value.Value != "false" {
				t.Error("a checkout leaves its token behind: persist-credentials is not false")
			}
		}
	})
}

// TestWorkflows_ScriptsHaveNoExpressions: text of other authors is passed through the
// environment. Only values of the matrix in the same file may be in a script.
func TestWorkflows_ScriptsHaveNoExpressions(t *testing.T) {
	expression := regexp.MustCompile(`\$\{\{\s*([^}]*?)\s*\}\}`)
	inEach(t, func(t *testing.T, w *actionlint.Workflow, _ string) {
		for _, script := range scripts(w) {
			for _, found := range expression.FindAllStringSubmatch(script, -1) {
				if !strings.HasPrefix(found[1], "matrix.") {
					t.Errorf("%s stands in a script; pass it through env", found[0])
				}
			}
		}
	})
}

func TestWorkflows_TargetsAndPathsExist(t *testing.T) {
	makefile := read(t, "Makefile")
	targets := regexp.MustCompile(`\bmake ([a-z][a-z-]*)`)
	matrix := regexp.MustCompile(`(?m)^ +target: \[(.*)\]$`)
	paths := regexp.MustCompile(`(?:^|[ "'])((?:\.ci|docker|docs|infrastructure|test|tools)/[\w./-]+|go\.sum)`)
	inEach(t, func(t *testing.T, w *actionlint.Workflow, text string) {
		var named []string
		for _, found := range targets.FindAllStringSubmatch(text, -1) {
			named = append(named, found[1])
		}
		for _, found := range matrix.FindAllStringSubmatch(text, -1) {
			named = append(named, strings.Split(found[1], ", ")...)
		}
		for _, target := range named {
			if !strings.Contains(makefile, "\n"+target+":") {
				t.Errorf("there is no make %s", target)
			}
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, "uses: docker/") { // an owner, not a folder of this repository
				continue
			}
			for _, found := range paths.FindAllStringSubmatch(line, -1) {
				if _, err := os.Stat(filepath.Join(root, found[1])); err != nil {
					t.Error(err)
				}
			}
		}
		for _, needed := range []string{"check.yml", "security.yml", "release.yml"} {
			if w.Name != nil && w.Name.Value+".yml" == needed && w.Concurrency == nil {
				t.Errorf("%s says nothing about runs at the same time", needed)
			}
		}
	})
}

// TestWorkflows_UseOneGoVersion: a release has the bytes that docker/Dockerfile makes.
func TestWorkflows_UseOneGoVersion(t *testing.T) {
	version := regexp.MustCompile(`(?m)^ARG GO_VERSION=(.+)$`).FindStringSubmatch(read(t, "docker/Dockerfile"))[1]
	inEach(t, func(t *testing.T, w *actionlint.Workflow, text string) {
		for _, action := range actions(w) {
			if strings.HasPrefix(action.Uses.Value, "actions/setup-go@") && !strings.Contains(text, "\n  GO_VERSION: \""+version+"\"\n") {
				t.Errorf("it does not build with Go %s, as docker/Dockerfile does", version)
			}
		}
	})
}

// TestDependabot_CoversEveryModule holds dependabot.yml against the modules there are.
func TestDependabot_CoversEveryModule(t *testing.T) {
	dependabot := read(t, ".github/dependabot.yml")
	for _, pattern := range []string{"go.mod", "*/go.mod", "*/*/go.mod"} {
		files, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, file := range files {
			directory, _ := filepath.Rel(root, filepath.Dir(file))
			if !strings.Contains(dependabot, "\n      - /"+strings.TrimPrefix(directory, ".")+"\n") {
				t.Errorf("dependabot.yml does not look at /%s", directory)
			}
		}
	}
}
