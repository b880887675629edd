package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listChangesDoc = doc{
		"listChanges", "History", "List a project's changes",
		"Every change of content, the newest first. Each request that changes something is one revision; a revision may have several changes. With `since=r100` the list begins after that revision and goes from the oldest to the newest: a copy that was in step at r100 is in step again at the end of it.",
	}
	listRevisionsDoc = doc{
		"listRevisions", "History", "List a specification's revisions",
		"The revisions that changed the specification or its items, the newest first, each with a sentence for people. With `Accept: text/markdown` they are a list; the header `Link` then has the next page.",
	}
)

var (
	deleteHistoryDoc = doc{
		"deleteHistory", "History", "Delete a specification's history",
		"Deletes the states before a version for good, such as those with a secret that was pasted and removed again. The version itself and later ones stay. Reading an earlier state is `history_expired` from then on. Baselines of such states must be deleted first. The deletion is audited.",
	}
	deleteProjectHistoryDoc = doc{
		"deleteProjectHistory", "History", "Delete a project's history",
		"Deletes the states of the project and of all its specifications before a revision for good, such as those with a secret in the description, or in several specifications. The state at the revision and later ones stay, and so does the list of changes, without the old texts. Reading an earlier state is `history_expired` from then on. Baselines of such states must be deleted first. The deletion is audited.",
	}
)

// actor is the user that made a change.
type actor struct {
	ID    *auth.UserID `json:"id" format:"uuid" nullable:"true" doc:"null for an administrator of the database."`
	Name  *string      `json:"name" nullable:"true" example:"Ann Example" doc:"null once the account is gone."`
	Type  string       `json:"type" enum:"user,bot" doc:"user for a bot that was deleted."`
	Token *string      `json:"token" nullable:"true" doc:"The name of the API token; null for a session, and once the token is deleted."`
}

func actorOf(a history.Actor) actor {
	out := actor{Name: a.Name, Type: "user", Token: a.Token}
	if a.Bot {
		out.Type = "bot"
	}
	if !a.ID.IsZero() {
		out.ID = &a.ID
	}
	return out
}

// change is a change as the contract shows it.
type change struct {
	Revision             int64                         `json:"revision" minimum:"1" sample:"17" doc:"Counts the revisions of the project, without gaps and in the order of the commits."`
	At                   timestamp                     `json:"at" sample:"2026-11-22T09:30:00.481516Z"`
	Actor                actor                         `json:"actor"`
	Kind                 string                        `json:"kind" enum:"project.created,project.changed,project.trashed,project.restored,specification.created,specification.changed,specification.trashed,specification.restored,item.created,item.changed,item.moved,item.deleted,item.restored,items.reordered" sample:"item.changed"`
	SpecificationID      *requirements.SpecificationID `json:"specification_id" format:"uuid" nullable:"true" doc:"null for a change of the project itself."`
	SpecificationVersion *int64                        `json:"specification_version" nullable:"true" sample:"5" doc:"The version after the revision."`
	ItemID               *requirements.ItemID          `json:"item_id" format:"uuid" nullable:"true" doc:"null unless the change is about one item."`
	ItemVersion          *int64                        `json:"item_version" nullable:"true" sample:"2" doc:"The version after the change; the last one of a deleted item."`
	Ref                  *string                       `json:"ref" nullable:"true" sample:"3.2" doc:"The number of the specification and of the item. null unless the change is about one item, and once the specification was deleted for good."`
}

func changeOf(c history.Change) change {
	out := change{Revision: c.Revision, At: timestamp(c.At), Actor: actorOf(c.Actor), Kind: string(c.Kind)}
	if !c.Specification.IsZero() {
		out.SpecificationID, out.SpecificationVersion = &c.Specification, &c.SpecificationVersion
	}
	if !c.Item.IsZero() {
		out.ItemID, out.ItemVersion = &c.Item, &c.ItemVersion
	}
	if ref := c.Ref(); ref != "" {
		out.Ref = &ref
	}
	return out
}

type listChangesIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	PageIn
	Since         string `query:"since" pattern:"^r(0|[1-9][0-9]{0,17})$" example:"r100" doc:"Only what came after this revision, from the oldest to the newest."`
	Specification string `query:"specification_id" format:"uuid" doc:"Only changes of this specification and its items."`
	Actor         string `query:"actor_id" format:"uuid" doc:"Only changes that this user made."`
	Kind          string `query:"kind" enum:"project.created,project.changed,project.trashed,project.restored,specification.created,specification.changed,specification.trashed,specification.restored,item.created,item.changed,item.moved,item.deleted,item.restored,items.reordered" doc:"Only changes of this kind."`
}

// query returns the page that the parameters select, and the scope of its page tokens.
func (in *listChangesIn) query(a *API, actor auth.Actor) (q history.ChangeQuery, scope string, err error) {
	scope = fmt.Sprintf("%s|changes of %s|%s|%s|%s|%s", actor.User, in.ID, in.Since, in.Specification, in.Actor, in.Kind)
	pages, err := in.PageIn.query(a, page.Order{Column: page.ByNumber, Descending: in.Since == ""}, scope)
	if err != nil {
		return q, scope, err
	}
	q.Limit = pages.Limit
	if pages.After != nil {
		q.After = new(history.PositionOf(*pages.After))
	}
	if in.Since != "" {
		point, _ := history.ParsePoint(in.Since, false) // it has the form
		q.Since = point.Revision
	}
	if in.Kind != "" {
		q.Kind = new(history.Kind(in.Kind))
	}
	if q.Specification, err = optionalID[requirements.Specification]("specification_id", in.Specification); err == nil {
		q.Actor, err = optionalID[auth.User]("actor_id", in.Actor)
	}
	return q, scope, err
}

