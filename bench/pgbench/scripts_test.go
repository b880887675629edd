package pgbench

import (
	"regexp"
	"strings"
	"testing"
)

var names = []string{"read", "list", "items", "create-item", "create-specification", "update", "reorder"}

func TestEveryScriptIsConfinedWhereItShallBe(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		for _, confined := range []bool{false, true} {
			script, err := Script(name, confined)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(script, "live_session("); got != confined {
				t.Errorf("%s, confined %t: it asks for the session: %t", name, confined, got)
			}
			if left := regexp.MustCompile(`(?m)(^-- .*|:(owner|spec|spare|new|session|project)\b)`).FindString(script); left != "" {
				t.Errorf("%s, confined %t: %q is left", name, confined, left)
			}
			if strings.Count(script, `\startpipeline`) != strings.Count(script, `\endpipeline`) {
				t.Errorf("%s, confined %t: a flight does not end:\n%s", name, confined, script)
			}
		}
	}
	if script, err := Script("nonsense", true); err == nil {
		t.Errorf("there is a script for nonsense: %s", script)
	}
}
