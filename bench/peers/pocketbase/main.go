// Command pocketbase-peer is PocketBase with the benchmark's collections: projects,
// specifications and items, each with rules per user, and hooks for what rules cannot
// say: numbers, versions, limits, and a reorder that keeps all items.
//
// It has PocketBase's defaults, so SQLite does not sync each commit to the disk. Only its
// log of requests is off, as the hand-written server has none.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"
)

func main() {
	app := pocketbase.New()
	bindHooks(app)
	app.RootCmd.AddCommand(&cobra.Command{
		Use: "seed", Short: "Create the collections, insert the rows on the standard input, and print a token for each user",
		RunE: func(*cobra.Command, []string) error { return app.RunInTransaction(load) },
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

// load creates the collections and inserts rows, each a line of JSON.
func load(app core.App) error {
	if err := createCollections(app); err != nil {
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	var users []string
	for input.Scan() {
		var line struct {
			Table string     `json:"table"`
			Row   dbx.Params `json:"row"`
		}
		if err := json.Unmarshal(input.Bytes(), &line); err != nil {
			return err
		}
		if _, err := app.DB().Insert(line.Table, line.Row).Execute(); err != nil {
			return err
		}
		if line.Table == "users" {
			users = append(users, fmt.Sprint(line.Row["id"]))
		}
	}
	for _, id := range users {
		user, err := app.FindRecordById("users", id)
		if err != nil {
			return err
		}
		token, err := user.NewAuthToken()
		if err != nil {
			return err
		}
		fmt.Println(id, token)
	}
	return input.Err()
}

func createCollections(app core.App) error {
	app.Settings().Logs.MaxDays = 0
	if err := app.Save(app.Settings()); err != nil {
		return err
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return err
	}
	withUUIDs(users)
	projects := collection("projects", `owner = @request.auth.id`, nil, relation("owner", users),
		&core.TextField{Name: "title", Max: 200}, number("specification_count"), number("next_number"))
	specs := collection("specs", `owner = @request.auth.id`, ptr(`project.owner = @request.auth.id`))
	items := collection("items", `owner = @request.auth.id`, ptr(`spec.owner = @request.auth.id`))
	if err := save(app, users, projects); err != nil {
		return err
	}
	specs.Fields.Add(relation("owner", users), relation("project", projects), number("number"),
		&core.TextField{Name: "title", Max: 200}, &core.TextField{Name: "content", Max: 100_000, Required: true},
		number("next_item"), number("version"))
	specs.AddIndex("specs_by_number", true, "project, number", "")
	if err := save(app, specs); err != nil {
		return err
	}
	items.Fields.Add(relation("owner", users), relation("spec", specs), number("number"),
		&core.TextField{Name: "content", Max: 5000, Required: true}, number("version"))
	items.AddIndex("items_by_number", true, "spec, number", "")
	if err := save(app, items); err != nil {
		return err
	}
	// The order of the items is a relation of their specification.
	specs.Fields.Add(&core.RelationField{Name: "items", CollectionId: items.Id, MaxSelect: 500})
	return save(app, specs)
}

func collection(name, rule string, create *string, fields ...core.Field) *core.Collection {
	c := core.NewBaseCollection(name)
	withUUIDs(c)
	c.ListRule, c.ViewRule, c.UpdateRule, c.CreateRule = &rule, &rule, &rule, create
	c.Fields.Add(fields...)
	c.Fields.Add(&core.AutodateField{Name: "created", OnCreate: true}, &core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true})
	return c
}

// withUUIDs gives a collection ids of the form that the other servers have.
func withUUIDs(c *core.Collection) {
	id := c.Fields.GetByName("id").(*core.TextField)
	id.Min, id.Max, id.Pattern = 36, 36, `^[0-9a-f-]+$`
	id.AutogeneratePattern = `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}`
}

func relation(name string, to *core.Collection) core.Field {
	return &core.RelationField{Name: name, CollectionId: to.Id, Required: true, MaxSelect: 1}
}

func number(name string) core.Field { return &core.NumberField{Name: name, OnlyInt: true} }

func ptr(s string) *string { return &s }

func save(app core.App, all ...*core.Collection) error {
	for _, c := range all {
		if err := app.Save(c); err != nil {
			return err
		}
	}
	return nil
}
