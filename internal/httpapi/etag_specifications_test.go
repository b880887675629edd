package httpapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestSpecifications_IncludeItems(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	empty, three := newSpec(ann), newSpec(ann, "a", "b", "c")
	if got := specOf(ann.Get(empty.path() + "?include=items").Want(200)).Items; got == nil || len(*got) != 0 {
		t.Errorf("an empty list is %v", got)
	}
	if three.Items != nil {
		t.Errorf("items without include: %v", *three.Items)
	}
	answer := ann.Get(three.path() + "?include=items").Want(200)
	got := specOf(answer)
	if diff := cmp.Diff(bulletsOf(ann, three), *got.Items); diff != "" {
		t.Errorf("items (-listed +included):\n%s", diff)
	}
	if got.Items = nil; got != three {
		t.Errorf("with items %+v, without %+v", got, three)
	}
	ann.Get(three.path()+"?include=items", "If-None-Match", answer.Header.Get("ETag")).Want(304)
	for _, query := range []string{"?include=", "?include=item", "?include=items,items", "?include=items&include=items", "?Include=items"} {
		ann.Get(three.path()+query).WantProblem(400, "invalid_parameter")
	}
}

func TestETag_Specifications(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	writes := map[string]func(*testkit.Client, spec, string) *testkit.Response{
		"PUT": func(c *testkit.Client, s spec, tag string) *testkit.Response {
			return c.Put(s.path(), map[string]any{"content": "new"}, "If-Match", tag)
		},
		"PATCH": func(c *testkit.Client, s spec, tag string) *testkit.Response {
			return c.Patch(s.path(), map[string]any{"content": "new"}, "If-Match", tag)
		},
		"DELETE": func(c *testkit.Client, s spec, tag string) *testkit.Response {
			return c.Delete(s.path(), "If-Match", tag)
		},
		"reorder": func(c *testkit.Client, s spec, tag string) *testkit.Response {
			list := itemIDs(bulletsOf(c, s))
			return c.Put(s.path()+"/items/reorder", map[string]any{"item_ids": []string{list[1], list[0]}}, "If-Match", tag)
		},
	}
	for method, write := range writes {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			old := newSpec(ann, "a", "b") // version 3
			for _, tag := range []string{`"2"`, `"4"`, `W/"2"`, `"03"`, `"3-0"`, `"3-x"`, `"x"`, `"1", "2", W/"4"`} {
				current := write(ann, old, tag).WantProblem(412, "precondition_failed").Current
				if current["id"] != old.ID || current["version"] != 3.0 || current["content"] != old.Content || current["item_count"] != 2.0 {
					t.Errorf("%s: the resource as it is now: %v", tag, current)
				}
			}
			if diff := cmp.Diff(old, reloadSpec(ann, old)); diff != "" {
				t.Errorf("after rejections (-before +after):\n%s", diff)
			}
			if a := write(ann, old, `"1" , "3"`); a.Status/100 != 2 {
				t.Errorf("the current tag of two: %d: %s", a.Status, a.Body)
			}
			if a := write(ann, newSpec(ann, "a", "b"), "*"); a.Status/100 != 2 {
				t.Errorf("any: %d: %s", a.Status, a.Body)
			}
		})
	}
}
