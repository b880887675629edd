package httpapi

import (
	"context"
	"io"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listProjectsDoc = doc{
		"listProjects", "Projects", "List your projects",
		"One page of the caller's projects; with `shared=true`, of those that others share with the caller. Follow `next_page_token` until it is empty. Projects that come or go between two pages never make you skip or repeat one. To keep a copy in step, walk `order_by=updated_at`: a project that changes meanwhile comes again at the end. With `updated_at desc` it would move to a page that you have read. What is in the trash is in the list with `trashed=true`.",
	}
	createProjectDoc = doc{
		"createProject", "Projects", "Create a project",
		"Creates an empty project that the caller owns.",
	}
	getProjectDoc = doc{
		"getProject", "Projects", "Read a project",
		"The project. Its `ETag` is made of its version and its revision, such as `\"3-17\"`; `If-Match` compares the version. With `Accept: text/markdown` it is title and description as one text.",
	}
	replaceProjectDoc = doc{
		"replaceProject", "Projects", "Replace a project",
		"Sets everything that a caller may set; an absent field gets its default.",
	}
	patchProjectDoc = doc{
		"patchProject", "Projects", "Change a project",
		"A JSON Merge Patch (RFC 7396): an absent field stays as it is, `null` sets the default.",
	}
	trashProjectDoc = doc{
		"trashProject", "Projects", "Move a project to the trash",
		"The project and everything below it respond with 404 until it is restored. It no longer counts towards the limit.",
	}
	restoreProjectDoc = doc{
		"restoreProject", "Projects", "Restore a project",
		"Without a body the project leaves the trash, with what was live in it; `If-Match` takes the tag that it has in the trash. With `to`, a live project and everything in it become what they were; with `undo`, one revision is taken back. Specifications that were created since move to the trash. It is always a new revision.",
	}
)

