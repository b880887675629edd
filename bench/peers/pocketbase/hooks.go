package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// The hooks use statements for other rows than the request's: they cost less than records,
// whose fields are all validated and written.

const (
	countSpecificationSQL = `
UPDATE projects SET specification_count = specification_count + 1, next_number = next_number + 1
WHERE  id = {:id} AND specification_count < 1000
RETURNING owner, next_number - 1 AS number`
	appendItemSQL = `
UPDATE specs SET items = json_insert(items, '$[#]', {:item}), next_item = next_item + 1, version = version + 1
WHERE  id = {:id} AND json_array_length(items) < 500
RETURNING owner, next_item - 1 AS number`
	touchSpecificationSQL = `UPDATE specs SET version = version + 1 WHERE id = {:id}`
)

func bindHooks(app *pocketbase.PocketBase) {
	app.OnRecordCreateRequest("specs").BindFunc(inTx(func(tx core.App, e *core.RecordRequestEvent) error {
		e.Record.Set("next_item", 1)
		return create(tx, e, countSpecificationSQL, dbx.Params{"id": e.Record.GetString("project")})
	}))
	app.OnRecordCreateRequest("items").BindFunc(inTx(func(tx core.App, e *core.RecordRequestEvent) error {
		e.Record.Set("id:autogenerate", "")
		return create(tx, e, appendItemSQL, dbx.Params{"id": e.Record.GetString("spec"), "item": e.Record.Id})
	}))
	app.OnRecordUpdateRequest("specs").BindFunc(inTx(updateSpecification))
	app.OnRecordUpdateRequest("items").BindFunc(inTx(updateItem))
}

// inTx runs a hook and the request in one transaction. PocketBase sends the response
// after the commit, and has one transaction that writes at a time.
func inTx(hook func(tx core.App, e *core.RecordRequestEvent) error) func(*core.RecordRequestEvent) error {
	return func(e *core.RecordRequestEvent) error {
		app := e.App
		defer func() { e.App = app }()
		return app.RunInTransaction(func(tx core.App) error {
			e.App = tx
			return hook(tx, e)
		})
	}
}

// create counts in the parent, whose owner the rule compares with the caller.
func create(tx core.App, e *core.RecordRequestEvent, count string, params dbx.Params) error {
	var parent struct {
		Owner  string
		Number int
	}
	err := tx.DB().NewQuery(count).Bind(params).One(&parent)
	if errors.Is(err, sql.ErrNoRows) {
		return e.Error(http.StatusConflict, "There is no such parent, or it is full.", nil)
	}
	if err != nil {
		return err
	}
	e.Record.Set("owner", parent.Owner)
	e.Record.Set("number", parent.Number)
	return next(e, 1)
}

// next makes the request, with the version of the record as its tag.
func next(e *core.RecordRequestEvent, version int) error {
	e.Record.Set("version", version)
	e.Response.Header().Set("ETag", fmt.Sprintf(`"%d"`, version))
	return e.Next()
}

func updateSpecification(tx core.App, e *core.RecordRequestEvent) error {
	var current struct {
		Version int
		Items   types.JSONArray[string]
	}
	if err := find(tx, e, &current, "version", "items"); err != nil {
		return err
	}
	if err := match(e, current.Version); err != nil {
		return err
	}
	if !sameItems(e.Record.GetStringSlice("items"), current.Items) {
		return e.Error(http.StatusConflict, "The order names other items.", nil)
	}
	return next(e, current.Version+1)
}

func updateItem(tx core.App, e *core.RecordRequestEvent) error {
	var current struct {
		Version int
		Spec    string
	}
	if err := find(tx, e, &current, "version", "spec"); err != nil {
		return err
	}
	if err := match(e, current.Version); err != nil {
		return err
	}
	if _, err := tx.DB().NewQuery(touchSpecificationSQL).Bind(dbx.Params{"id": current.Spec}).Execute(); err != nil {
		return err
	}
	return next(e, current.Version+1)
}

// find reads columns of the record in the transaction.
func find(tx core.App, e *core.RecordRequestEvent, into any, columns ...string) error {
	err := tx.DB().Select(columns...).From(e.Collection.Name).Where(dbx.HashExp{"id": e.Record.Id}).One(into)
	if errors.Is(err, sql.ErrNoRows) {
		return e.NotFoundError("", err)
	}
	return err
}

// match compares If-Match with the version.
func match(e *core.RecordRequestEvent, version int) error {
	tag := e.Request.Header.Get("If-Match")
	if tag != "" && tag != "*" && strings.Trim(tag, `"`) != strconv.Itoa(version) {
		return e.Error(http.StatusPreconditionFailed, "The version is another one.", nil)
	}
	return nil
}

// sameItems reports whether both are the same ids in any order.
func sameItems(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
