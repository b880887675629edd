package requirements

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// What AppendText writes, ParseRef reads; and it reads nothing else.
func TestRef_ParsedAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.IntRange(1, 999_999_999)
		want := Ref{number.Draw(t, "specification"), number.Draw(t, "item")}
		text, _ := want.AppendText(nil)
		if got, ok := ParseRef(string(text)); !ok || got != want {
			t.Fatalf("%s is %v, %t", text, got, ok)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("0129.,-+ x١\x00"))).Draw(t, "text")
		r, ok := ParseRef(text)
		if again, _ := r.AppendText(nil); ok && string(again) != text {
			t.Fatalf("%q is read as %s", text, again)
		}
	})
}

func TestRef_ParseRefsSortsAndBounds(t *testing.T) {
	t.Parallel()
	got, err := ParseRefs("3.2,1.10,1.9,3.2")
	if diff := cmp.Diff([]Ref{{1, 9}, {1, 10}, {3, 2}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"", ",", "1.1,", "1.1 ,1.2", strings.Repeat("1.1,", MaxRefs) + "1.1"} {
		if got, err := ParseRefs(text); problem.CodeOf(err) != problem.InvalidParameter {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
