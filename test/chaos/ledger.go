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

// ledger records the acknowledged writes of a caller.
type ledger struct {
	mu      sync.Mutex
	specs   map[string]*specRecord
	project string
	// spec is the specification that the caller currently changes.
	spec *specRecord
	made int
}

// specRecord is a specification with its acknowledged items, by number.
type specRecord struct {
	id    string
	items map[int]*itemRecord
	// unconfirmed are items whose creation got no response.
	unconfirmed map[int]bool
}

// itemRecord is an item. A read shows the last acknowledged value, or a later one whose
// write got no response.
type itemRecord struct {
	id              string
	value           int
	unconfirmed     map[int]bool
	deletionPending bool // its deletion got no response
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
		c.spec = &specRecord{id: id, items: map[int]*itemRecord{}, unconfirmed: map[int]bool{}}
		c.specs[id] = c.spec
	}
}

func (c *caller) addItem(ctx context.Context) {
	c.made++
	number := c.made
	id := c.create(ctx, "/api/v1/specs/"+c.spec.id+"/items", `{"content":"`+c.content(number, 0)+`"}`)
	if id == "" {
		c.spec.unconfirmed[number] = true
		return
	}
	c.spec.items[number] = &itemRecord{id: id, unconfirmed: map[int]bool{}}
}

// randomItem returns an item that certainly exists.
func (c *caller) randomItem() (int, *itemRecord) {
	for number, e := range c.spec.items {
		if !e.deletionPending {
			return number, e
		}
	}
	return 0, nil
}

func (c *caller) changeItem(ctx context.Context) {
	number, e := c.randomItem()
	if e == nil {
		return
	}
	c.made++ // values are never used twice
	value := c.made
	g := c.request(ctx, http.MethodPatch, "/api/v1/items/"+e.id, `{"content":"`+c.content(number, value)+`"}`, "")
	switch {
	case g.status == http.StatusOK:
		c.tally.writes.Add(1)
		e.value, e.unconfirmed = value, map[int]bool{}
	case g.conclusive():
		c.checkUnexpected(g, e.id)
	default:
		e.unconfirmed[value] = true
	}
}

func (c *caller) deleteItem(ctx context.Context) {
	number, e := c.randomItem()
	if e == nil {
		return
	}
	g := c.request(ctx, http.MethodDelete, "/api/v1/items/"+e.id, "", "")
	switch {
	case g.status == http.StatusNoContent:
		c.tally.writes.Add(1)
		delete(c.spec.items, number)
	case g.conclusive():
		c.checkUnexpected(g, e.id)
	default:
		e.deletionPending = true
	}
}

// checkUnexpected records a lost acknowledged write, or another unexpected response.
func (c *caller) checkUnexpected(g response, id string) {
	if g.status == http.StatusNotFound {
		c.tally.record(&c.tally.lost, "%s: item %s is gone", c.name, id)
		return
	}
	c.tally.unexpected("%s: item %s gets %d %s", c.name, id, g.status, g.body)
}

// specBody is the body of a specification.
type specBody struct {
	Items []struct {
		ID      string `json:"id"`
		Content string `json:"content"`
	} `json:"items"`
}

var form = regexp.MustCompile(`^(caller-[a-z]+) item (\d+) value (\d+)$`)

// look reads the specification, and holds it against the ledger.
func (c *caller) readSpec(ctx context.Context) {
	c.tally.reads.Add(1)
	g := c.request(ctx, http.MethodGet, "/api/v1/specs/"+c.spec.id+"?include=items", "", "")
	if g.status == http.StatusOK {
		c.checkOwner(g.body)
		c.compare(c.spec, g.body, false)
	} else if g.conclusive() {
		c.tally.unexpected("%s: GET gets %d %s", c.name, g.status, g.body)
	}
}

