package races

import (
	"fmt"
	"strconv"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// project is the body of a project.
type project struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Count   int    `json:"specification_count"`
	Version int    `json:"version"`
}

func (p project) path() string { return "/api/v1/projects/" + p.ID }

func (p project) specs() string { return p.path() + "/specs" }

func newProject(c *testkit.Client) (p project) {
	c.Post("/api/v1/projects", map[string]any{"title": "Home"}).Want(201).Decode(&p)
	return p
}

// get reads the current project.
func (p project) get(c *testkit.Client) (now project) {
	c.Get(p.path()).Want(200).Decode(&now)
	return now
}

// spec is the body of a specification.
type spec struct {
	ID        string `json:"id"`
	ProjectID string `json:"project_id"`
	Content   string `json:"content"`
	ItemCount int    `json:"item_count"`
	Version   int    `json:"version"`
}

func (s spec) path() string { return "/api/v1/specs/" + s.ID }

func (s spec) items() string { return s.path() + "/items" }

// spec creates a specification with items in the project.
func (p project) spec(c *testkit.Client, items ...string) (made spec) {
	c.Post(p.specs(), `{"content": "x"}`).Want(201).Decode(&made)
	for _, content := range items {
		c.Post(made.items(), map[string]any{"content": content}).Want(201)
	}
	return made.get(c)
}

// newSpec creates one in a new project.
func newSpec(c *testkit.Client, items ...string) spec { return newProject(c).spec(c, items...) }

// get reads the current specification.
func (s spec) get(c *testkit.Client) (now spec) {
	c.Get(s.path()).Want(200).Decode(&now)
	return now
}

// item is the body of an item.
type item struct {
	ID      string `json:"id"`
	Number  int    `json:"number"`
	Content string `json:"content"`
	Order   int    `json:"order"`
	Version int    `json:"version"`
}

func (i item) path() string { return "/api/v1/items/" + i.ID }

func (i item) tag() string { return fmt.Sprintf(`"%d-%d"`, i.Version, i.Order) }

// itemsIn are the items in a response.
func itemsIn(a *testkit.Response) []item {
	var list struct{ Items []item }
	a.Decode(&list)
	return list.Items
}

func itemsOf(c *testkit.Client, s spec) []item { return itemsIn(c.Get(s.items()).Want(200)) }

// idsOf are the ids in their order.
func idsOf(list []item) []string {
	all := make([]string, len(list))
	for n, i := range list {
		all[n] = i.ID
	}
	return all
}

// checkDense returns an error unless the positions are 0…n-1, each of another item.
func checkDense(list []item) error {
	seen := map[string]bool{}
	for n, i := range list {
		if i.Order != n || seen[i.ID] {
			return fmt.Errorf("position %d of %d has item %s with order %d", n, len(list), i.ID, i.Order)
		}
		seen[i.ID] = true
	}
	return nil
}

func reorder(c *testkit.Client, s spec, order []string, headers ...string) *testkit.Response {
	return c.Put(s.items()+"/reorder", map[string]any{"item_ids": order}, headers...)
}

// replace replaces the items by those with the ids, and by new ones for empty ids.
func replace(c *testkit.Client, s spec, ids []string, headers ...string) *testkit.Response {
	entries := make([]map[string]any, len(ids))
	for n, id := range ids {
		entries[n] = map[string]any{"content": "x"}
		if id != "" {
			entries[n]["id"] = id
		}
	}
	return c.Put(s.items(), map[string]any{"items": entries}, headers...)
}

// contents are n texts.
func contents(n int) []string {
	all := make([]string, n)
	for k := range all {
		all[k] = strconv.Itoa(k)
	}
	return all
}