// optionalID reads the id of a query parameter; nil if it is absent.
func optionalID[T any](name, text string) (*id.Of[T], error) {
	if text == "" {
		return nil, nil //nolint:nilnil // absent
	}
	parsed, err := id.Parse[T](text)
	if err != nil {
		return nil, problem.New(problem.InvalidParameter, "The query parameter %s must be an id: a UUID with hyphens.", name)
	}
	return &parsed, nil
}

type changesOut struct {
	Body struct {
		Changes       []change `json:"changes"`
		NextPageToken string   `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listChanges is GET /projects/{id}/changes.
func (a *API) listChanges(ctx context.Context, actor auth.Actor, in *listChangesIn) (*changesOut, error) {
	q, scope, err := in.query(a, actor)
	if err != nil {
		return nil, err
	}
	changes, err := a.History.Changes(ctx, actor, in.ID, q)
	if err != nil {
		return nil, err
	}
	out := &changesOut{}
	out.Body.Changes = each(changes.Rows, changeOf)
	out.Body.NextPageToken = a.pageToken(changes.Next, scope)
	return out, nil
}

// revision is a revision of a specification as the contract shows it.
type revision struct {
	Revision             int64     `json:"revision" minimum:"1" sample:"17"`
	At                   timestamp `json:"at" sample:"2026-11-22T09:30:00.481516Z"`
	Actor                actor     `json:"actor"`
	SpecificationVersion int64     `json:"specification_version" minimum:"1" sample:"5" doc:"The version that the revision made. With v before it, it works as at, from and to."`
	Summary              string    `json:"summary" sample:"Changed item 3.2." doc:"What changed, for people."`
}

func revisionOf(r history.Revision) revision {
	last := r.Changes[0]
	return revision{
		Revision: r.Revision, At: timestamp(r.At), Actor: actorOf(r.Actor), SpecificationVersion: last.SpecificationVersion, Summary: r.Summary(),
	}
}

type listRevisionsIn struct {
	AcceptIn
	ID requirements.SpecificationID `path:"id" format:"uuid"`
	PageIn
}

// revisionList is a page of revisions.
type revisionList struct {
	Revisions     []revision `json:"revisions"`
	NextPageToken string     `json:"next_page_token" doc:"Empty on the last page."`

	text textBody
}

// ContentType implements huma.ContentTypeFilter.
func (revisionList) ContentType(media string) string { return textType(media) }

func (l revisionList) writeMarkdown(w io.Writer) error { return l.text.write(w) }

type revisionsOut struct {
	Link string `header:"Link" hidden:"true"`
	Body revisionList
}

// listRevisions is GET /specs/{id}/revisions.
func (a *API) listRevisions(ctx context.Context, actor auth.Actor, in *listRevisionsIn) (*revisionsOut, error) {
	scope := pageScope(actor, "revisions of "+in.ID.String(), page.Order{Column: page.ByNumber, Descending: true}, false)
	q, err := in.PageIn.query(a, page.Order{}, scope)
	if err != nil {
		return nil, err
	}
	before := int64(0)
	if q.After != nil {
		before = int64(q.After.Number)
	}
	revisions, next, err := a.History.Revisions(ctx, actor, in.ID, before, q.Limit)
	if err != nil {
		return nil, err
	}
	out := &revisionsOut{}
	out.Body.Revisions = each(revisions, revisionOf)
	if next > 0 {
		out.Body.NextPageToken = a.pageToken(&page.Cursor{Number: int(next)}, scope)
	}
	if in.Media == openapi.Markdown {
		out.Body.text = textBody(history.RevisionsMarkdown(revisions))
		if next > 0 {
			out.Link = fmt.Sprintf(`<?page_size=%d&page_token=%s>; rel="next"`, q.Limit, url.QueryEscape(out.Body.NextPageToken))
		}
	}
	return out, nil
}

// pointOf reads a query parameter that names a state; nil if it is absent.
func pointOf(name, text string, versions bool) (history.Point, error) {
	if text == "" {
		return history.Point{}, nil
	}
	p, ok := history.ParsePoint(text, versions)
	if !ok {
		return p, problem.New(problem.InvalidParameter, "The query parameter %s must be %s.", name, history.PointForms(versions))
	}
	return p, nil
}

type deleteHistoryIn struct {
	ID     requirements.SpecificationID `path:"id" format:"uuid"`
	Before string                       `query:"before" required:"true" pattern:"^v[1-9][0-9]{0,17}$" example:"v17" doc:"The version whose predecessors are deleted."`
}

// deleteHistory is DELETE /specs/{id}/history.
func (a *API) deleteHistory(ctx context.Context, actor auth.Actor, in *deleteHistoryIn) (*struct{}, error) {
	point, err := pointOf("before", in.Before, true)
	if err != nil {
		return nil, err
	}
	return nil, a.History.EraseHistory(ctx, actor, in.ID, *point.Version)
}

type deleteProjectHistoryIn struct {
	ID     requirements.ProjectID `path:"id" format:"uuid"`
	Before string                 `query:"before" required:"true" pattern:"^r[1-9][0-9]{0,17}$" example:"r120" doc:"The revision whose predecessors are deleted."`
}

// deleteProjectHistory is DELETE /projects/{id}/history.
func (a *API) deleteProjectHistory(ctx context.Context, actor auth.Actor, in *deleteProjectHistoryIn) (*struct{}, error) {
	point, err := pointOf("before", in.Before, false)
	if err != nil {
		return nil, err
	}
	return nil, a.History.EraseProjectHistory(ctx, actor, in.ID, *point.Revision)
}
