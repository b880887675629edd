package httpapi_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

var specOrders = []string{
	"number", "number desc", "created_at", "created_at desc", "updated_at", "updated_at desc", "title", "title desc",
}

// compareSpecs compares by the column of an order; ties are equal.
func compareSpecs(order string) func(a, b spec) int {
	column, descending := strings.CutSuffix(order, " desc")
	return func(a, b spec) int {
		if descending {
			a, b = b, a
		}
		switch column {
		case "number":
			return cmp.Compare(a.Number, b.Number)
		case "title":
			return strings.Compare(a.Title, b.Title) // by code point, as UTF-8 sorts
		case "created_at":
			return strings.Compare(a.CreatedAt, b.CreatedAt)
		default:
			return strings.Compare(a.UpdatedAt, b.UpdatedAt)
		}
	}
}

// specPage is one page of a list.
type specPage struct {
	Specifications []spec `json:"specifications"`
	NextPageToken  string `json:"next_page_token"`
}

// walkSpecs reads a list page by page and does something between pages.
func walkSpecs(t *testing.T, c *testkit.Client, h home, size int, order, trashed string, between func(last spec)) []spec {
	t.Helper()
	var all []spec
	query := url.Values{"page_size": {strconv.Itoa(size)}, "order_by": {order}, "trashed": {trashed}}
	for range 200 {
		var page specPage
		c.Get(h.specs() + "?" + query.Encode()).Want(200).Into(&page)
		all = append(all, page.Specifications...)
		switch n := len(page.Specifications); {
		case page.NextPageToken == "":
			return all
		case n != size:
			t.Fatalf("a page of %d has %d rows and a next one", size, n)
		}
		query.Set("page_token", page.NextPageToken)
		between(page.Specifications[size-1])
	}
	t.Fatal("the list does not end")
	return nil
}

func idsOfSpecs(list []spec) []string {
	all := make([]string, len(list))
	for n, s := range list {
		all[n] = s.ID
	}
	return all
}

// crowded is a project whose specifications have few titles and times.
func crowded(t *testing.T, s *testkit.Server, c *testkit.Client, n int) (home, []spec) {
	t.Helper()
	h := newHome(c)
	titles := []string{"same", "same", "Same", "sam", "same same", "ä", "a\u0308", "🧾", "\uffff", strings.Repeat("🧾", 200)}
	for k := range n {
		c.Post(h.specs(), said{titles[k%len(titles)], "x"}.body()).Want(201)
	}
	super := superuser(t, s)
	run(t, super, `UPDATE specifications SET created_at = timestamptz '2026-01-01 00:00:00.123456Z' + number % 3 * interval '1 microsecond' WHERE project_id = $1`, h.ID)
	run(t, super, `UPDATE specifications SET updated_at = created_at + number % 2 * interval '1 microsecond' WHERE project_id = $1`, h.ID)
	all := walkSpecs(t, c, h, 100, "number", "false", nil)
	if len(all) != n {
		t.Fatalf("%d of %d are listed", len(all), n)
	}
	return h, all
}

func TestEveryOrderOfSpecificationsIsKeptOverPagesOfAnySize(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h, all := crowded(t, s, ann, 23)
	var first specPage
	ann.Get(h.specs()).Want(200).Into(&first)
	if !slices.Equal(idsOfSpecs(first.Specifications), idsOfSpecs(all)) || first.NextPageToken != "" {
		t.Error("without parameters the list is not one page by number")
	}
	for _, order := range specOrders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			ann := ann.For(t)
			whole := walkSpecs(t, ann, h, 100, order, "false", nil)
			if !slices.IsSortedFunc(whole, compareSpecs(order)) {
				t.Errorf("not in order: %v", idsOfSpecs(whole))
			}
			ids := idsOfSpecs(whole)
			if sorted := slices.Sorted(slices.Values(ids)); !slices.Equal(sorted, slices.Sorted(slices.Values(idsOfSpecs(all)))) {
				t.Errorf("%d rows, want each of %d once", len(ids), len(all))
			}
			for size := 1; size <= 7; size++ {
				if got := idsOfSpecs(walkSpecs(t, ann, h, size, order, "false", func(spec) {})); !slices.Equal(got, ids) {
					t.Errorf("in pages of %d: %v, want %v", size, got, ids)
				}
			}
		})
	}
}