// compare holds what is read against what was acknowledged. At the end, when all
// faults are over, what is missing is lost; before that it may be a read that shows
// what was before, which is counted apart.
func (c *caller) compare(k *specRecord, body string, final bool) {
	var spec specBody
	if err := json.Unmarshal([]byte(body), &spec); err != nil {
		c.tally.unexpected("%s: no JSON: %v", c.name, err)
		return
	}
	wrong := func(format string, args ...any) {
		if final {
			c.tally.record(&c.tally.lost, format, args...)
		} else {
			c.tally.stale.Add(1)
		}
	}
	seen := map[int]bool{}
	for _, item := range spec.Items {
		number, value, ok := c.read(item.Content)
		if !ok {
			c.tally.record(&c.tally.leaked, "%s: an item says %q", c.name, item.Content)
			continue
		}
		if seen[number] {
			c.tally.record(&c.tally.duplicated, "%s: item %d is there twice", c.name, number)
		}
		seen[number] = true
		if fault := k.wrongValue(number, value); fault != "" {
			wrong("%s: item %d %s", c.name, number, fault)
		}
	}
	for number, e := range k.items {
		if !seen[number] && !e.deletionPending {
			wrong("%s: item %d (%s) is gone", c.name, number, e.id)
		}
	}
}

// read parses the content of an item of the caller.
func (c *caller) read(content string) (number, value int, ok bool) {
	parts := form.FindStringSubmatch(content)
	if len(parts) != 4 || parts[1] != c.name {
		return 0, 0, false
	}
	number, err := strconv.Atoi(parts[2])
	value, other := strconv.Atoi(parts[3])
	return number, value, err == nil && other == nil
}

// wrongValue describes what is wrong with the value of an item; it is empty if the value
// is possible.
func (k *specRecord) wrongValue(number, value int) string {
	switch e := k.items[number]; {
	case e == nil && !k.unconfirmed[number]:
		return "was deleted, but still exists"
	case e != nil && e.value != value && !e.unconfirmed[value]:
		return fmt.Sprintf("shows %d, not %d or %v", value, e.value, e.unconfirmed)
	default:
		return ""
	}
}

// reorder shuffles the items. The ledger does not record the order, only that each item
// exists once.
func (c *caller) reorder(ctx context.Context) {
	g := c.request(ctx, http.MethodGet, "/api/v1/specs/"+c.spec.id+"?include=items", "", "")
	var spec specBody
	if g.status != http.StatusOK || json.Unmarshal([]byte(g.body), &spec) != nil || len(spec.Items) < 2 {
		return
	}
	ids := make([]string, len(spec.Items))
	for n, at := range mathrand.Perm(len(ids)) { //nolint:gosec // not a secret
		ids[n] = `"` + spec.Items[at].ID + `"`
	}
	g = c.request(ctx, http.MethodPut, "/api/v1/specs/"+c.spec.id+"/items/reorder", `{"item_ids":[`+strings.Join(ids, ",")+`]}`, "")
	switch {
	case g.status == http.StatusOK:
		c.tally.writes.Add(1)
	case g.conclusive() && g.status != http.StatusConflict && g.status != http.StatusUnprocessableEntity:
		c.tally.unexpected("%s: a reorder gets %d %s", c.name, g.status, g.body)
	}
}

// check reads all data of all callers at the end.
func (l *load) check(ctx context.Context) error {
	for _, c := range l.callers {
		for !c.signedIn(ctx) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		for _, k := range c.specs {
			g := c.request(ctx, http.MethodGet, "/api/v1/specs/"+k.id+"?include=items", "", "")
			if g.status != http.StatusOK {
				return fmt.Errorf("the check at the end: %s: %d %s", k.id, g.status, g.body)
			}
			c.checkOwner(g.body)
			c.compare(k, g.body, true)
		}
		for range c.ended {
			c.tryEndedSession(ctx)
		}
	}
	return nil
}

func (c *caller) signedIn(ctx context.Context) bool { return c.token != "" || c.signIn(ctx) }
