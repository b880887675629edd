package httpapi

import (
	"context"
	"slices"
	"strconv"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listSpecificationsDoc = doc{
		"listSpecifications", "Specifications", "List a project's specifications",
		"One page of the project's specifications. A page ends at about 4 MiB, so it may hold fewer than `page_size`. Follow `next_page_token` until it is empty. Specifications that come or go between two pages never make you skip or repeat one. To keep a copy in step, walk `order_by=updated_at`: a specification that changes meanwhile comes again at the end. With `updated_at desc` it would move to a page that you have read. What is in the trash is in the list with `trashed=true`.",
	}
	createSpecificationDoc = doc{
		"createSpecification", "Specifications", "Create a specification",
		"Creates a specification with the project's next number, and with its first items if `items` has some: all or nothing. `If-Match` takes the project's tag.",
	}
	getSpecificationDoc = doc{
		"getSpecification", "Specifications", "Read a specification",
		"The specification, with its version as `ETag`; `include=items` adds its items. With `Accept: text/markdown` it is one text with its items.",
	}
	replaceSpecificationDoc = doc{
		"replaceSpecification", "Specifications", "Replace a specification",
		"Sets everything that a caller may set; an absent title is taken from the content.",
	}
	patchSpecificationDoc = doc{
		"patchSpecification", "Specifications", "Change a specification",
		"A JSON Merge Patch (RFC 7396): an absent field stays as it is, `null` sets the default.",
	}
	trashSpecificationDoc = doc{
		"trashSpecification", "Specifications", "Move a specification to the trash",
		"The specification and its items respond with 404 until it is restored. It no longer counts towards the limit; its number is not reused.",
	}
	restoreSpecificationDoc = doc{
		"restoreSpecification", "Specifications", "Restore a specification",
		"Without a body the specification leaves the trash, with its number, its items and their order; `If-Match` takes the tag that it has in the trash. With `to`, a live specification gets the texts and items of an earlier state; with `undo`, one revision of it is taken back. Items come back with their ids, numbers and places. It is always a new revision.",
	}
)

type specificationIn struct {
	ID requirements.SpecificationID `path:"id" format:"uuid"`
}

// MatchedSpecificationIn is a specification and the conditions of its change.
type MatchedSpecificationIn struct {
	ID requirements.SpecificationID `path:"id" format:"uuid"`
	Conditions
}

// specificationBody sets everything that a caller may set of a specification.
type specificationBody struct {
	Content string                `json:"content" minLength:"1" maxLength:"100000" sample:"# Refunds\n\nA customer gets the money back within a day." doc:"At least one character that is not blank; stored byte for byte."`
	Title   body.Optional[string] `json:"title,omitempty" trimmed:"true" maxLength:"200" sample:"Refunds" doc:"On one line; blanks around it are removed. If absent or empty: the first line of the content that has text, without its Markdown marker; front matter does not count."`

	specification requirements.NewSpecification
}

func (b *specificationBody) check(*call) (faults []problem.FieldError) {
	b.specification, faults = requirements.ParseNewSpecification(b.Title.Value(), b.Content)
	return faults
}

// newSpecificationBody is everything that a specification is created with.
type newSpecificationBody struct {
	Content string                   `json:"content" minLength:"1" maxLength:"100000" sample:"# Refunds\n\nA customer gets the money back within a day." doc:"At least one character that is not blank; stored byte for byte."`
	Title   body.Optional[string]    `json:"title,omitempty" trimmed:"true" maxLength:"200" sample:"Refunds" doc:"On one line; blanks around it are removed. If absent or empty: the first line of the content that has text, without its Markdown marker; front matter does not count."`
	Items   body.Optional[[]newItem] `json:"items,omitempty" maxItems:"500" doc:"The first items, in their order. They are created with the specification, all or nothing, and the response has them."`

	specification requirements.NewSpecification
}

// newItem is an item of a new specification.
type newItem struct {
	Content string `json:"content" minLength:"1" maxLength:"10000" sample:"Refunds above 500 need a second person." doc:"At least one character that is not blank; stored byte for byte."`
}

func (b *newSpecificationBody) check(*call) (faults []problem.FieldError) {
	b.specification, faults = requirements.ParseNewSpecification(b.Title.Value(), b.Content)
	if !b.Items.IsSet() {
		return faults
	}
	var more []problem.FieldError
	b.specification, more = b.specification.WithItems(each(b.Items.Value(), func(i newItem) string { return i.Content }))
	return append(faults, more...)
}

