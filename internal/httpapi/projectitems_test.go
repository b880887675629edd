package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func (h specProject) items() string { return h.path() + "/items" }

// addWith adds a specification with items.
func (h specProject) addWith(c *testkit.Client, items ...string) spec {
	list := make([]listed, len(items))
	for n, content := range items {
		list[n].Content = content
	}
	return specOf(c.Post(h.specs(), map[string]any{"content": "x", "items": list}).Want(201))
}

// pageOfRefs reads the references of the items on a page, and the token of the next one.
func pageOfRefs(a *testkit.Response) (refs []string, next string) {
	var page struct {
		Items []struct{ Ref string }
		Next  string `json:"next_page_token"`
	}
	a.Decode(&page)
	for _, item := range page.Items {
		refs = append(refs, item.Ref)
	}
	return refs, page.Next
}

// refsIn reads a list of a project's items to its end, in pages of some size. It calls
// between after each page.
func refsIn(t *testing.T, c *testkit.Client, path, ref string, size int, between func()) (refs []string) {
	t.Helper()
	query := url.Values{"page_size": {fmt.Sprint(size)}}
	if ref != "" {
		query.Set("ref", ref)
	}
	for range 200 {
		page, next := pageOfRefs(c.Get(path + "?" + query.Encode()).Want(200))
		refs = append(refs, page...)
		if next == "" {
			return refs
		}
		if len(page) != size {
			t.Fatalf("a page of %d has %d items and a next one", size, len(page))
		}
		query.Set("page_token", next)
		if between != nil {
			between()
		}
	}
	t.Fatal("the list does not end")
	return nil
}

// The list has the items of all live specifications in reading order, whatever the size of
// its pages, and each is what a read of the item returns.
func TestProjectItems_ReadingOrder(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	h := newSpecProject(ann)
	first, _, third := h.addWith(ann, "a", "b", "c"), h.addWith(ann), h.addWith(ann, "d", "e")
	trashed := h.addWith(ann, "f")
	ann.Delete(trashed.path()).Want(204)
	moved := bulletsOf(ann, first)[2]
	ann.Patch(moved.path(), `{"order": 0}`).Want(200)
	ann.Delete(bulletsOf(ann, third)[0].path()).Want(204)
	newBullet(ann, third, "g")
	newSpecProject(ann).addWith(ann, "of another project")

	want := []string{"1.3", "1.1", "1.2", "3.2", "3.3"}
	for size := 1; size < 7; size++ {
		if diff := cmp.Diff(want, refsIn(t, ann, h.items(), "", size, nil)); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
		}
	}
	answer := ann.Get(h.items()).Want(200)
	for _, item := range bulletList(answer) {
		if read := bulletOf(ann.Get(item.path()).Want(200)); read != item {
			t.Errorf("listed %+v, read %+v", item, read)
		}
	}
	ann.Delete(h.path()).Want(204)
	ann.Get(h.items()).WantProblem(404, "project_not_found")
}

func TestProjectItems_SelectedByRef(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	h.addWith(ann, "a", "b", "c")
	second := h.addWith(ann, "d", "e")
	ann.Put(second.items()+"/reorder", map[string]any{"item_ids": []string{bulletsOf(ann, second)[1].ID, bulletsOf(ann, second)[0].ID}}).Want(200)
	trashed := h.addWith(ann, "f")
	ann.Delete(trashed.path()).Want(204)
	for ref, want := range map[string]string{
		"1.2":                              "1.2",
		"2.1,1.3,2.2,1.3,1.1":              "1.1 1.3 2.2 2.1",
		"1.9,9.1,3.1,2.1":                  "2.1",
		"999999999.999999999":              "",
		strings.Repeat("1.1,", 99) + "2.2": "1.1 2.2",
	} {
		for _, size := range []int{1, 2, 100} {
			if got := strings.Join(refsIn(t, ann, h.items(), ref, size, nil), " "); got != want {
				t.Errorf("%s in pages of %d: %s, want %s", ref, size, got, want)
			}
		}
	}
	for _, ref := range []string{"1", "1.", ".1", "1.0", "0.1", "01.1", "1.1,", ",1.1", "1.1, 1.2", "1.1.1", "-1.1", "1.1234567890", "x", "١.1", strings.Repeat("1.1,", 100) + "1.1"} {
		p := ann.Get(h.items()+"?ref="+url.QueryEscape(ref)).WantProblem(400, "invalid_parameter")
		if !strings.Contains(p.Detail, "parameter ref ") {
			t.Errorf("%q: %s", ref, p.Detail)
		}
	}
	ann.Get(h.items()+"?ref=").WantProblem(400, "invalid_parameter")
}

