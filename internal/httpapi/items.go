package httpapi

import (
	"context"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// item is a bullet item as the contract shows it.
type item struct {
	ID        requirements.ItemID          `json:"id" format:"uuid"`
	SpecID    requirements.SpecificationID `json:"spec_id" format:"uuid"`
	Number    int                          `json:"number" minimum:"1" doc:"Counts from 1 within the specification; never given twice."`
	Content   string                       `json:"content" minLength:"1" maxLength:"5000" example:"Refunds above 500 need a second person."`
	Order     int                          `json:"order" minimum:"0" doc:"The place in the specification, from 0 without gaps."`
	Version   int64                        `json:"version" minimum:"1" doc:"Counts the states of the item itself."`
	CreatedAt timestamp                    `json:"created_at"`
	UpdatedAt timestamp                    `json:"updated_at"`
}

func itemOf(i requirements.Item) item {
	return item{
		ID: i.ID, SpecID: i.Specification, Number: i.Number, Content: i.Content, Order: i.Order,
		Version: i.Version, CreatedAt: timestamp(i.CreatedAt), UpdatedAt: timestamp(i.UpdatedAt),
	}
}

// itemTag is the strong entity tag of an item: its version, and its place, which
// other items' coming and going changes too. If-Match looks at the version, so
// that they do not keep anybody from changing this one.
func itemTag(i requirements.Item) string {
	return `"` + strconv.FormatInt(i.Version, 10) + "-" + strconv.Itoa(i.Order) + `"`
}

type itemOut struct {
	ETag string `header:"ETag" doc:"Version and place, for If-Match and If-None-Match."`
	Body item
}

func itemAnswer(i requirements.Item, err error) (*itemOut, error) {
	if err != nil {
		return nil, err
	}
	return &itemOut{ETag: itemTag(i), Body: itemOf(i)}, nil
}

type itemIn struct {
	ID requirements.ItemID `path:"id" format:"uuid"`
}

// MatchedItemIn names an item and the versions the caller may overwrite.
type MatchedItemIn struct {
	ID    requirements.ItemID `path:"id" format:"uuid"`
	Match ifMatch             `header:"If-Match" doc:"Only if the item is still at this version; * if it exists at all."`
}

// itemBody is what a caller says of a whole item.
type itemBody struct {
	Content given[string] `json:"content" doc:"1 to 5,000 characters, at least one of them not blank; kept byte for byte."`
	Order   given[int]    `json:"order,omitempty" doc:"The place of the item, from 0. Left out: a new item goes to the end, another stays where it is."`

	draft requirements.ItemDraft
}

// Resolve checks the body by the rules.
func (b *itemBody) Resolve(huma.Context) []error {
	var faults []problem.FieldError
	b.draft, faults = requirements.NewItemDraft(b.Content.pointer(), b.Order.pointer())
	return violationsOf(faults, nil)
}

// itemPatch is a merge patch of an item.
type itemPatch struct {
	Content given[string] `json:"content,omitempty" doc:"1 to 5,000 characters, at least one of them not blank; kept byte for byte."`
	Order   given[int]    `json:"order,omitempty" doc:"Moves the item to this place, from 0."`

	draft requirements.ItemDraft
}

// Resolve checks the patch by the rules.
func (b *itemPatch) Resolve(huma.Context) []error {
	var faults []problem.FieldError
	b.draft, faults = requirements.NewItemDraft(b.Content.pointer(), b.Order.pointer())
	return violationsOf(faults, nil)
}

type itemsOut struct {
	ETag string `header:"ETag" doc:"The specification's version."`
	Body struct {
		Items []item `json:"items"`
	}
}

func itemsAnswer(s requirements.Specification, items []requirements.Item, err error) (*itemsOut, error) {
	if err != nil {
		return nil, err
	}
	out := &itemsOut{ETag: etag(s.Version)}
	out.Body.Items = each(items, itemOf)
	return out, nil
}

// listItems is GET /specs/{id}/items.
func (a *API) listItems(ctx context.Context, actor auth.Actor, in *specificationIn) (*itemsOut, error) {
	spec, items, err := a.Outline.Items(ctx, actor, in.ID)
	if err == nil {
		a.locations.learnSpecification(specification{ID: spec.ID, ProjectID: spec.Project})
	}
	return itemsAnswer(spec, items, err)
}

type createItemIn struct {
	ID requirements.SpecificationID `path:"id" format:"uuid"`
	OnceIn
	Body itemBody
}

type createItemOut struct {
	CreatedOut
	Body item
}

// createItem is POST /specs/{id}/items.
func (a *API) createItem(ctx context.Context, actor auth.Actor, in *createItemIn) (*createItemOut, error) {
	made, err := a.Outline.CreateItem(ctx, actor, in.ID, in.once, in.Body.draft)
	if err != nil {
		return nil, err
	}
	return &createItemOut{
		CreatedOut: created("/items/"+made.Value.ID.String(), itemTag(made.Value), made.Replayed),
		Body:       itemOf(made.Value),
	}, nil
}

type reorderItemsIn struct {
	MatchedSpecificationIn
	Body itemOrder
}

// itemOrder is the whole list of a specification in its new order.
type itemOrder struct {
	ItemIDs []requirements.ItemID `json:"item_ids" pattern:"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$" patternDescription:"an id: a UUID in lower case with hyphens" doc:"All items of the specification, each once, in their new order."`
}

// Resolve checks that no item is named twice.
func (b *itemOrder) Resolve(huma.Context) []error {
	if slices.Contains(b.ItemIDs, requirements.ItemID{}) { // not an id, as the schema has told
		return nil
	}
	return violationsOf(requirements.CheckOrder(b.ItemIDs), nil)
}

// reorderItems is PUT /specs/{id}/items/reorder.
func (a *API) reorderItems(ctx context.Context, actor auth.Actor, in *reorderItemsIn) (*itemsOut, error) {
	return itemsAnswer(a.Outline.ReorderItems(ctx, actor, in.ID, in.Match.match, in.Body.ItemIDs))
}

// getItem is GET /items/{id}.
func (a *API) getItem(ctx context.Context, actor auth.Actor, in *itemIn) (*itemOut, error) {
	return itemAnswer(a.Outline.Item(ctx, actor, in.ID))
}

type replaceItemIn struct {
	MatchedItemIn
	Body itemBody
}

// replaceItem is PUT /items/{id}.
func (a *API) replaceItem(ctx context.Context, actor auth.Actor, in *replaceItemIn) (*itemOut, error) {
	return itemAnswer(a.Outline.ChangeItem(ctx, actor, in.ID, in.Match.match, in.Body.draft))
}

type patchItemIn struct {
	MatchedItemIn
	Body itemPatch
}

// patchItem is PATCH /items/{id}.
func (a *API) patchItem(ctx context.Context, actor auth.Actor, in *patchItemIn) (*itemOut, error) {
	return itemAnswer(a.Outline.ChangeItem(ctx, actor, in.ID, in.Match.match, in.Body.draft))
}

// deleteItem is DELETE /items/{id}.
func (a *API) deleteItem(ctx context.Context, actor auth.Actor, in *MatchedItemIn) (*struct{}, error) {
	return nil, a.Outline.DeleteItem(ctx, actor, in.ID, in.Match.match)
}
