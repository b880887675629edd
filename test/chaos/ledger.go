package main

import (
	"context"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// ledger is what a caller was told that has happened.
type ledger struct {
	mu      sync.Mutex
	specs   map[string]*kept
	project string
	// spec is the one that the caller works on.
	spec *kept
	made int
}

// kept is a specification with the items that were acknowledged, by their number.
type kept struct {
	id    string
	items map[int]*entry
	// unsure are items that were asked for, but nobody was told whether they were
	// made.
	unsure map[int]bool
}

// entry is an item. What it shows is the last value that was acknowledged, or one
// that was asked for later without an answer.
type entry struct {
	id     string
	value  int
	maybe  map[int]bool
	fading bool // its deletion was asked for without an answer
}

func (c *caller) newSpec(ctx context.Context) {
	if c.project == "" {
		if c.project = c.create(ctx, "/api/v1/projects", `{"title":"`+c.name+`"}`); c.project == "" {
			return
		}
	}
	if id := c.create(ctx, "/api/v1/projects/"+c.project+"/specs", `{"title":"`+c.name+`","content":"`+c.name+`"}`); id != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.spec = &kept{id: id, items: map[int]*entry{}, unsure: map[int]bool{}}
		c.specs[id] = c.spec
	}
}

func (c *caller) addItem(ctx context.Context) {
	c.made++
	number := c.made
	id := c.create(ctx, "/api/v1/specs/"+c.spec.id+"/items", `{"content":"`+c.content(number, 0)+`"}`)
	if id == "" {
		c.spec.unsure[number] = true
		return
	}
	c.spec.items[number] = &entry{id: id, maybe: map[int]bool{}}
}

// anItem is any item that is there for sure.
func (c *caller) anItem() (int, *entry) {
	for number, e := range c.spec.items {
		if !e.fading {
			return number, e
		}
	}
	return 0, nil
}

func (c *caller) changeItem(ctx context.Context) {
	number, e := c.anItem()
	if e == nil {
		return
	}
	c.made++ // values are never used twice
	value := c.made
	g := c.any(ctx, http.MethodPatch, "/api/v1/items/"+e.id, `{"content":"`+c.content(number, value)+`"}`, "")
	switch {
	case g.status == http.StatusOK:
		c.tally.writes.Add(1)
		e.value, e.maybe = value, map[int]bool{}
	case g.known():
		c.missing(g, e.id)
	default:
		e.maybe[value] = true
	}
}

func (c *caller) deleteItem(ctx context.Context) {
	number, e := c.anItem()
	if e == nil {
		return
	}
	g := c.any(ctx, http.MethodDelete, "/api/v1/items/"+e.id, "", "")
	switch {
	case g.status == http.StatusNoContent:
		c.tally.writes.Add(1)
		delete(c.spec.items, number)
	case g.known():
		c.missing(g, e.id)
	default:
		e.fading = true
	}
}

// missing notes that something that was acknowledged is not there any more, or any
// other answer that should not have come.
func (c *caller) missing(g got, id string) {
	if g.status == http.StatusNotFound {
		c.tally.note(&c.tally.lost, "%s: item %s is gone", c.name, id)
		return
	}
	c.tally.strange("%s: item %s is answered %d %s", c.name, id, g.status, g.body)
}

// shown is a specification as it is read.
type shown struct {
	Items []struct {
		ID      string `json:"id"`
		Content string `json:"content"`
	} `json:"items"`
}

var form = regexp.MustCompile(`^(caller-[a-z]+) item (\d+) value (\d+)$`)

// look reads the specification, and holds it against the ledger.
func (c *caller) look(ctx context.Context) {
	c.tally.reads.Add(1)
	g := c.any(ctx, http.MethodGet, "/api/v1/specs/"+c.spec.id+"?include=items", "", "")
	if g.status == http.StatusOK {
		c.checkOwner(g.body)
		c.compare(c.spec, g.body, false)
	} else if g.known() {
		c.tally.strange("%s: GET is answered %d %s", c.name, g.status, g.body)
	}
}

