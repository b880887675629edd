package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listBaselinesDoc = doc{
		"listBaselines", "History", "List a project's baselines",
		"The named revisions of the project, the newest first.",
	}
	createBaselineDoc = doc{
		"createBaseline", "History", "Create a baseline",
		"Names a revision of the project. Wherever a revision is taken, `baseline:NAME` is too. The history that a baseline needs does not expire. It is no revision itself.",
	}
	getBaselineDoc = doc{
		"getBaseline", "History", "Read a baseline",
		"The name, the revision, and the digest of the project at that revision.",
	}
	patchBaselineDoc = doc{
		"patchBaseline", "History", "Change a baseline",
		"A JSON Merge Patch (RFC 7396) of name and description. The revision of a baseline never changes.",
	}
	deleteBaselineDoc = doc{
		"deleteBaseline", "History", "Delete a baseline",
		"Deletes the name. The revision stays.",
	}
)

// baseline is a baseline as the contract shows it.
type baseline struct {
	ID          history.BaselineID     `json:"id" format:"uuid"`
	ProjectID   requirements.ProjectID `json:"project_id" format:"uuid"`
	Name        string                 `json:"name" minLength:"1" maxLength:"100" example:"1.0"`
	Description string                 `json:"description" maxLength:"5000" example:"What the first customers get."`
	Revision    int64                  `json:"revision" minimum:"0" sample:"17"`
	Digest      string                 `json:"digest" pattern:"^sha256:[0-9a-f]{64}$" sample:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" doc:"SHA-256 of the canonical JSON (RFC 8785) of title, description, and the live specifications with number, title, content and items (number, content). Two states with the same content have the same digest."`
	CreatedBy   actor                  `json:"created_by"`
	CreatedAt   timestamp              `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
}

func baselineOf(b history.Baseline) baseline {
	return baseline{
		ID: b.ID, ProjectID: b.Project, Name: b.Name, Description: b.Description, Revision: b.Revision, Digest: b.Digest,
		CreatedBy: actorOf(b.CreatedBy), CreatedAt: timestamp(b.CreatedAt),
	}
}

type baselineOut struct{ Body baseline }

func baselineResponse(b history.Baseline, err error) (*baselineOut, error) {
	if err != nil {
		return nil, err
	}
	return &baselineOut{Body: baselineOf(b)}, nil
}

type listBaselinesIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	PageIn
}

type baselinesOut struct {
	Body struct {
		Baselines     []baseline `json:"baselines"`
		NextPageToken string     `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listBaselines is GET /projects/{id}/baselines.
func (a *API) listBaselines(ctx context.Context, actor auth.Actor, in *listBaselinesIn) (*baselinesOut, error) {
	order := page.Order{Column: page.ByCreatedAt, Descending: true}
	scope := pageScope(actor, "baselines of "+in.ID.String(), order, false)
	q, err := in.PageIn.query(a, order, scope)
	if err != nil {
		return nil, err
	}
	baselines, err := a.History.Baselines(ctx, actor, in.ID, q)
	if err != nil {
		return nil, err
	}
	out := &baselinesOut{}
	out.Body.Baselines = each(baselines.Rows, baselineOf)
	out.Body.NextPageToken = a.pageToken(baselines.Next, scope)
	return out, nil
}

// baselineBody is what a caller sets of a new baseline.
type baselineBody struct {
	Name        string                `json:"name" trimmed:"true" minLength:"1" maxLength:"100" sample:"1.0" doc:"Unique in the project; on one line, blanks around it are removed."`
	Description body.Optional[string] `json:"description,omitempty" maxLength:"5000" sample:"What the first customers get." doc:"If absent: empty."`
	Revision    body.Optional[int64]  `json:"revision,omitempty" minimum:"0" doc:"If absent: the newest one."`

	baseline history.NewBaseline
}

func (b *baselineBody) check(*call) (faults []problem.FieldError) {
	b.baseline, faults = history.ParseNewBaseline(b.Name, b.Description.Value(), b.Revision.Pointer())
	return faults
}

type createBaselineIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	IdempotentIn
	JSONIn[baselineBody]
}

type createBaselineOut struct {
	Location string `header:"Location" doc:"The path of what was created."`
	Replayed string `header:"Idempotency-Replayed" doc:"true if this is the response to an earlier request with the same Idempotency-Key."`
	Body     baseline
}

// createBaseline is POST /projects/{id}/baselines.
func (a *API) createBaseline(ctx context.Context, actor auth.Actor, in *createBaselineIn) (*createBaselineOut, error) {
	request, err := in.request("/projects/"+in.ID.String()+"/baselines", in.RawBody)
	if err != nil {
		return nil, err
	}
	made, err := a.History.CreateBaseline(ctx, actor, in.ID, request, in.JSON.baseline)
	if err != nil {
		return nil, err
	}
	c := created(ctx, "/baselines/"+made.Value.ID.String(), requirements.Tag{}, made.Replayed)
	return &createBaselineOut{Location: c.Location, Replayed: c.Replayed, Body: baselineOf(made.Value)}, nil
}

type baselineIn struct {
	ID history.BaselineID `path:"id" format:"uuid"`
}

// getBaseline is GET /baselines/{id}.
func (a *API) getBaseline(ctx context.Context, actor auth.Actor, in *baselineIn) (*baselineOut, error) {
	return baselineResponse(a.History.Baseline(ctx, actor, in.ID))
}

// baselinePatch is a merge patch of a baseline.
type baselinePatch struct {
	Name        body.Change[string]   `json:"name,omitempty" trimmed:"true" minLength:"1" maxLength:"100" sample:"1.0"`
	Description body.Nullable[string] `json:"description,omitempty" maxLength:"5000" doc:"Null empties it."`

	patch history.BaselinePatch
}

func (b *baselinePatch) check(*call) (faults []problem.FieldError) {
	b.patch, faults = history.ParseBaselinePatch(b.Name.Pointer(), b.Description.OrDefault(""))
	return faults
}

type patchBaselineIn struct {
	ID history.BaselineID `path:"id" format:"uuid"`
	JSONIn[baselinePatch]
}

// patchBaseline is PATCH /baselines/{id}.
func (a *API) patchBaseline(ctx context.Context, actor auth.Actor, in *patchBaselineIn) (*baselineOut, error) {
	return baselineResponse(a.History.PatchBaseline(ctx, actor, in.ID, in.JSON.patch))
}

// deleteBaseline is DELETE /baselines/{id}.
func (a *API) deleteBaseline(ctx context.Context, actor auth.Actor, in *baselineIn) (*struct{}, error) {
	return nil, a.History.DeleteBaseline(ctx, actor, in.ID)
}