// Project is a project as the contract shows it.
type Project struct {
	ID                 requirements.ProjectID `json:"id" format:"uuid"`
	OwnerID            auth.UserID            `json:"owner_id" format:"uuid"`
	Owner              projectOwner           `json:"owner" doc:"The user whose project it is. Limits count for the owner."`
	Role               string                 `json:"role" enum:"owner,editor,viewer" doc:"What the caller may do: an editor changes the content, a viewer reads it, the owner may everything."`
	Title              string                 `json:"title" minLength:"1" maxLength:"100" example:"Invoice portal"`
	Description        string                 `json:"description" maxLength:"5000" example:"Customers see and pay their invoices."`
	SpecificationCount int                    `json:"specification_count" minimum:"0" sample:"1" doc:"Live specifications; the trash does not count."`
	Version            int64                  `json:"version" minimum:"1" sample:"3" doc:"Counts the states of the project. In quotes it works as If-Match of a change."`
	Revision           int64                  `json:"revision" minimum:"0" sample:"17" doc:"Counts the changes of the project and of everything in it, see its changes. With r before it, it names this state."`
	CreatedAt          timestamp              `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	UpdatedAt          timestamp              `json:"updated_at"`
	DeletedAt          *timestamp             `json:"deleted_at" nullable:"true" doc:"When it was moved to the trash; null while it is live."`
}

// projectOwner is the owner of a project.
type projectOwner struct {
	ID   auth.UserID `json:"id" format:"uuid"`
	Name string      `json:"name" example:"Ann"`
}

// ContentType implements huma.ContentTypeFilter.
func (Project) ContentType(media string) string { return textType(media) }

func (p Project) writeMarkdown(w io.Writer) error {
	return textBody(history.ProjectMarkdown(requirements.Project{Title: p.Title, Description: p.Description})).write(w)
}

func projectOf(p requirements.Project) Project {
	return Project{
		ID: p.ID, OwnerID: p.Owner, Owner: projectOwner{p.Owner, p.OwnerName}, Role: string(p.Role), Title: p.Title, Description: p.Description,
		SpecificationCount: p.SpecificationCount, Version: p.Version, Revision: p.Revision,
		CreatedAt: timestamp(p.CreatedAt), UpdatedAt: timestamp(p.UpdatedAt), DeletedAt: timestampOf(p.DeletedAt),
	}
}

type projectOut struct {
	ETag string `header:"ETag" doc:"Version and revision, for If-Match and If-None-Match."`
	Body Project
}

func projectResponse(p requirements.Project, err error) (*projectOut, error) {
	if err != nil {
		return nil, err
	}
	return &projectOut{ETag: etag(p.Tag()), Body: projectOf(p)}, nil
}

// MatchedProjectIn is a project and the conditions of its change.
type MatchedProjectIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	Conditions
}

// projectBody sets everything that a caller may set of a project.
type projectBody struct {
	Title       string                `json:"title" trimmed:"true" minLength:"1" maxLength:"100" sample:"Invoice portal" doc:"On one line; blanks around it are removed."`
	Description body.Optional[string] `json:"description,omitempty" maxLength:"5000" sample:"Customers see and pay their invoices." doc:"If absent: empty."`

	project requirements.NewProject
}

func (b *projectBody) check(*call) (faults []problem.FieldError) {
	b.project, faults = requirements.ParseNewProject(b.Title, b.Description.Value())
	return faults
}

// projectPatch is a merge patch of a project.
type projectPatch struct {
	Title       body.Change[string]   `json:"title,omitempty" trimmed:"true" minLength:"1" maxLength:"100" sample:"Invoice portal" doc:"On one line; blanks around it are removed."`
	Description body.Nullable[string] `json:"description,omitempty" maxLength:"5000" doc:"Null empties it."`

	patch requirements.ProjectPatch
}

func (b *projectPatch) check(*call) (faults []problem.FieldError) {
	b.patch, faults = requirements.ParseProjectPatch(b.Title.Pointer(), b.Description.OrDefault(""))
	return faults
}

type listProjectsIn struct {
	ListIn
	Shared  string `query:"shared" enum:"true,false" default:"false" doc:"Lists the projects that others share with the caller instead of the caller's own. It goes with trashed=false alone: the trash is its owner's."`
	OrderBy string `query:"order_by" enum:"created_at,created_at desc,updated_at,updated_at desc,title,title desc" default:"created_at desc" doc:"Equal values are ordered by id. Titles are ordered by code points: Zebra before apple, 10 before 2."`
}

type projectsOut struct {
	Body struct {
		Projects      []Project `json:"projects"`
		NextPageToken string    `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listProjects is GET /projects.
func (a *API) listProjects(ctx context.Context, actor auth.Actor, in *listProjectsIn) (*projectsOut, error) {
	name, shared := "projects", in.Shared == "true"
	if shared {
		name = "shared projects"
	}
	if shared && in.Trashed == "true" {
		return nil, problem.New(problem.InvalidParameter, "The query parameters shared and trashed exclude each other: the trash of a project is its owner's.")
	}
	q, scope, err := in.query(a, actor, name, in.OrderBy)
	if err != nil {
		return nil, err
	}
	q.Shared = shared
	page, err := a.Requirements.Projects(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	out := &projectsOut{}
	out.Body.Projects = each(page.Rows, projectOf)
	out.Body.NextPageToken = a.pageToken(page.Next, scope)
	return out, nil
}

type createProjectIn struct {
	IdempotentIn
	JSONIn[projectBody]
}

type createProjectOut struct {
	CreatedOut
	Body Project
}

// createProject is POST /projects.
func (a *API) createProject(ctx context.Context, actor auth.Actor, in *createProjectIn) (*createProjectOut, error) {
	request, err := in.request("/projects", in.RawBody)
	if err != nil {
		return nil, err
	}
	project, err := a.Requirements.CreateProject(ctx, actor, request, in.JSON.project)
	if err != nil {
		return nil, err
	}
	return &createProjectOut{
		CreatedOut: created(ctx, "/projects/"+project.Value.ID.String(), project.Value.Tag(), project.Replayed),
		Body:       projectOf(project.Value),
	}, nil
}

type getProjectIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	AcceptIn
}

// getProject is GET /projects/{id}.
func (a *API) getProject(ctx context.Context, actor auth.Actor, in *getProjectIn) (*projectOut, error) {
	out, err := projectResponse(a.Requirements.Project(ctx, actor, in.ID))
	if err == nil {
		out.ETag = tagAs(out.ETag, in.Media)
	}
	return out, err
}

type replaceProjectIn struct {
	MatchedProjectIn
	JSONIn[projectBody]
}

// replaceProject is PUT /projects/{id}.
func (a *API) replaceProject(ctx context.Context, actor auth.Actor, in *replaceProjectIn) (*projectOut, error) {
	return projectResponse(a.Requirements.ReplaceProject(ctx, actor, in.ID, in.precondition(), in.JSON.project))
}

type patchProjectIn struct {
	MatchedProjectIn
	JSONIn[projectPatch]
}

// patchProject is PATCH /projects/{id}.
func (a *API) patchProject(ctx context.Context, actor auth.Actor, in *patchProjectIn) (*projectOut, error) {
	return projectResponse(a.Requirements.PatchProject(ctx, actor, in.ID, in.precondition(), in.JSON.patch))
}

// trashProject is DELETE /projects/{id}.
func (a *API) trashProject(ctx context.Context, actor auth.Actor, in *MatchedProjectIn) (*struct{}, error) {
	return nil, a.Requirements.TrashProject(ctx, actor, in.ID, in.precondition())
}