// specificationPatch is a merge patch of a specification.
type specificationPatch struct {
	Content body.Change[string]   `json:"content,omitempty" minLength:"1" maxLength:"100000" sample:"# Refunds\n\nA customer gets the money back within a day." doc:"At least one character that is not blank; stored byte for byte."`
	Title   body.Nullable[string] `json:"title,omitempty" trimmed:"true" maxLength:"200" doc:"On one line; blanks around it are removed. If null or empty: the first line of the content that has text. A title stays when the content changes; send null with each content for one that follows it."`

	patch requirements.SpecificationPatch
}

func (b *specificationPatch) check(*call) (faults []problem.FieldError) {
	b.patch, faults = requirements.ParseSpecificationPatch(b.Title.OrDefault(""), b.Content.Pointer())
	return faults
}

type listSpecificationsIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	ListIn
	Number  int    `query:"number" minimum:"1" maximum:"999999999" doc:"Only the specification with this number: a list of one, or of none."`
	View    string `query:"view" enum:"full,summary" default:"full" doc:"summary leaves the contents out."`
	At      string `query:"at" maxLength:"120" example:"r120" doc:"The live specifications as they were: at a revision such as r120, a time, or a baseline such as baseline:NAME. A time means the last revision at or before it. The list is then in the order of the numbers."`
	OrderBy string `query:"order_by" enum:"number,number desc,created_at,created_at desc,updated_at,updated_at desc,title,title desc" default:"number" doc:"Equal values are ordered by id. Titles are ordered by code points: Zebra before apple, 10 before 2."`
}

