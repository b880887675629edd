package httpapi_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// seenState is what a caller read at one revision: by path, status and body.
type seenState map[string]string

// randomHistory changes one project at random, and notes what it reads after each change.
type randomHistory struct {
	t       *testing.T
	c       *testkit.Client
	random  *rand.Rand
	project string
	trashed bool
	// specs are all specifications that ever were, items the ids of all items.
	specs, items []string
	revision     int
	states       map[int]seenState
	// versions has what was read of each version, by path.
	versions map[string]string
}

func newRandomHistory(t *testing.T, c *testkit.Client, seed uint64) *randomHistory {
	t.Helper()
	h := &randomHistory{t: t, c: c, random: rand.New(rand.NewPCG(seed, 7)), states: map[int]seenState{}, versions: map[string]string{}}
	h.project = "/api/v1/projects/" + newSpecProject(c).ID
	h.revision = 1
	h.states[1] = h.read()
	return h
}

// read reads everything of the project.
func (h *randomHistory) read() seenState {
	seen := seenState{}
	note := func(path string) *testkit.Response {
		got := h.c.Get(path)
		seen[path] = fmt.Sprint(got.Status, " ", got.Header.Get("ETag"), " ", string(got.Body))
		if got.Status != 200 {
			seen[path] = fmt.Sprint(got.Status)
		}
		return got
	}
	note(h.project + "/specs?page_size=100")
	for _, spec := range h.specs {
		got := note("/api/v1/specs/" + spec + "?include=items")
		if got.Status == 200 {
			h.versions[fmt.Sprintf("/api/v1/specs/%s?include=items&at=v%d", spec, specOf(got).Version)] = seen["/api/v1/specs/"+spec+"?include=items"]
		}
	}
	return seen
}

// present returns the newest revision. The project may be in the trash.
func (h *randomHistory) present() int {
	var page struct {
		Projects []struct {
			ID       string `json:"id"`
			Revision int    `json:"revision"`
		} `json:"projects"`
	}
	h.c.Get(fmt.Sprintf("/api/v1/projects?page_size=100&trashed=%t", h.trashed)).Want(200).Decode(&page)
	for _, p := range page.Projects {
		if strings.HasSuffix(h.project, p.ID) {
			return p.Revision
		}
	}
	h.t.Fatalf("the project is not listed")
	return 0
}

// step sends one random request, and notes the state behind it.
func (h *randomHistory) step() {
	h.change()
	now, before := h.present(), h.states[h.revision]
	state := h.read()
	switch {
	case now == h.revision:
		for path, was := range before {
			if state[path] != was {
				h.t.Fatalf("%s changed without a revision:\n%s\n%s", path, was, state[path])
			}
		}
	case now != h.revision+1:
		h.t.Fatalf("one request made the revisions %d to %d", h.revision+1, now)
	default:
		h.revision, h.states[now] = now, state
	}
}

func (h *randomHistory) pick(list []string) string {
	if len(list) == 0 {
		return "00000000-0000-7000-8000-000000000000"
	}
	return list[h.random.IntN(len(list))]
}

func (h *randomHistory) text() string {
	return []string{"a", "b\nc", "Ünïcödé 👩‍👩‍👧", "# d\n\n- e", strings.Repeat("long ", 50)}[h.random.IntN(5)]
}

// change sends one random request. It may be refused.
func (h *randomHistory) change() {
	spec, item := "/api/v1/specs/"+h.pick(h.specs), "/api/v1/items/"+h.pick(h.items)
	kind := h.random.IntN(22)
	switch {
	case h.trashed:
		h.trashed = h.c.Post(h.project+"/restore", nil).Status != 200
	case len(h.specs) == 0 || kind == 0 && len(h.specs) < 3:
		if made := h.c.Post(h.project+"/specs", map[string]any{"content": h.text()}); made.Status == 201 {
			h.specs = append(h.specs, specOf(made).ID)
		}
	case kind <= 4:
		body := map[string]any{"content": h.text()}
		if h.random.IntN(2) == 0 {
			body["order"] = h.random.IntN(4)
		}
		if made := h.c.Post(spec+"/items", body); made.Status == 201 {
			h.items = append(h.items, bulletOf(made).ID)
		}
	case kind <= 6:
		h.c.Patch(item, map[string]any{"content": h.text()})
	case kind == 7:
		h.c.Patch(item, map[string]any{"order": h.random.IntN(5)})
	case kind == 8:
		h.c.Patch(item, map[string]any{"content": h.text(), "order": h.random.IntN(5)})
	case kind == 9:
		h.c.Delete(item)
	case kind == 10:
		h.c.Post(item+"/restore", nil)
	case kind == 11:
		h.c.Patch(spec, map[string]any{"content": h.text()})
	case kind == 12:
		h.c.Patch(spec, map[string]any{"title": h.text()[:1]})
	case kind == 13:
		h.reorder(spec)
	case kind == 14:
		h.c.Delete(spec)
	case kind == 15:
		h.c.Post(spec+"/restore", nil)
	case kind == 16:
		h.c.Post(spec+"/restore", map[string]any{"to": fmt.Sprintf("v%d", 1+h.random.IntN(8))})
	case kind == 17:
		h.c.Post(spec+"/restore", map[string]any{"undo": fmt.Sprintf("r%d", 1+h.random.IntN(h.revision))})
	case kind == 18:
		h.restoreProject()
	case kind == 19:
		h.c.Post(item+"/move", map[string]any{"specification_id": h.pick(h.specs)})
	case kind == 20:
		h.replaceList(spec)
	default:
		h.trashed = h.random.IntN(3) == 0 && h.c.Delete(h.project).Status == 204
	}
}

