package outline

import (
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/fault"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		match Match
		want  bool
	}{
		"no condition":                {Match{}, true},
		"any version":                 {Match{Asked: true, Any: true}, true},
		"the version":                 {Match{Asked: true, Versions: []int64{7}}, true},
		"the version among others":    {Match{Asked: true, Versions: []int64{6, 7, 8}}, true},
		"another version":             {Match{Asked: true, Versions: []int64{6}}, false},
		"no version at all":           {Match{Asked: true}, false},
		"a version that is not asked": {Match{Versions: []int64{6}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.match.check(7, "the resource")
			if (err == nil) != tc.want {
				t.Fatalf("check = %v", err)
			}
			if f, ok := errors.AsType[*fault.Error](err); err != nil && (!ok || f.Code != fault.PreconditionFailed || f.Current != "the resource") {
				t.Errorf("check = %+v", err)
			}
		})
	}
}
