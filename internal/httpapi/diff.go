package httpapi

import (
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var diffSpecificationDoc = doc{
	"diffSpecification", "History", "Compare two states of a specification",
	"What changed between two states: title and content by words, items by their id. `to` left out is now.",
}

type diffSpecificationIn struct {
	ID   requirements.SpecificationID `path:"id" format:"uuid"`
	From string                       `query:"from" required:"true" maxLength:"120" example:"v3" doc:"The first state: a revision of the project such as r120, a version such as v17, a time, or a baseline such as baseline:NAME."`
	To   string                       `query:"to" maxLength:"120" example:"v9" doc:"The second state, in the same forms; left out it is now."`
}

// segments is the difference of two texts by words.
type segments struct {
	Segments []segment `json:"segments"`
}

// Schema documents the object or null, which huma's tags cannot.
func (segments) Schema(r huma.Registry) *huma.Schema {
	all := r.Schema(reflect.TypeFor[[]segment](), true, "")
	s := &huma.Schema{
		Type: huma.TypeObject, Nullable: true, Required: []string{"segments"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{"segments": all},
	}
	s.PrecomputeMessages()
	return s
}

// segment is a part of two texts that both have, or one of them.
type segment struct {
	Op   string `json:"op" enum:"equal,delete,insert"`
	Text string `json:"text"`
}

func segmentsOf(all []history.Segment) []segment {
	return each(all, func(s history.Segment) segment { return segment{Op: string(s.Op), Text: s.Text} })
}

func textDiff(all []history.Segment) *segments {
	if all == nil {
		return nil
	}
	return &segments{segmentsOf(all)}
}

// itemDiff is the difference of an item.
type itemDiff struct {
	ItemID    requirements.ItemID `json:"item_id" format:"uuid"`
	Ref       string              `json:"ref" sample:"3.2"`
	Change    string              `json:"change" enum:"added,removed,changed,moved" doc:"An item whose text changed is changed, even if it moved as well."`
	FromOrder *int                `json:"from_order" nullable:"true" minimum:"0" doc:"null for an added item."`
	ToOrder   *int                `json:"to_order" nullable:"true" minimum:"0" doc:"null for a removed item."`
	Segments  []segment           `json:"segments"`
}

type specificationDiffOut struct {
	Body struct {
		From    int64      `json:"from" sample:"3" doc:"The version of the first state."`
		To      int64      `json:"to" sample:"9" doc:"The version of the second state."`
		Title   *segments  `json:"title" doc:"null where the title is the same."`
		Content *segments  `json:"content" doc:"null where the content is the same."`
		Items   []itemDiff `json:"items" doc:"The items that differ, in the order of the second state."`
	}
}

// diffSpecification is GET /specs/{id}/diff.
func (a *API) diffSpecification(ctx context.Context, actor auth.Actor, in *diffSpecificationIn) (*specificationDiffOut, error) {
	from, err := pointOf("from", in.From, true)
	if err != nil {
		return nil, err
	}
	to, err := pointOf("to", in.To, true)
	if err != nil {
		return nil, err
	}
	before, after, err := a.History.TwoStates(ctx, actor, in.ID, from, to)
	if err != nil {
		return nil, err
	}
	d := history.DiffSpecifications(before, after)
	out := &specificationDiffOut{}
	out.Body.From, out.Body.To = before.Specification.Version, after.Specification.Version
	out.Body.Title, out.Body.Content = textDiff(d.Title), textDiff(d.Content)
	out.Body.Items = each(d.Items, func(i history.ItemDiff) itemDiff {
		return itemDiff{ItemID: i.ItemID, Ref: i.Ref, Change: string(i.Change), FromOrder: i.FromOrder, ToOrder: i.ToOrder, Segments: segmentsOf(i.Segments)}
	})
	return out, nil
}