// replaceList leaves an item out, changes another, and adds one.
func (h *randomHistory) replaceList(spec string) {
	got := h.c.Get(spec + "/items")
	if got.Status != 200 {
		return
	}
	wanted := []map[string]any{{"content": h.text()}}
	for n, id := range itemIDs(bulletList(got)) {
		if n != 1 {
			wanted = append(wanted, map[string]any{"id": id, "content": h.text()})
		}
	}
	if made := h.c.Put(spec+"/items", map[string]any{"items": wanted}); made.Status == 200 {
		h.items = append(h.items, bulletList(made)[0].ID)
	}
}

func (h *randomHistory) restoreProject() {
	target := fmt.Sprintf("r%d", 1+h.random.IntN(h.revision))
	if h.random.IntN(2) == 0 {
		h.c.Post(h.project+"/restore", map[string]any{"undo": target})
	} else {
		h.c.Post(h.project+"/restore", map[string]any{"to": target})
	}
}

func (h *randomHistory) reorder(spec string) {
	got := h.c.Get(spec + "/items")
	if got.Status != 200 {
		return
	}
	ids := itemIDs(bulletList(got))
	h.random.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	h.c.Put(spec+"/items/reorder", map[string]any{"item_ids": ids})
}

// check reads every state again, by revision and by version.
func (h *randomHistory) check() (compared int) {
	again := func(path, want string) {
		compared++
		got := h.c.Get(path)
		text := fmt.Sprint(got.Status)
		if got.Status == 200 {
			text = fmt.Sprint(got.Status, " ", got.Header.Get("ETag"), " ", string(got.Body))
		}
		if text != want {
			h.t.Fatalf("%s\n was %s\n  is %s", path, want, text)
		}
	}
	for revision, state := range h.states {
		for path, want := range state {
			again(fmt.Sprintf("%s&at=r%d", path, revision), want)
		}
		for _, spec := range h.specs { // those that came later
			if path := "/api/v1/specs/" + spec + "?include=items"; state[path] == "" {
				again(fmt.Sprintf("%s&at=r%d", path, revision), "404")
			}
		}
	}
	for path, want := range h.versions {
		again(path, want)
	}
	return compared
}

// What a caller read at a revision or a version is what at= reads later, byte for byte,
// for random histories. A request that changes something is one revision, and every other
// request makes no revision. Several users make histories at the same time.
func TestHistory_AtReadsWhatWasReadThen(t *testing.T) {
	t.Parallel()
	const users = 3
	server := testkit.Start(t)
	var mu sync.Mutex
	histories, compared, kinds := 0, 0, map[string]bool{}
	t.Run("histories", func(t *testing.T) {
		for n := range users {
			t.Run(fmt.Sprint("user ", n), func(t *testing.T) {
				t.Parallel()
				for seed := n; seed < testkit.Repetitions(6, 1000); seed += users {
					reads, changes := compareHistory(t, server.SignUp(t).WithRetry(), uint64(seed))
					mu.Lock()
					histories, compared = histories+1, compared+reads
					for _, kind := range changes {
						kinds[kind] = true
					}
					if histories%100 == 0 {
						t.Logf("%d histories, %d reads compared", histories, compared)
					}
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d histories, %d reads compared, kinds %v", histories, compared, slices.Sorted(maps.Keys(kinds)))
	if len(kinds) < 12 {
		t.Errorf("the histories have only %d kinds of changes", len(kinds))
	}
}

// compareHistory makes one random history, reads all its states again, and returns how many
// reads it compared, and the kinds of the changes.
func compareHistory(t *testing.T, c *testkit.Client, seed uint64) (compared int, kinds []string) {
	t.Helper()
	h := newRandomHistory(t, c.WithT(t), seed)
	for range 80 {
		h.step()
	}
	if h.trashed {
		h.change()
	}
	compared = h.check()
	var page struct{ Changes []struct{ Kind string } }
	c.Get(h.project + "/changes?page_size=100").Want(200).Decode(&page)
	for _, change := range page.Changes {
		kinds = append(kinds, change.Kind)
	}
	return compared, kinds
}
