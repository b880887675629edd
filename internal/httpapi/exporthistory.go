package httpapi

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// exportParameters are the query parameters of an export.
func exportParameters() []*huma.Param {
	return []*huma.Param{{
		Name: "history", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"true", "false"}, Default: "false"},
		Description: "Adds baselines and changes to each project.",
	}}
}

// ChangeView is a change within another type. It is exported because huma ignores embedded
// types that are not.
type ChangeView change

// exportedChange is a change in an export.
type exportedChange struct {
	ChangeView
	Replaced *replaced `json:"replaced,omitempty" doc:"The values before the change; absent if it was a creation, or if they were deleted."`
}

// replaced is what a change replaced. A field is null unless the change replaced it.
type replaced struct {
	Title     *string               `json:"title" nullable:"true"`
	Content   *string               `json:"content" nullable:"true" doc:"Of a project: its description."`
	Order     *int                  `json:"order" nullable:"true" doc:"The position of an item that was moved or deleted."`
	ItemIDs   []requirements.ItemID `json:"item_ids" nullable:"true" doc:"The order of the items before items.reordered."`
	UpdatedAt *timestamp            `json:"updated_at" nullable:"true" doc:"When the project, specification or item had been changed before."`
}

func exportedChangeOf(c history.Change) exportedChange {
	view := exportedChange{ChangeView: ChangeView(changeOf(c))}
	if old := c.Old; !c.Erased && !old.UpdatedAt.IsZero() {
		view.Replaced = &replaced{old.Title, old.Content, old.Place, old.Items, new(timestamp(old.UpdatedAt))}
	}
	return view
}

// Baseline writes one baseline.
func (e *exporter) Baseline(b history.Baseline) error {
	if err := e.openList("baselines"); err != nil {
		return err
	}
	return e.write(baselineOf(b))
}

// Change writes one change.
func (e *exporter) Change(c history.Change) error {
	if err := e.openList("changes"); err != nil {
		return err
	}
	return e.write(exportedChangeOf(c))
}

// projectLists are the lists of an exported project with its history, in their order.
var projectLists = []string{"specifications", "baselines", "changes"}

// openList closes the open list of the project, and opens those up to the named one.
func (e *exporter) openList(name string) error {
	for e.list != name {
		e.list = projectLists[slices.Index(projectLists, e.list)+1]
		if err := e.write(jsontext.EndArray, e.list, jsontext.BeginArray); err != nil {
			return err
		}
	}
	return nil
}
