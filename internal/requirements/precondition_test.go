package requirements

import (
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestPrecondition_AcceptsOnlyNamedVersions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		condition Precondition
		want      bool
	}{
		"no condition":             {condition: Precondition{}, want: true},
		"any version":              {condition: Precondition{Given: true, Any: true}, want: true},
		"the version":              {condition: Precondition{Given: true, Versions: []int64{7}}, want: true},
		"the version among others": {condition: Precondition{Given: true, Versions: []int64{6, 7, 8}}, want: true},
		"another version":          {condition: Precondition{Given: true, Versions: []int64{6}}, want: false},
		"no version at all":        {condition: Precondition{Given: true}, want: false},
		"versions without Given":   {condition: Precondition{Versions: []int64{6}}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.condition.check(7, "the resource")
			if (err == nil) != tc.want {
				t.Fatalf("check = %v", err)
			}
			if f, ok := errors.AsType[*problem.Error](err); err != nil && (!ok || f.Code != problem.PreconditionFailed || f.Current != "the resource") {
				t.Errorf("check = %+v", err)
			}
		})
	}
}

// stale is a precondition that no version of the tests meets.
var stale = Precondition{Given: true, Versions: []int64{99}}

// wantCode fails the test unless err has the code; an empty code is no error.
func wantCode(t *testing.T, err error, want problem.Code) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	if got := problem.CodeOf(err); err == nil || got != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