// compare holds what is read against what was acknowledged. At the end, when all
// faults are over, what is missing is lost; before that it may be a read that shows
// what was before, which is counted apart.
func (c *caller) compare(k *kept, body string, final bool) {
	var spec shown
	if err := json.Unmarshal([]byte(body), &spec); err != nil {
		c.tally.strange("%s: no JSON: %v", c.name, err)
		return
	}
	wrong := func(format string, args ...any) {
		if final {
			c.tally.note(&c.tally.lost, format, args...)
		} else {
			c.tally.stale.Add(1)
		}
	}
	seen := map[int]bool{}
	for _, item := range spec.Items {
		number, value, ok := c.read(item.Content)
		if !ok {
			c.tally.note(&c.tally.foreign, "%s: an item says %q", c.name, item.Content)
			continue
		}
		if seen[number] {
			c.tally.note(&c.tally.twice, "%s: item %d is there twice", c.name, number)
		}
		seen[number] = true
		if fault := k.faultOf(number, value); fault != "" {
			wrong("%s: item %d %s", c.name, number, fault)
		}
	}
	for number, e := range k.items {
		if !seen[number] && !e.fading {
			wrong("%s: item %d (%s) is gone", c.name, number, e.id)
		}
	}
}

// read reads the content of an item of the caller's.
func (c *caller) read(content string) (number, value int, ok bool) {
	parts := form.FindStringSubmatch(content)
	if len(parts) != 4 || parts[1] != c.name {
		return 0, 0, false
	}
	number, err := strconv.Atoi(parts[2])
	value, other := strconv.Atoi(parts[3])
	return number, value, err == nil && other == nil
}

// faultOf is what is wrong with an item that shows a value; nothing if it may.
func (k *kept) faultOf(number, value int) string {
	switch e := k.items[number]; {
	case e == nil && !k.unsure[number]:
		return "was deleted, and is there"
	case e != nil && e.value != value && !e.maybe[value]:
		return fmt.Sprintf("shows %d, not %d or %v", value, e.value, e.maybe)
	default:
		return ""
	}
}

// reorder turns the order around. It is not in the ledger; that every item is
// there once is.
func (c *caller) reorder(ctx context.Context) {
	g := c.any(ctx, http.MethodGet, "/api/v1/specs/"+c.spec.id+"?include=items", "", "")
	var spec shown
	if g.status != http.StatusOK || json.Unmarshal([]byte(g.body), &spec) != nil || len(spec.Items) < 2 {
		return
	}
	ids := make([]string, len(spec.Items))
	for n, at := range mathrand.Perm(len(ids)) { //nolint:gosec // chance, no secret
		ids[n] = `"` + spec.Items[at].ID + `"`
	}
	g = c.any(ctx, http.MethodPut, "/api/v1/specs/"+c.spec.id+"/items/reorder", `{"item_ids":[`+strings.Join(ids, ",")+`]}`, "")
	switch {
	case g.status == http.StatusOK:
		c.tally.writes.Add(1)
	case g.known() && g.status != http.StatusConflict && g.status != http.StatusUnprocessableEntity:
		c.tally.strange("%s: a reorder is answered %d %s", c.name, g.status, g.body)
	}
}

// check reads everything of everybody once more.
func (l *load) check(ctx context.Context) error {
	for _, c := range l.callers {
		for !c.signedIn(ctx) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		for _, k := range c.specs {
			g := c.any(ctx, http.MethodGet, "/api/v1/specs/"+k.id+"?include=items", "", "")
			if g.status != http.StatusOK {
				return fmt.Errorf("the check at the end: %s: %d %s", k.id, g.status, g.body)
			}
			c.checkOwner(g.body)
			c.compare(k, g.body, true)
		}
		for range c.ended {
			c.tryEnded(ctx)
		}
	}
	return nil
}

func (c *caller) signedIn(ctx context.Context) bool { return c.token != "" || c.signIn(ctx) }
