package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Project is a project as the contract shows it.
type Project struct {
	ID                 requirements.ProjectID `json:"id" format:"uuid"`
	OwnerID            auth.UserID            `json:"owner_id" format:"uuid"`
	Title              string                 `json:"title" minLength:"1" maxLength:"100" example:"Invoice portal"`
	Description        string                 `json:"description" maxLength:"5000" example:"Customers see and pay their invoices."`
	SpecificationCount int                    `json:"specification_count" minimum:"0" doc:"Live specifications; the trash does not count."`
	Version            int64                  `json:"version" minimum:"1" doc:"Counts the states of the project; the ETag is made of it."`
	CreatedAt          timestamp              `json:"created_at"`
	UpdatedAt          timestamp              `json:"updated_at"`
	DeletedAt          *timestamp             `json:"deleted_at" nullable:"true" doc:"When it went to the trash; null while it is live."`
}

func projectOf(p requirements.Project) Project {
	return Project{
		ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
		SpecificationCount: p.SpecificationCount, Version: p.Version,
		CreatedAt: timestamp(p.CreatedAt), UpdatedAt: timestamp(p.UpdatedAt), DeletedAt: stamp(p.DeletedAt),
	}
}

type projectOut struct {
	ETag string `header:"ETag" doc:"The version, for If-Match and If-None-Match."`
	Body Project
}

func projectAnswer(p requirements.Project, err error) (*projectOut, error) {
	if err != nil {
		return nil, err
	}
	return &projectOut{ETag: etag(p.Version), Body: projectOf(p)}, nil
}

type projectIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
}

// MatchedProjectIn names a project and the versions the caller may overwrite.
type MatchedProjectIn struct {
	ID    requirements.ProjectID `path:"id" format:"uuid"`
	Match ifMatch                `header:"If-Match" doc:"Only if the project is still at this version; * if it exists at all."`
}

// projectBody is what a caller says of a whole project.
type projectBody struct {
	Title       given[string] `json:"title" doc:"1 to 100 characters after trimming, on one line."`
	Description given[string] `json:"description,omitempty" doc:"At most 5,000 characters. Left out: empty."`

	draft requirements.NewProject
}

// Resolve checks the body by the rules.
func (b *projectBody) Resolve(huma.Context) []error {
	var faults []problem.FieldError
	b.draft, faults = requirements.ParseNewProject(b.Title.value, b.Description.value)
	return violationsOf(faults, map[string]bool{"/title": b.Title.ok, "/description": b.Description.ok})
}

// projectPatch is a merge patch of a project.
type projectPatch struct {
	Title       given[string]    `json:"title,omitempty" doc:"1 to 100 characters after trimming, on one line."`
	Description nullable[string] `json:"description,omitempty" doc:"At most 5,000 characters; null empties it."`

	patch requirements.ProjectPatch
}

// Resolve checks the patch by the rules.
func (b *projectPatch) Resolve(huma.Context) []error {
	var faults []problem.FieldError
	b.patch, faults = requirements.ParseProjectPatch(b.Title.pointer(), b.Description.orDefault(""))
	return violationsOf(faults, nil)
}

type listProjectsIn struct {
	ListIn
	OrderBy string `query:"order_by" enum:"created_at,created_at desc,updated_at,updated_at desc,title,title desc" default:"created_at desc" doc:"Ties are in the order of their ids."`
}

type projectsOut struct {
	Body struct {
		Projects      []Project `json:"projects"`
		NextPageToken string    `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listProjects is GET /projects.
func (a *API) listProjects(ctx context.Context, actor auth.Actor, in *listProjectsIn) (*projectsOut, error) {
	q, scope, err := in.query(a, actor, "projects", in.OrderBy)
	if err != nil {
		return nil, err
	}
	page, err := a.Outline.Projects(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	out := &projectsOut{}
	out.Body.Projects = each(page.Rows, projectOf)
	out.Body.NextPageToken = a.pageToken(page.Next, scope)
	return out, nil
}

type createProjectIn struct {
	OnceIn
	Body projectBody
}

type createProjectOut struct {
	CreatedOut
	Body Project
}

// createProject is POST /projects.
func (a *API) createProject(ctx context.Context, actor auth.Actor, in *createProjectIn) (*createProjectOut, error) {
	made, err := a.Outline.CreateProject(ctx, actor, in.once, in.Body.draft)
	if err != nil {
		return nil, err
	}
	return &createProjectOut{
		CreatedOut: created("/projects/"+made.Value.ID.String(), etag(made.Value.Version), made.Replayed),
		Body:       projectOf(made.Value),
	}, nil
}

// getProject is GET /projects/{id}.
func (a *API) getProject(ctx context.Context, actor auth.Actor, in *projectIn) (*projectOut, error) {
	return projectAnswer(a.Outline.Project(ctx, actor, in.ID))
}

type replaceProjectIn struct {
	MatchedProjectIn
	Body projectBody
}

// replaceProject is PUT /projects/{id}.
func (a *API) replaceProject(ctx context.Context, actor auth.Actor, in *replaceProjectIn) (*projectOut, error) {
	return projectAnswer(a.Outline.ReplaceProject(ctx, actor, in.ID, in.Match.match, in.Body.draft))
}

type patchProjectIn struct {
	MatchedProjectIn
	Body projectPatch
}

// patchProject is PATCH /projects/{id}.
func (a *API) patchProject(ctx context.Context, actor auth.Actor, in *patchProjectIn) (*projectOut, error) {
	return projectAnswer(a.Outline.PatchProject(ctx, actor, in.ID, in.Match.match, in.Body.patch))
}

// trashProject is DELETE /projects/{id}.
func (a *API) trashProject(ctx context.Context, actor auth.Actor, in *MatchedProjectIn) (*struct{}, error) {
	return nil, a.Outline.TrashProject(ctx, actor, in.ID, in.Match.match)
}

// restoreProject is POST /projects/{id}/restore.
func (a *API) restoreProject(ctx context.Context, actor auth.Actor, in *projectIn) (*projectOut, error) {
	return projectAnswer(a.Outline.RestoreProject(ctx, actor, in.ID))
}
