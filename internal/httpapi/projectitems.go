package httpapi

import (
	"context"
	"fmt"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var listProjectItemsDoc = doc{
	"listProjectItems", "Items", "List a project's items",
	"The items of all live specifications in reading order: the specifications by number, the items of each in their order. `ref` selects items by their references. A page ends at about 4 MiB, so it may hold fewer than `page_size`. Follow `next_page_token` until it is empty. Items that are added or deleted between two pages never make you skip or repeat another one; one that is moved may come twice or not at all. To be sure, compare the project's `revision` before and after.",
}

type listProjectItemsIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	PageIn
	Ref string `query:"ref" maxLength:"1999" example:"3.2,3.4" doc:"Only the items with these references: at most 100, separated by commas without spaces. What does not exist is left out."`
}

// query returns the page that the parameters select, and the scope of its page tokens.
func (in *listProjectItemsIn) query(a *API, actor auth.Actor) (q requirements.ProjectItemsQuery, scope string, err error) {
	scope = fmt.Sprintf("%s|items of %s|%s", actor.User, in.ID, in.Ref)
	pages, err := in.PageIn.query(a, page.Order{}, scope)
	if err != nil {
		return q, scope, err
	}
	q.After, q.Limit = pages.After, pages.Limit
	if in.Ref != "" {
		q.Refs, err = requirements.ParseRefs(in.Ref)
	}
	return q, scope, err
}

type projectItemsOut struct {
	// project is what all items are in.
	project requirements.ProjectID

	Body itemPage
}

type itemPage struct {
	Items         []item `json:"items"`
	NextPageToken string `json:"next_page_token" doc:"Empty on the last page."`
}

// listProjectItems is GET /projects/{id}/items.
func (a *API) listProjectItems(ctx context.Context, actor auth.Actor, in *listProjectItemsIn) (*projectItemsOut, error) {
	q, scope, err := in.query(a, actor)
	if err != nil {
		return nil, err
	}
	items, err := a.Requirements.ProjectItems(ctx, actor, in.ID, q)
	if err != nil {
		return nil, err
	}
	out := &projectItemsOut{project: in.ID}
	out.Body.Items = each(items.Rows, itemOf)
	out.Body.NextPageToken = a.pageToken(items.Next, scope)
	return out, nil
}
