package httpapi

import (
	"context"
	"fmt"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/search"
)

var searchDoc = doc{
	"search", "Search", "Search projects, specifications and items",
	"Finds what contains all words of `q`, whatever their case: in titles, descriptions, contents and items, but not in the trash. A word is also found inside of another one, so `antrag` finds `Kundenantrag`, and scripts without spaces need nothing special. `\"a phrase\"` finds words in sequence, whatever white space is between them; `-word` and `-\"a phrase\"` exclude texts. Everything else is text; there are no invalid queries. At most 15 words and phrases count. A query of exclusions alone finds nothing.\n\n" +
		"The best hits come first: titles that have all words, then items, then other texts; within each, whole words before parts of words, where the last word of the query is whole if a word begins with it, and every word of a script without spaces is whole; then what was changed last. What a response confirmed is found by the next search. A page ends at about 4 MiB of the texts found, so it may hold fewer than `page_size`. A search reads texts for at most a second, enough for about 50 MB; after that it ends with `complete` false.",
}

// searchHit is a hit as the contract shows it.
type searchHit struct {
	Kind            requirements.HitKind          `json:"kind" enum:"project,specification,item" example:"item"`
	ProjectID       requirements.ProjectID        `json:"project_id" format:"uuid"`
	SpecificationID *requirements.SpecificationID `json:"specification_id" format:"uuid" nullable:"true" sample:"01a2043e-6e8b-7c3d-9a41-5b0e27d683c1" doc:"Null for a project."`
	ItemID          *requirements.ItemID          `json:"item_id" format:"uuid" nullable:"true" sample:"01a2043e-6e8b-7c3d-9a41-5b0e27d683d2" doc:"Null for a project and for a specification."`
	Ref             *string                       `json:"ref" nullable:"true" example:"3.2" doc:"The number of an item's specification and its own; null for a project and for a specification."`
	Title           string                        `json:"title" example:"Refunds" doc:"The title of the project or specification; for an item, of its specification."`
	Snippet         []snippetSegment              `json:"snippet" doc:"Up to 200 characters of the description, content or item, around a word that was found there, or else from its beginning. Text, not HTML."`
}

// snippetSegment is a part of a snippet.
type snippetSegment struct {
	Text  string `json:"text" example:"refund"`
	Match bool   `json:"match" sample:"true" doc:"Whether a word of the query was found here."`
}

func searchHitOf(h requirements.Hit) searchHit {
	view := searchHit{
		Kind: h.Kind, ProjectID: h.Project, Title: h.Title,
		Snippet: each(h.Snippet, func(s search.Segment) snippetSegment { return snippetSegment(s) }),
	}
	if h.Kind != requirements.ProjectHit {
		view.SpecificationID = &h.Specification
	}
	if h.Kind == requirements.ItemHit {
		view.ItemID, view.Ref = &h.Item, new(fmt.Sprintf("%d.%d", h.SpecificationNumber, h.ItemNumber))
	}
	return view
}

type searchIn struct {
	Text string `query:"q" required:"true" minLength:"1" maxLength:"200" example:"refund \"within a day\" -invoice" doc:"The words to find."`
	PageIn
	Project requirements.ProjectID `query:"project_id" format:"uuid" doc:"Only in this project."`
	Kind    requirements.HitKind   `query:"kind" enum:"project,specification,item" doc:"Only hits of this kind."`
}

type searchOut struct {
	Body struct {
		Hits          []searchHit `json:"hits"`
		NextPageToken string      `json:"next_page_token" doc:"Empty on the last page."`
		Complete      bool        `json:"complete" sample:"true" doc:"False if there are more texts than a search has time for. Narrow it by project_id or kind."`
	}
}

// search is GET /search.
func (a *API) search(ctx context.Context, actor auth.Actor, in *searchIn) (*searchOut, error) {
	scope := fmt.Sprintf("%s|search|%s|%s|%s", actor.User, in.Project, in.Kind, in.Text)
	q, err := in.query(a, page.Order{}, scope)
	if err != nil {
		return nil, err
	}
	hits, err := a.Requirements.Search(ctx, actor, requirements.SearchQuery{
		Query: q, Text: search.Parse(in.Text), Project: in.Project, Kind: in.Kind,
	})
	if err != nil {
		return nil, err
	}
	out := &searchOut{}
	out.Body.Hits = each(hits.Rows, searchHitOf)
	out.Body.NextPageToken = a.pageToken(hits.Next, scope)
	out.Body.Complete = hits.Complete
	return out, nil
}