type specificationsOut struct {
	Body struct {
		Specifications []specificationRow `json:"specifications"`
		NextPageToken  string             `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listSpecifications is GET /projects/{id}/specs.
func (a *API) listSpecifications(ctx context.Context, actor auth.Actor, in *listSpecificationsIn) (*specificationsOut, error) {
	if in.At != "" {
		return a.specificationsAt(ctx, actor, in)
	}
	q, scope, err := in.listQuery(a, actor)
	if err != nil {
		return nil, err
	}
	q.Summary = in.View == "summary"
	page, err := a.Requirements.Specifications(ctx, actor, in.ID, q)
	if err != nil {
		return nil, err
	}
	out := &specificationsOut{}
	out.Body.Specifications = each(page.Rows, specificationRowOf)
	out.Body.NextPageToken = a.pageToken(page.Next, scope)
	out.only(in.Number)
	return out, nil
}

// listQuery returns the page that the parameters select, and the scope of its page tokens.
func (in *listSpecificationsIn) listQuery(a *API, actor auth.Actor) (requirements.ListQuery, string, error) {
	name := "specifications of " + in.ID.String()
	if in.At != "" {
		name += " at " + in.At
	}
	if in.Number != 0 {
		name += " with the number " + strconv.Itoa(in.Number)
	}
	q, scope, err := in.query(a, actor, name, in.OrderBy)
	if in.Number != 0 {
		q.Query = q.From(in.Number)
	}
	return q, scope, err
}

// only leaves the specification with a number, unless the number is zero.
func (out *specificationsOut) only(number int) {
	if number != 0 {
		out.Body.Specifications = slices.DeleteFunc(out.Body.Specifications, func(s specificationRow) bool { return s.Number != number })
		out.Body.NextPageToken = ""
	}
}

// specificationsAt is GET /projects/{id}/specs with at.
func (a *API) specificationsAt(ctx context.Context, actor auth.Actor, in *listSpecificationsIn) (*specificationsOut, error) {
	point, err := pointOf("at", in.At, false)
	if err == nil && (in.OrderBy != "number" || in.Trashed == "true") {
		err = problem.New(problem.InvalidParameter, "With the query parameter at, the list has the order number and no trash.")
	}
	if err != nil {
		return nil, err
	}
	q, scope, err := in.listQuery(a, actor)
	if err != nil {
		return nil, err
	}
	rows, err := a.History.SpecificationsAt(ctx, actor, in.ID, point, q.Query)
	if err != nil {
		return nil, err
	}
	out := &specificationsOut{}
	out.Body.Specifications = each(rows.Rows, specificationRowOf)
	if in.View == "summary" {
		for n := range out.Body.Specifications {
			out.Body.Specifications[n].Content = ""
		}
	}
	out.Body.NextPageToken = a.pageToken(rows.Next, scope)
	out.only(in.Number)
	return out, nil
}

type createSpecificationIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	Match
	IdempotentIn
	JSONIn[newSpecificationBody]
}

type createSpecificationOut struct {
	CreatedOut
	Body specification
}

// createSpecification is POST /projects/{id}/specs.
func (a *API) createSpecification(ctx context.Context, actor auth.Actor, in *createSpecificationIn) (*createSpecificationOut, error) {
	request, err := in.request("/projects/"+in.ID.String()+"/specs", in.RawBody)
	if err != nil {
		return nil, err
	}
	spec, err := a.Requirements.CreateSpecification(ctx, actor, in.ID, request, in.precondition(), in.JSON.specification)
	if err != nil {
		return nil, err
	}
	out := &createSpecificationOut{
		CreatedOut: created(ctx, "/specs/"+spec.Value.ID.String(), spec.Value.Tag(), spec.Replayed),
		Body:       specificationOf(spec.Value.Specification),
	}
	if items := spec.Value.NewItems(); items != nil {
		out.Body.Items = each(items, itemOf)
	}
	return out, nil
}

type getSpecificationIn struct {
	AcceptIn
	ID      requirements.SpecificationID `path:"id" format:"uuid"`
	Include string                       `query:"include" enum:"items" doc:"items adds the items in their order."`
	At      string                       `query:"at" maxLength:"120" example:"v17" doc:"The specification as it was: at a revision of the project such as r120, a version such as v17, a time, or a baseline such as baseline:NAME. A time means the last revision at or before it."`
}

// getSpecification is GET /specs/{id}.
func (a *API) getSpecification(ctx context.Context, actor auth.Actor, in *getSpecificationIn) (*specificationOut, error) {
	if in.Media == openapi.Markdown {
		in.Include = "items"
	}
	out, err := a.readSpecification(ctx, actor, in)
	if err == nil {
		out.ETag = tagAs(out.ETag, in.Media)
	}
	return out, err
}

func (a *API) readSpecification(ctx context.Context, actor auth.Actor, in *getSpecificationIn) (*specificationOut, error) {
	if in.At != "" {
		return a.specificationAt(ctx, actor, in)
	}
	if in.Include == "" {
		return specificationResponse(a.Requirements.Specification(ctx, actor, in.ID))
	}
	s, items, err := a.Requirements.Items(ctx, actor, in.ID)
	out, err := specificationResponse(s, err)
	if err == nil {
		out.Body.Items = each(items, itemOf)
	}
	return out, err
}

// specificationAt is GET /specs/{id} with at.
func (a *API) specificationAt(ctx context.Context, actor auth.Actor, in *getSpecificationIn) (*specificationOut, error) {
	point, err := pointOf("at", in.At, true)
	if err != nil {
		return nil, err
	}
	list, err := a.History.SpecificationAt(ctx, actor, in.ID, point)
	out, err := specificationResponse(list.Specification, err)
	if err == nil && in.Include != "" {
		out.Body.Items = each(list.Items, itemOf)
	}
	return out, err
}

type replaceSpecificationIn struct {
	MatchedSpecificationIn
	JSONIn[specificationBody]
}

// replaceSpecification is PUT /specs/{id}.
func (a *API) replaceSpecification(ctx context.Context, actor auth.Actor, in *replaceSpecificationIn) (*specificationOut, error) {
	return specificationResponse(a.Requirements.ReplaceSpecification(ctx, actor, in.ID, in.precondition(), in.JSON.specification))
}

type patchSpecificationIn struct {
	MatchedSpecificationIn
	JSONIn[specificationPatch]
}

// patchSpecification is PATCH /specs/{id}.
func (a *API) patchSpecification(ctx context.Context, actor auth.Actor, in *patchSpecificationIn) (*specificationOut, error) {
	return specificationResponse(a.Requirements.PatchSpecification(ctx, actor, in.ID, in.precondition(), in.JSON.patch))
}

// trashSpecification is DELETE /specs/{id}.
func (a *API) trashSpecification(ctx context.Context, actor auth.Actor, in *MatchedSpecificationIn) (*struct{}, error) {
	return nil, a.Requirements.TrashSpecification(ctx, actor, in.ID, in.precondition())
}
