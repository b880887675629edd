package httpapi

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listItemsDoc = doc{
		"listItems", "Items", "List a specification's items",
		"All items in their order. The `ETag` is the specification's. An item's own tag is its `version` and its `order`, such as `\"3-1\"`; `\"3\"`, the version alone, works in `If-Match`, too.",
	}
	createItemDoc = doc{
		"createItem", "Items", "Add an item",
		"Inserts a new item at the position `order` and shifts the rest, or appends it. `If-Match` takes the specification's tag.",
	}
	reorderItemsDoc = doc{
		"reorderItems", "Items", "Reorder all items",
		"Takes exactly the specification's present items, each once. Either all of them move, or none. `If-Match` takes the specification's tag. A 409 or 412 shows the specification with its items under `current`.",
	}
	getItemDoc = doc{
		"getItem", "Items", "Read an item",
		"The item with its present position.",
	}
	replaceItemDoc = doc{
		"replaceItem", "Items", "Replace an item",
		"Sets the content; `order` moves the item. If `order` is absent, the item stays in its position. With `order`, `If-Match` compares the position in the tag, too.",
	}
	patchItemDoc = doc{
		"patchItem", "Items", "Change an item",
		"A JSON Merge Patch (RFC 7396): an absent field stays as it is; `order` moves the item. With `order`, `If-Match` compares the position in the tag, too.",
	}
	deleteItemDoc = doc{
		"deleteItem", "Items", "Delete an item",
		"Removes the item permanently and closes the gap.",
	}
)

// item is a bullet item as the contract shows it.
type item struct {
	ID        requirements.ItemID          `json:"id" format:"uuid"`
	SpecID    requirements.SpecificationID `json:"spec_id" format:"uuid"`
	Number    int                          `json:"number" minimum:"1" sample:"2" doc:"Counts from 1 within the specification; never reused."`
	Ref       ref                          `json:"ref" sample:"3.2" doc:"The number of the specification and that of the item, for code, commits and tests; never given to another item."`
	Content   string                       `json:"content" minLength:"1" maxLength:"10000" example:"Refunds above 500 need a second person."`
	Order     int                          `json:"order" minimum:"0" sample:"1" doc:"The position in the specification, from 0 without gaps."`
	Version   int64                        `json:"version" minimum:"1" doc:"Counts the states of the item itself. In quotes it works as If-Match of a change."`
	CreatedAt timestamp                    `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	UpdatedAt timestamp                    `json:"updated_at" sample:"2026-11-22T09:30:00.481516Z"`
}

// ref is the reference of an item.
type ref requirements.Ref

// AppendText writes the reference. JSON encoding uses it.
func (r ref) AppendText(b []byte) ([]byte, error) { return requirements.Ref(r).AppendText(b) }

// MarshalText writes the reference.
func (r ref) MarshalText() ([]byte, error) { return r.AppendText(nil) }

// UnmarshalText reads the reference of an example.
func (r *ref) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d.%d", &r.Specification, &r.Item)
	return err
}

// Schema documents the form.
func (ref) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^[1-9][0-9]*\.[1-9][0-9]*$`}
}

func itemOf(i requirements.Item) item {
	return item{
		ID: i.ID, SpecID: i.Specification, Number: i.Number, Ref: ref(i.Ref()), Content: i.Content, Order: i.Order,
		Version: i.Version, CreatedAt: timestamp(i.CreatedAt), UpdatedAt: timestamp(i.UpdatedAt),
	}
}

type itemOut struct {
	ETag string `header:"ETag" doc:"Version and position, for If-Match and If-None-Match."`
	Body item
}

func itemResponse(i requirements.Item, err error) (*itemOut, error) {
	if err != nil {
		return nil, err
	}
	return &itemOut{ETag: etag(i.Tag()), Body: itemOf(i)}, nil
}

// ParentOut tells of a change of an item what it made of the specification. It is
// exported because huma ignores embedded types that are not.
type ParentOut struct {
	// at is where the item is afterwards; zero if an earlier response is replayed.
	at location

	SpecificationETag string `header:"Specification-ETag" doc:"The ETag of the item's specification after this request, for If-Match of a reorder. Absent if an earlier response is replayed."`
}

func parentOf(s requirements.Specification) ParentOut {
	if s.ID.IsZero() {
		return ParentOut{}
	}
	return ParentOut{at: location{s.Project, s.ID}, SpecificationETag: etag(s.Tag())}
}

type changedItemOut struct {
	ParentOut
	ETag string `header:"ETag" doc:"Version and position, for If-Match and If-None-Match."`
	Body item
}

func changedItemResponse(s requirements.Specification, i requirements.Item, err error) (*changedItemOut, error) {
	if err != nil {
		return nil, err
	}
	return &changedItemOut{ParentOut: parentOf(s), ETag: etag(i.Tag()), Body: itemOf(i)}, nil
}

type itemIn struct {
	ID requirements.ItemID `path:"id" format:"uuid"`
}

// MatchedItemIn is an item and the conditions of its change.
type MatchedItemIn struct {
	ID requirements.ItemID `path:"id" format:"uuid"`
	Conditions
}

// itemBody sets everything that a caller may set of an item.
type itemBody struct {
	Content string             `json:"content" minLength:"1" maxLength:"10000" sample:"Refunds above 500 need a second person." doc:"At least one character that is not blank; stored byte for byte."`
	Order   body.Optional[int] `json:"order,omitempty" minimum:"0" doc:"The position of the item, from 0. If absent: a new item is appended, another stays where it is."`

	item requirements.NewItem
}