// While a walk goes on, others come, go to the trash and come back from it. What
// was there all along is seen once, in its place.
func TestAWalkOverSpecificationsNeitherSkipsNorRepeatsWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for _, order := range specOrders {
		for size := 1; size <= 7; size++ {
			t.Run(fmt.Sprintf("by %s in pages of %d", order, size), func(t *testing.T) {
				t.Parallel()
				ann := s.SignUp(t)
				h, all := crowded(t, s, ann, 16)
				stay, coming := map[string]bool{}, map[string]bool{}
				for k, row := range all {
					if k%2 == 0 {
						stay[row.ID] = true
					} else {
						coming[row.ID] = k%4 == 1
					}
				}
				others := slices.Sorted(maps.Keys(coming))
				for _, id := range others {
					if !coming[id] {
						ann.Delete(spec{ID: id}.path()).Want(204)
					}
				}
				turn := 0
				got := walkSpecs(t, ann, h, size, order, "false", func(last spec) {
					turn++
					if turn > 20 {
						return // else new ones come before the end for ever
					}
					ann.Post(h.specs(), said{[]string{"same", "", "zzz"}[turn%3], "x"}.body()).Want(201)
					if here, other := coming[last.ID]; here && other { // the row that the token was made of
						ann.Delete(last.path()).Want(204)
						coming[last.ID] = false
					}
					id := others[turn%len(others)]
					if coming[id] {
						ann.Delete(spec{ID: id}.path()).Want(204)
					} else {
						ann.Post(spec{ID: id}.path()+"/restore", nil).Want(200)
					}
					coming[id] = !coming[id]
				})
				wantEachOnce(t, stay, order, got)
			})
		}
	}
}

// wantEachOnce fails unless the rows that stayed are each seen once, and in
// order.
func wantEachOnce(t *testing.T, stay map[string]bool, order string, got []spec) {
	t.Helper()
	times := map[string]int{}
	var stayed []spec
	for _, row := range got {
		times[row.ID]++
		if stay[row.ID] {
			stayed = append(stayed, row)
		}
	}
	for id := range stay {
		if times[id] != 1 {
			t.Errorf("%s was there all along and is seen %d times", id, times[id])
		}
	}
	if !slices.IsSortedFunc(stayed, compareSpecs(order)) {
		t.Errorf("not in order: %v", stayed)
	}
}

func TestAWalkOverTheTrashOfAProjectNeitherSkipsNorRepeats(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for _, order := range specOrders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			h, all := crowded(t, s, ann, 14)
			stay := map[string]bool{}
			for k, row := range all {
				if k >= 4 {
					ann.Delete(row.path()).Want(204)
					stay[row.ID] = k%2 == 0
				}
			}
			turn := 0
			got := walkSpecs(t, ann, h, 2, order, "true", func(last spec) {
				if turn++; turn > 4 {
					return
				}
				ann.Delete(all[turn-1].path()).Want(204)
				if here, dead := stay[last.ID]; dead && !here {
					ann.Post(last.path()+"/restore", nil).Want(200)
				}
			})
			for id, here := range stay {
				if !here {
					delete(stay, id)
				}
			}
			wantEachOnce(t, stay, order, got)
			for _, row := range got {
				if row.DeletedAt == nil {
					t.Errorf("%s is listed as trash and is live", row.ID)
				}
			}
		})
	}
}

func TestATokenOfOneListIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	h, other := newHome(ann), newHome(ann)
	bobs := newHome(bob)
	for _, n := range []string{"a", "b", "c"} {
		h.add(ann, n)
		other.add(ann, n)
		bobs.add(bob, n)
	}
	var page specPage
	ann.Get(h.specs() + "?page_size=1").Want(200).Into(&page)
	query := "?page_size=1&page_token=" + page.NextPageToken
	ann.Get(h.specs() + query).Want(200)
	ann.Get(h.specs() + "?page_size=100&page_token=" + page.NextPageToken).Want(200) // the size may change
	for name, answer := range map[string]*testkit.Answer{
		"another project":      ann.Get(other.specs() + query),
		"somebody else's":      bob.Get(bobs.specs() + query),
		"the list of projects": ann.Get("/api/v1/projects" + query),
		"another order":        ann.Get(h.specs() + query + "&order_by=title"),
		"the other direction":  ann.Get(h.specs() + query + "&order_by=number+desc"),
		"the trash":            ann.Get(h.specs() + query + "&trashed=true"),
		"one letter altered":   ann.Get(h.specs() + query[:len(query)-2] + "__"),
	} {
		if answer.Status != 400 || !strings.Contains(string(answer.Body), `"invalid_page_token"`) {
			t.Errorf("%s: answered %d: %s", name, answer.Status, answer.Body)
		}
	}
}
