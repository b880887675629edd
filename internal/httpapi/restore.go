package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
)

var restoreItemDoc = doc{
	"restoreItem", "Items", "Restore a deleted item",
	"Brings a deleted item back to its specification, with its id and number and at its place. An item that exists stays as it is.",
}

// restoreBody says what to restore. Without a field, a resource leaves the trash.
type restoreBody struct {
	To   body.Optional[string] `json:"to,omitempty" minLength:"1" maxLength:"120" sample:"r16" doc:"The state to restore: a revision of the project such as r120, a version of a specification such as v17, a time, or a baseline such as baseline:NAME. It becomes a new revision."`
	Undo body.Optional[string] `json:"undo,omitempty" pattern:"^r[1-9][0-9]{0,17}$" patternDescription:"a revision such as r123" doc:"The revision to take back, in place of to. Rejected with undo_conflict if later revisions changed the same things."`

	target history.Target
}

func (b *restoreBody) check(*call) (faults []problem.FieldError) {
	if to := b.To.Pointer(); to != nil {
		point, ok := history.ParsePoint(*to, true)
		if !ok {
			faults = append(faults, problem.FieldError{Pointer: "/to", Code: "wrong_format", Detail: "It must be " + history.PointForms(true) + "."})
		}
		b.target.To = &point
	}
	if undo := b.Undo.Pointer(); undo != nil {
		point, _ := history.ParsePoint(*undo, false)
		b.target.Undo = point.Revision
		if b.target.To != nil {
			faults = append(faults, problem.FieldError{Pointer: "/undo", Code: "not_allowed", Detail: "Send either to or undo."})
		}
	}
	return faults
}

// isEmpty reports whether the resource shall leave the trash.
func (b *restoreBody) isEmpty() bool { return b.target.To == nil && b.target.Undo == nil }

type restoreSpecificationIn struct {
	MatchedSpecificationIn
	JSONIn[restoreBody]
}

// restoreSpecification is POST /specs/{id}/restore.
func (a *API) restoreSpecification(ctx context.Context, actor auth.Actor, in *restoreSpecificationIn) (*specificationOut, error) {
	if in.JSON.isEmpty() {
		return specificationResponse(a.Requirements.RestoreSpecification(ctx, actor, in.ID, in.precondition()))
	}
	return specificationResponse(a.History.RestoreSpecification(ctx, actor, in.ID, in.precondition(), in.JSON.target))
}

type restoreProjectIn struct {
	MatchedProjectIn
	JSONIn[restoreBody]
}

// restoreProject is POST /projects/{id}/restore.
func (a *API) restoreProject(ctx context.Context, actor auth.Actor, in *restoreProjectIn) (*projectOut, error) {
	if in.JSON.isEmpty() {
		return projectResponse(a.Requirements.RestoreProject(ctx, actor, in.ID, in.precondition()))
	}
	if to := in.JSON.target.To; to != nil && to.Version != nil {
		return nil, problem.Invalid([]problem.FieldError{{Pointer: "/to", Code: "not_allowed", Detail: "A project has revisions, not versions: send " + history.PointForms(false) + "."}})
	}
	return projectResponse(a.History.RestoreProject(ctx, actor, in.ID, in.precondition(), in.JSON.target))
}

// restoreItem is POST /items/{id}/restore.
func (a *API) restoreItem(ctx context.Context, actor auth.Actor, in *itemIn) (*changedItemOut, error) {
	return changedItemResponse(a.History.RestoreItem(ctx, actor, in.ID))
}
