package httpapi

import (
	"fmt"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// PageIn holds the query parameters of every paged list. It is exported because
// huma ignores embedded types that are not.
type PageIn struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"100" default:"50" doc:"The maximum number of rows in the response."`
	PageToken string `query:"page_token" maxLength:"2000" doc:"next_page_token of the previous page; empty for the first page."`
}

// query returns the page that the parameters select. The scope is everything
// that a page token is bound to.
func (in *PageIn) query(a *API, order page.Order, scope string) (page.Query, error) {
	q := page.Query{Order: order, Limit: in.PageSize}
	if in.PageToken == "" {
		return q, nil
	}
	q.After = &page.Cursor{}
	if err := a.pageTokens.Open(in.PageToken, scope, q.After); err != nil {
		return page.Query{}, problem.New(problem.InvalidPageToken, "The page token does not belong to this list, order, filter and user.").Because(err)
	}
	return q, nil
}

// pageToken returns the next_page_token of a cursor; empty on the last page.
func (a *API) pageToken(next *page.Cursor, scope string) string {
	if next == nil {
		return ""
	}
	return a.pageTokens.Seal(next, scope)
}

// ListIn holds the query parameters of a list that has a trash.
type ListIn struct {
	PageIn
	Trashed string `query:"trashed" enum:"true,false" default:"false" doc:"Lists the trash instead of the live resources."`
}

// query returns the page that the parameters select, and the scope of its page
// tokens. A token of one list is invalid in another; name identifies the list.
func (in *ListIn) query(a *API, actor auth.Actor, name, orderBy string) (requirements.ListQuery, string, error) {
	order, trashed := orderOf(orderBy), in.Trashed == "true"
	scope := pageScope(actor, name, order, trashed)
	q, err := in.PageIn.query(a, order, scope)
	return requirements.ListQuery{Query: q, Trashed: trashed}, scope, err
}

// pageScope returns everything that the page token of a list is bound to.
func pageScope(actor auth.Actor, name string, order page.Order, trashed bool) string {
	return fmt.Sprintf("%s|%s|%s|%t|%t", actor.User, name, order.Column, order.Descending, trashed)
}

// orderOf parses an order_by, "title" or "title desc", that its enumeration has
// accepted.
func orderOf(text string) page.Order {
	column, descending := strings.CutSuffix(text, " desc")
	return page.Order{Column: page.Column(column), Descending: descending}
}
