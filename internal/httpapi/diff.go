package httpapi

import (
	"context"
	"io"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	diffSpecificationDoc = doc{
		"diffSpecification", "History", "Compare two states of a specification",
		"What changed between two states: title and content by words, items by their id. Of more than 1 MiB of changed texts, the rest is compared as a whole. With `Accept: text/x-diff` a unified diff of the specification as Markdown, with `text/markdown` a text for reading.",
	}
	diffProjectDoc = doc{
		"diffProject", "History", "Compare two states of a project",
		"What changed between two states: title and description by words, and which specifications. With `Accept: text/x-diff` a unified diff of everything, with a file for each specification; with `text/markdown` a text for reading.",
	}
)

type diffSpecificationIn struct {
	ID requirements.SpecificationID `path:"id" format:"uuid"`
	DiffIn
}

type diffProjectIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	DiffIn
}

// DiffIn names two states.
type DiffIn struct {
	AcceptIn
	From string `query:"from" required:"true" maxLength:"120" example:"r12" doc:"The first state: a revision of the project such as r120, a time, or a baseline such as baseline:NAME; of a specification also a version such as v17."`
	To   string `query:"to" maxLength:"120" example:"r17" doc:"The second state, in the same forms; left out it is now."`
}

// points returns the two states.
func (in *DiffIn) points(versions bool) (from, to history.Point, err error) {
	if from, err = pointOf("from", in.From, versions); err == nil {
		to, err = pointOf("to", in.To, versions)
	}
	return from, to, err
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

// specificationDiff is the difference of a specification.
type specificationDiff struct {
	From    int64      `json:"from" sample:"3" doc:"The version of the first state."`
	To      int64      `json:"to" sample:"9" doc:"The version of the second state."`
	Title   *segments  `json:"title" doc:"null where the title is the same."`
	Content *segments  `json:"content" doc:"null where the content is the same."`
	Items   []itemDiff `json:"items" doc:"The items that differ, in the order of the second state."`

	text textBody
}

// ContentType implements huma.ContentTypeFilter.
func (specificationDiff) ContentType(media string) string { return textType(media) }

func (d specificationDiff) writeMarkdown(w io.Writer) error { return d.text.write(w) }
func (d specificationDiff) writeDiff(w io.Writer) error     { return d.text.write(w) }

type specificationDiffOut struct{ Body specificationDiff }

// diffSpecification is GET /specs/{id}/diff.
func (a *API) diffSpecification(ctx context.Context, actor auth.Actor, in *diffSpecificationIn) (*specificationDiffOut, error) {
	from, to, err := in.points(true)
	if err != nil {
		return nil, err
	}
	before, after, err := a.History.TwoStates(ctx, actor, in.ID, from, to)
	if err != nil {
		return nil, err
	}
	out := &specificationDiffOut{}
	switch in.Media {
	case openapi.Markdown:
		out.Body.text = textBody(history.MarkdownDiff(before, after))
	case openapi.Diff:
		text, err := history.UnifiedDiff(before, after)
		out.Body.text = textBody(text)
		return out, err
	default:
		d := history.DiffSpecifications(before, after)
		out.Body.From, out.Body.To = before.Specification.Version, after.Specification.Version
		out.Body.Title, out.Body.Content = textDiff(d.Title), textDiff(d.Content)
		out.Body.Items = each(d.Items, func(i history.ItemDiff) itemDiff {
			return itemDiff{ItemID: i.ItemID, Ref: i.Ref, Change: string(i.Change), FromOrder: i.FromOrder, ToOrder: i.ToOrder, Segments: segmentsOf(i.Segments)}
		})
	}
	return out, nil
}

// specificationChange is what became of a specification between two states.
type specificationChange struct {
	SpecificationID requirements.SpecificationID `json:"specification_id" format:"uuid"`
	Number          int                          `json:"number" minimum:"1" sample:"3"`
	Title           string                       `json:"title" sample:"Refunds" doc:"The title in the second state; of a removed specification that in the first."`
	Change          string                       `json:"change" enum:"added,removed,changed" doc:"A specification in the trash is not part of a state."`
	FromVersion     *int64                       `json:"from_version" nullable:"true" sample:"5" doc:"null for an added specification."`
	ToVersion       *int64                       `json:"to_version" nullable:"true" sample:"9" doc:"null for a removed specification."`
}

func specificationChangeOf(p history.SpecificationPair) specificationChange {
	last := p.Last()
	out := specificationChange{SpecificationID: last.ID, Number: last.Number, Title: last.Title, Change: string(p.Change())}
	if v := p.From.Specification.Version; v > 0 {
		out.FromVersion = &v
	}
	if v := p.To.Specification.Version; v > 0 {
		out.ToVersion = &v
	}
	return out
}

// projectDiff is the difference of a project.
type projectDiff struct {
	From           int64                 `json:"from" sample:"12" doc:"The revision of the first state."`
	To             int64                 `json:"to" sample:"17" doc:"The revision of the second state."`
	Title          *segments             `json:"title" doc:"null where the title is the same."`
	Description    *segments             `json:"description" doc:"null where the description is the same."`
	Specifications []specificationChange `json:"specifications" doc:"The specifications that differ, by number. What differs in one: GET /specs/{id}/diff with the same from and to."`

	text textBody
}

// ContentType implements huma.ContentTypeFilter.
func (projectDiff) ContentType(media string) string { return textType(media) }

func (d projectDiff) writeMarkdown(w io.Writer) error { return d.text.write(w) }
func (d projectDiff) writeDiff(w io.Writer) error     { return d.text.write(w) }

type projectDiffOut struct{ Body projectDiff }

// diffProject is GET /projects/{id}/diff.
func (a *API) diffProject(ctx context.Context, actor auth.Actor, in *diffProjectIn) (*projectDiffOut, error) {
	from, to, err := in.points(false)
	if err != nil {
		return nil, err
	}
	d, err := a.History.DiffProject(ctx, actor, in.ID, from, to)
	if err != nil {
		return nil, err
	}
	out := &projectDiffOut{}
	switch in.Media {
	case openapi.Markdown:
		out.Body.text = textBody(d.Markdown())
	case openapi.Diff:
		text, err := d.Unified()
		out.Body.text = textBody(text)
		return out, err
	default:
		out.Body = projectDiff{
			From: d.FromRevision, To: d.ToRevision, Title: textDiff(d.Title()), Description: textDiff(d.Description()),
			Specifications: each(d.Specifications, specificationChangeOf),
		}
	}
	return out, nil
}
