package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// specification is a specification as the contract shows it.
type specification struct {
	ID        requirements.SpecificationID `json:"id" format:"uuid"`
	ProjectID requirements.ProjectID       `json:"project_id" format:"uuid"`
	Number    int                          `json:"number" minimum:"1" doc:"Counts from 1 within the project; never given twice."`
	Title     string                       `json:"title" maxLength:"200" example:"Refunds"`
	Content   string                       `json:"content" minLength:"1" maxLength:"100000" example:"# Refunds\n\nA customer gets the money back within a day."`
	ItemCount int                          `json:"item_count" minimum:"0"`
	Version   int64                        `json:"version" minimum:"1" doc:"Counts the states of the specification and its items; the ETag is made of it."`
	CreatedAt timestamp                    `json:"created_at"`
	UpdatedAt timestamp                    `json:"updated_at"`
	DeletedAt *timestamp                   `json:"deleted_at" nullable:"true" doc:"When it went to the trash; null while it is live."`
	Items     []item                       `json:"items,omitzero" doc:"The items in their order; only with include=items."`
}

func specificationOf(s requirements.Specification) specification {
	return specification{
		ID: s.ID, ProjectID: s.Project, Number: s.Number, Title: s.Title, Content: s.Content, ItemCount: len(s.Items),
		Version: s.Version, CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt), DeletedAt: stamp(s.DeletedAt),
	}
}

type specificationOut struct {
	ETag string `header:"ETag" doc:"The version, for If-Match and If-None-Match."`
	Body specification
}

func specificationAnswer(s requirements.Specification, err error) (*specificationOut, error) {
	if err != nil {
		return nil, err
	}
	return &specificationOut{ETag: etag(s.Version), Body: specificationOf(s)}, nil
}

type specificationIn struct {
	ID requirements.SpecificationID `path:"id" format:"uuid"`
}

// MatchedSpecificationIn names a specification and the versions the caller may
// overwrite.
type MatchedSpecificationIn struct {
	ID    requirements.SpecificationID `path:"id" format:"uuid"`
	Match ifMatch                      `header:"If-Match" doc:"Only if the specification is still at this version; * if it exists at all."`
}

// specificationBody is what a caller says of a whole specification.
type specificationBody struct {
	Content given[string] `json:"content" doc:"1 to 100,000 characters, at least one of them not blank; kept byte for byte."`
	Title   given[string] `json:"title,omitempty" doc:"At most 200 characters after trimming, on one line. Left out or empty: the first line of the content that says something."`

	draft requirements.NewSpecification
}

// Resolve checks the body by the rules.
func (b *specificationBody) Resolve(huma.Context) []error {
	var faults []problem.FieldError
	b.draft, faults = requirements.ParseNewSpecification(b.Title.value, b.Content.value)
	return violationsOf(faults, map[string]bool{"/title": b.Title.ok, "/content": b.Content.ok})
}

// specificationPatch is a merge patch of a specification.
type specificationPatch struct {
	Content given[string]    `json:"content,omitempty" doc:"1 to 100,000 characters, at least one of them not blank; kept byte for byte."`
	Title   nullable[string] `json:"title,omitempty" doc:"At most 200 characters after trimming, on one line. Null or empty: the first line of the content that says something."`

	patch requirements.SpecificationPatch
}

// Resolve checks the patch by the rules.
func (b *specificationPatch) Resolve(huma.Context) []error {
	var faults []problem.FieldError
	b.patch, faults = requirements.ParseSpecificationPatch(b.Title.orDefault(""), b.Content.pointer())
	return violationsOf(faults, nil)
}

type listSpecificationsIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	ListIn
	OrderBy string `query:"order_by" enum:"number,number desc,created_at,created_at desc,updated_at,updated_at desc,title,title desc" default:"number" doc:"Ties are in the order of their ids."`
}

type specificationsOut struct {
	Body struct {
		Specifications []specification `json:"specifications"`
		NextPageToken  string          `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listSpecifications is GET /projects/{id}/specs.
func (a *API) listSpecifications(ctx context.Context, actor auth.Actor, in *listSpecificationsIn) (*specificationsOut, error) {
	q, scope, err := in.query(a, actor, "specifications of "+in.ID.String(), in.OrderBy)
	if err != nil {
		return nil, err
	}
	page, err := a.Outline.Specifications(ctx, actor, in.ID, q)
	if err != nil {
		return nil, err
	}
	out := &specificationsOut{}
	out.Body.Specifications = each(page.Rows, specificationOf)
	out.Body.NextPageToken = a.pageToken(page.Next, scope)
	return out, nil
}

type createSpecificationIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	OnceIn
	Body specificationBody
}

type createSpecificationOut struct {
	CreatedOut
	Body specification
}

// createSpecification is POST /projects/{id}/specs.
func (a *API) createSpecification(ctx context.Context, actor auth.Actor, in *createSpecificationIn) (*createSpecificationOut, error) {
	made, err := a.Outline.CreateSpecification(ctx, actor, in.ID, in.once, in.Body.draft)
	if err != nil {
		return nil, err
	}
	return &createSpecificationOut{
		CreatedOut: created("/specs/"+made.Value.ID.String(), etag(made.Value.Version), made.Replayed),
		Body:       specificationOf(made.Value),
	}, nil
}

type getSpecificationIn struct {
	ID      requirements.SpecificationID `path:"id" format:"uuid"`
	Include string                       `query:"include" enum:"items" doc:"items adds the items in their order."`
}

// getSpecification is GET /specs/{id}.
func (a *API) getSpecification(ctx context.Context, actor auth.Actor, in *getSpecificationIn) (*specificationOut, error) {
	if in.Include == "" {
		return specificationAnswer(a.Outline.Specification(ctx, actor, in.ID))
	}
	s, items, err := a.Outline.Items(ctx, actor, in.ID)
	out, err := specificationAnswer(s, err)
	if err == nil {
		out.Body.Items = each(items, itemOf)
	}
	return out, err
}

type replaceSpecificationIn struct {
	MatchedSpecificationIn
	Body specificationBody
}

// replaceSpecification is PUT /specs/{id}.
func (a *API) replaceSpecification(ctx context.Context, actor auth.Actor, in *replaceSpecificationIn) (*specificationOut, error) {
	return specificationAnswer(a.Outline.ReplaceSpecification(ctx, actor, in.ID, in.Match.match, in.Body.draft))
}

type patchSpecificationIn struct {
	MatchedSpecificationIn
	Body specificationPatch
}

// patchSpecification is PATCH /specs/{id}.
func (a *API) patchSpecification(ctx context.Context, actor auth.Actor, in *patchSpecificationIn) (*specificationOut, error) {
	return specificationAnswer(a.Outline.PatchSpecification(ctx, actor, in.ID, in.Match.match, in.Body.patch))
}

// trashSpecification is DELETE /specs/{id}.
func (a *API) trashSpecification(ctx context.Context, actor auth.Actor, in *MatchedSpecificationIn) (*struct{}, error) {
	return nil, a.Outline.TrashSpecification(ctx, actor, in.ID, in.Match.match)
}

// restoreSpecification is POST /specs/{id}/restore.
func (a *API) restoreSpecification(ctx context.Context, actor auth.Actor, in *specificationIn) (*specificationOut, error) {
	return specificationAnswer(a.Outline.RestoreSpecification(ctx, actor, in.ID))
}
