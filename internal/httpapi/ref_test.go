package httpapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

var refs = regexp.MustCompile(`"ref":"([^"]*)"`)

// Every response that shows an item has its reference: the number of the specification and
// that of the item.
func TestRef_EveryResponseHasIt(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	home := newSpecProject(ann)
	home.add(ann, "first")
	ann.Delete(home.add(ann, "second").path()).Want(204)
	third := specOf(ann.Post(home.specs(), `{"content": "x", "items": [{"content": "a"}, {"content": "b"}]}`).Want(201))
	first := bulletsOf(ann, third)[0]
	ann.Delete(first.path()).Want(204)
	b := bulletsOf(ann, third)[0]
	ids := func() []string { return itemIDs(bulletsOf(ann, third)) }
	for _, step := range []struct {
		name   string
		answer *testkit.Response
		want   []string
	}{
		{"create", ann.Post(third.items(), `{"content": "c"}`, keyHeader, "k").Want(201), []string{"3.3"}},
		{"replay", ann.Post(third.items(), `{"content": "c"}`, keyHeader, "k").Want(201), []string{"3.3"}},
		{"get", ann.Get(b.path()).Want(200), []string{"3.2"}},
		{"patch", ann.Patch(b.path(), `{"content": "B", "order": 1}`).Want(200), []string{"3.2"}},
		{"put", ann.Put(b.path(), `{"content": "b", "order": 0}`).Want(200), []string{"3.2"}},
		{"list", ann.Get(third.items()).Want(200), []string{"3.2", "3.3"}},
		{"include", ann.Get(third.path() + "?include=items").Want(200), []string{"3.2", "3.3"}},
		{"reorder", reorder(ann, third, []string{ids()[1], ids()[0]}).Want(200), []string{"3.3", "3.2"}},
		{"replace", replaceItems(ann, third, []listed{{Content: "d"}, {b.ID, "b"}}).Want(200), []string{"3.4", "3.2"}},
		{"412", ann.Patch(b.path(), `{}`, "If-Match", `"99"`).Want(412), []string{"3.2"}},
		{"409", reorder(ann, third, []string{}).Want(409), []string{"3.4", "3.2"}},
		{"export", ann.Get("/api/v1/users/me/export").Want(200), []string{"3.4", "3.2"}},
	} {
		var got []string
		for _, found := range refs.FindAllStringSubmatch(string(step.answer.Body), -1) {
			got = append(got, found[1])
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%s has the references %v, want %v: %s", step.name, got, step.want, fmt.Sprintf("%.300s", step.answer.Body))
		}
	}
}