func (b *itemBody) check(*call) (faults []problem.FieldError) {
	b.item, faults = requirements.ParseNewItem(b.Content, b.Order.Pointer())
	return faults
}

// itemPatch is a merge patch of an item.
type itemPatch struct {
	Content body.Change[string] `json:"content,omitempty" minLength:"1" maxLength:"10000" sample:"Refunds above 500 need a second person." doc:"At least one character that is not blank; stored byte for byte."`
	Order   body.Change[int]    `json:"order,omitempty" minimum:"0" doc:"Moves the item to this position, from 0."`

	patch requirements.ItemPatch
}

func (b *itemPatch) check(*call) (faults []problem.FieldError) {
	b.patch, faults = requirements.ParseItemPatch(b.Content.Pointer(), b.Order.Pointer())
	return faults
}

type itemsOut struct {
	ETag string `header:"ETag" doc:"The specification's version."`
	Body struct {
		Items         []item `json:"items"`
		NextPageToken string `json:"next_page_token" doc:"Always empty: all items of a specification are on one page."`
	}
}

func itemsResponse(s requirements.Specification, items []requirements.Item, err error) (*itemsOut, error) {
	if err != nil {
		return nil, err
	}
	out := &itemsOut{ETag: etag(s.Tag())}
	out.Body.Items = each(items, itemOf)
	return out, nil
}

// listItems is GET /specs/{id}/items.
func (a *API) listItems(ctx context.Context, actor auth.Actor, in *specificationIn) (*itemsOut, error) {
	spec, items, err := a.Requirements.Items(ctx, actor, in.ID)
	if err == nil {
		a.locations.learnSpecification(specification{ID: spec.ID, ProjectID: spec.Project})
	}
	return itemsResponse(spec, items, err)
}

type createItemIn struct {
	ID requirements.SpecificationID `path:"id" format:"uuid"`
	Match
	IdempotentIn
	JSONIn[itemBody]
}

type createItemOut struct {
	ParentOut
	CreatedOut
	Body item
}

// createItem is POST /specs/{id}/items.
func (a *API) createItem(ctx context.Context, actor auth.Actor, in *createItemIn) (*createItemOut, error) {
	request, err := in.request("/specs/"+in.ID.String()+"/items", in.RawBody)
	if err != nil {
		return nil, err
	}
	spec, item, err := a.Requirements.CreateItem(ctx, actor, in.ID, request, in.precondition(), in.JSON.item)
	if err != nil {
		return nil, err
	}
	return &createItemOut{
		ParentOut:  parentOf(spec),
		CreatedOut: created(ctx, "/items/"+item.Value.ID.String(), item.Value.Tag(), item.Replayed),
		Body:       itemOf(item.Value),
	}, nil
}

type reorderItemsIn struct {
	MatchedSpecificationIn
	JSONIn[itemOrder]
}

// itemOrder is all items of a specification in their new order.
type itemOrder struct {
	ItemIDs []requirements.ItemID `json:"item_ids" sample:"[\"01a2043e-6e8b-7c3d-9a41-5b0e27d683d1\",\"01a2043e-6e8b-7c3d-9a41-5b0e27d683d2\",\"01a2043e-6e8b-7c3d-9a41-5b0e27d683d3\"]" maxItems:"500" uniqueItems:"true" pattern:"^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$" patternDescription:"an id: a UUID with hyphens" doc:"All items of the specification, each once, in their new order."`
}

// check rejects an item that is named twice.
func (b *itemOrder) check(*call) []problem.FieldError { return requirements.CheckOrder(b.ItemIDs) }

// reorderItems is PUT /specs/{id}/items/reorder.
func (a *API) reorderItems(ctx context.Context, actor auth.Actor, in *reorderItemsIn) (*itemsOut, error) {
	return itemsResponse(a.Requirements.ReorderItems(ctx, actor, in.ID, in.precondition(), in.JSON.ItemIDs))
}

// getItem is GET /items/{id}.
func (a *API) getItem(ctx context.Context, actor auth.Actor, in *itemIn) (*itemOut, error) {
	return itemResponse(a.Requirements.Item(ctx, actor, in.ID))
}

type replaceItemIn struct {
	MatchedItemIn
	JSONIn[itemBody]
}

// replaceItem is PUT /items/{id}.
func (a *API) replaceItem(ctx context.Context, actor auth.Actor, in *replaceItemIn) (*changedItemOut, error) {
	return changedItemResponse(a.Requirements.ReplaceItem(ctx, actor, in.ID, in.precondition(), in.JSON.item))
}

type patchItemIn struct {
	MatchedItemIn
	JSONIn[itemPatch]
}

// patchItem is PATCH /items/{id}.
func (a *API) patchItem(ctx context.Context, actor auth.Actor, in *patchItemIn) (*changedItemOut, error) {
	return changedItemResponse(a.Requirements.PatchItem(ctx, actor, in.ID, in.precondition(), in.JSON.patch))
}

// deleteItem is DELETE /items/{id}.
func (a *API) deleteItem(ctx context.Context, actor auth.Actor, in *MatchedItemIn) (*ParentOut, error) {
	spec, err := a.Requirements.DeleteItem(ctx, actor, in.ID, in.precondition())
	if err != nil {
		return nil, err
	}
	out := parentOf(spec)
	return &out, nil
}
