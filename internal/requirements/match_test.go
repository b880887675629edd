package requirements

import (
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		match Precondition
		want  bool
	}{
		"no condition":                {Precondition{}, true},
		"any version":                 {Precondition{Given: true, Any: true}, true},
		"the version":                 {Precondition{Given: true, Versions: []int64{7}}, true},
		"the version among others":    {Precondition{Given: true, Versions: []int64{6, 7, 8}}, true},
		"another version":             {Precondition{Given: true, Versions: []int64{6}}, false},
		"no version at all":           {Precondition{Given: true}, false},
		"a version that is not asked": {Precondition{Versions: []int64{6}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.match.check(7, "the resource")
			if (err == nil) != tc.want {
				t.Fatalf("check = %v", err)
			}
			if f, ok := errors.AsType[*problem.Error](err); err != nil && (!ok || f.Code != problem.PreconditionFailed || f.Current != "the resource") {
				t.Errorf("check = %+v", err)
			}
		})
	}
}
