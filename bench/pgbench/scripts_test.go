package pgbench

import (
	"regexp"
	"strings"
	"testing"
)

var names = []string{"read", "list", "items", "create-item", "create-specification", "update", "update-item", "reorder"}

func TestScript_SetsTheTenantScope(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		for _, scoped := range []bool{false, true} {
			script, err := Script(name, scoped)
			if err != nil {
				t.Fatal(err)
			}
			checks := strings.Contains(script, "FROM   sessions") || strings.Contains(script, "_item(") || strings.Contains(script, "_specification(")
			if scoped && !checks {
				t.Errorf("%s: it does not check the session:\n%s", name, script)
			}
			if left := regexp.MustCompile(`(?m)(^-- .*|:(owner|spec|spare|item|new|session|project)\b)`).FindString(script); left != "" {
				t.Errorf("%s, scoped %t: %q is left", name, scoped, left)
			}
			if strings.Count(script, `\startpipeline`) != strings.Count(script, `\endpipeline`) {
				t.Errorf("%s, scoped %t: a pipeline does not end:\n%s", name, scoped, script)
			}
		}
	}
	if script, err := Script("nonsense", true); err == nil {
		t.Errorf("there is a script for nonsense: %s", script)
	}
}