// A page token belongs to its list, filter and user.
func TestProjectItems_TokenIsBoundToFilterAndUser(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben := s.SignUp(t), s.SignUp(t)
	h, other := newSpecProject(ann), newSpecProject(ben)
	h.addWith(ann, "a", "b")
	other.addWith(ben, "a", "b")
	token := "?page_size=1&page_token=" + url.QueryEscape(ann.Get(h.items() + "?page_size=1").Want(200).JSON()["next_page_token"].(string))
	ann.Get(h.items() + token).Want(200)
	ann.Get(h.items()+token+"&ref=1.1").WantProblem(400, "invalid_page_token")
	ann.Get(h.specs()+token).WantProblem(400, "invalid_page_token")
	ben.Get(other.items()+token).WantProblem(400, "invalid_page_token")
	ben.Get(h.items() + token).Want(400)
	ben.Get(h.items()).WantProblem(404, "project_not_found")
}

// Items that come and go between two pages change nothing for the others, also if the last
// item of a page is gone.
func TestProjectItems_WalkSkipsAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for _, size := range []int{1, 2, 3} {
		h := newSpecProject(ann)
		specs := []spec{h.addWith(ann, "a", "b", "c", "d", "e"), h.addWith(ann, "f", "g", "h")}
		turn, gone := 0, []string{}
		got := refsIn(t, ann, h.items(), "", size, func() {
			turn++
			switch turn {
			case 1: // before and behind the end of the page
				ann.Post(specs[0].items(), `{"content": "first", "order": 0}`).Want(201)
				newBullet(ann, specs[1], "last")
			case 2: // the end of the page, whose place another item has now
				all := refsIn(t, ann, h.items(), "", 100, nil)
				last := all[slices.Index(all, "1.1")+2*size-1]
				gone = append(gone, last)
				ann.Delete("/api/v1/items/" + ann.Get(h.items() + "?ref=" + last).Want(200).JSON()["items"].([]any)[0].(map[string]any)["id"].(string)).Want(204)
			}
		})
		want := []string{"1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3", "2.4"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d, without %v (-want +got):\n%s", size, gone, diff)
		}
	}
}

// 180 of the largest items: a page is bounded by its rows, and about 4 MiB.
func TestProjectItems_LargestItems(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	var want []string
	large := strings.Repeat("😀", 10_000)
	for number := range 3 {
		made := h.addWith(ann)
		for n := range 60 {
			newBullet(ann, made, large)
			want = append(want, fmt.Sprintf("%d.%d", number+1, n+1))
		}
	}
	var got []string
	pages, token := 0, ""
	for ; pages == 0 || token != ""; pages++ {
		answer := ann.Get(h.items() + "?page_size=100&page_token=" + url.QueryEscape(token)).Want(200)
		if size := len(answer.Body); size > 4<<20+64<<10 {
			t.Errorf("page %d has %d bytes", pages, size)
		}
		var refs []string
		refs, token = pageOfRefs(answer)
		got = append(got, refs...)
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 2 {
		t.Errorf("%d pages (-want +got):\n%s", pages, diff)
	}
}
