package races

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// resource is a resource with the field that a race writes.
type resource struct{ path, field string }

// oneOfEach creates one of each kind of resource. The project is apart: writes of what it
// holds change its revision.
func oneOfEach(c *testkit.Client) map[string]resource {
	s := newSpec(c, "x")
	return map[string]resource{
		"a project":       {project{ID: newSpec(c).ProjectID}.path(), "title"},
		"a specification": {newSpec(c).path(), "content"},
		"an item":         {itemsOf(c, s)[0].path(), "content"},
	}
}

// ConcurrentWritersOneWins sends two writes with one tag to two servers, repeatedly: one
// succeeds, and the other gets 412 with the current resource.
func ConcurrentWritersOneWins(t *testing.T, c Clients, rounds int) {
	t.Helper()
	for name, it := range oneOfEach(c[0]) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c.WithT(t)
			tag := c[0].Get(it.path).Want(200).Header.Get("ETag")
			for round := range rounds {
				method := []string{http.MethodPut, http.MethodPatch}[round%2]
				answers := SendConcurrently(t, 2, func(k int) *testkit.Response {
					return c.At(round+k).Do(method, it.path, map[string]any{it.field: fmt.Sprint(round, " by ", k)}, "If-Match", tag)
				})
				won := slices.IndexFunc(answers, func(a *testkit.Response) bool { return a.Status == 200 })
				if won < 0 || Code(answers[1-won]) != "412 precondition_failed" {
					t.Fatalf("round %d: %v", round, CountByCode(answers))
				}
				now := c.At(round + 2 - won).Get(it.path).Want(200)
				if !bytes.Equal(now.Body, answers[won].Body) || now.JSON()[it.field] != fmt.Sprint(round, " by ", won) {
					t.Fatalf("round %d: wrote %s, then read %s", round, answers[won].Body, now.Body)
				}
				current := answers[1-won].WantProblem(412, "precondition_failed").Current
				if diff := cmp.Diff(answers[won].JSON(), current); diff != "" {
					t.Fatalf("round %d: current (-winner +in the 412):\n%s", round, diff)
				}
				tag = answers[won].Header.Get("ETag")
			}
		})
	}
}

// ReadsSeeWrites writes at one server and then reads at another, repeatedly: no read
// returns the old body, or a 304 for it.
func ReadsSeeWrites(t *testing.T, c Clients, rounds int) {
	t.Helper()
	parent := newSpec(c[0], "x")
	home, one := project{ID: parent.ProjectID}, itemsOf(c[0], parent)[0]
	for round := range rounds {
		writer, reader, text := c.At(round), c.At(round+1), fmt.Sprint("round ", round)
		read := func(path string, old *testkit.Response) *testkit.Response {
			t.Helper()
			return reader.Get(path, "If-None-Match", old.Header.Get("ETag")).Want(200)
		}
		oldSpec, oldList := reader.Get(parent.path()).Want(200), reader.Get(parent.items()).Want(200)
		written := writer.Patch(one.path(), map[string]any{"content": text}).Want(200)
		if got := reader.Get(one.path()).Want(200); !bytes.Equal(got.Body, written.Body) {
			t.Fatalf("the item is still %s", got.Body)
		}
		if got := itemsIn(read(parent.items(), oldList)); got[0].Content != text {
			t.Fatalf("the list still has %+v", got)
		}
		oldSpec = read(parent.path(), oldSpec)

		written = writer.Patch(parent.path(), map[string]any{"content": text}).Want(200)
		if got := read(parent.path(), oldSpec); !bytes.Equal(got.Body, written.Body) {
			t.Fatalf("the specification is still %s", got.Body)
		}
		oldHome := reader.Get(home.path()).Want(200)
		written = writer.Patch(home.path(), map[string]any{"title": text}).Want(200)
		if got := read(home.path(), oldHome); !bytes.Equal(got.Body, written.Body) {
			t.Fatalf("the project is still %s", got.Body)
		}
		var page struct{ Projects []project }
		reader.Get("/api/v1/projects?page_size=1&order_by=updated_at+desc").Want(200).Decode(&page)
		if page.Projects[0].Title != text {
			t.Fatalf("the list of projects still has %+v", page.Projects)
		}
	}
}
