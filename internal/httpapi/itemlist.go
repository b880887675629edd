package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var replaceItemsDoc = doc{
	"replaceItems", "Items", "Replace the list of items",
	"Takes the items as they shall be, in their order, and makes one change of it. One with an `id` keeps its `id` and `number`. One without is created, with the next number. One that is left out is deleted. An item that stays the same keeps its version. `If-Match` takes the specification's tag. A 409 `item_set_mismatch` or a 412 shows the specification with its items under `current`.",
}

type replaceItemsIn struct {
	MatchedSpecificationIn
	JSONIn[itemListBody]
}

// itemListBody is the list of a specification's items as it shall be.
type itemListBody struct {
	Items []itemEntry `json:"items" maxItems:"500" sample:"[{\"id\":\"01a2043e-6e8b-7c3d-9a41-5b0e27d683d2\",\"content\":\"Refunds above 500 need a second person.\"},{\"content\":\"Refunds go to the card that paid.\"}]" doc:"All items of the specification, in their order."`

	entries []requirements.ItemEntry
}

// itemEntry is one item of a list.
type itemEntry struct {
	ID      body.Optional[requirements.ItemID] `json:"id,omitempty" pattern:"^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$" patternDescription:"an id: a UUID with hyphens" doc:"An item of the specification. Without it, the item is new."`
	Content string                             `json:"content" minLength:"1" maxLength:"10000" sample:"Refunds above 500 need a second person." doc:"At least one character that is not blank; stored byte for byte."`
}

func (b *itemListBody) check(*call) (faults []problem.FieldError) {
	for n, i := range b.Items {
		entry, found := requirements.ParseItemEntry(n, i.ID.Pointer(), i.Content)
		b.entries, faults = append(b.entries, entry), append(faults, found...)
	}
	return append(faults, requirements.CheckItemEntries(b.entries)...)
}

// replaceItems is PUT /specs/{id}/items.
func (a *API) replaceItems(ctx context.Context, actor auth.Actor, in *replaceItemsIn) (*itemsOut, error) {
	list, err := a.Requirements.ReplaceItems(ctx, actor, in.ID, in.precondition(), in.JSON.entries)
	return itemsResponse(list.Specification, list.Items, err)
}

var moveItemDoc = doc{
	"moveItem", "Items", "Move an item to another specification",
	"Moves the item to the position `order` of another specification of its project, or to the end. It keeps its `id` and gets the next number there, and so another `ref`. Within its own specification it moves as by `PATCH`, and without `order` it stays where it is. `If-Match` takes the item's tag, with its position. `Specification-ETag` is the tag of the specification that it is in afterwards.",
}

type moveItemIn struct {
	MatchedItemIn
	JSONIn[itemMove]
}

// itemMove is where an item moves to.
type itemMove struct {
	SpecificationID requirements.SpecificationID `json:"specification_id" pattern:"^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$" patternDescription:"an id: a UUID with hyphens" doc:"A specification of the same project."`
	Order           body.Optional[int]           `json:"order,omitempty" minimum:"0" doc:"The position of the item there, from 0. If absent: the end."`
}

// moveItem is POST /items/{id}/move.
func (a *API) moveItem(ctx context.Context, actor auth.Actor, in *moveItemIn) (*changedItemOut, error) {
	return changedItemResponse(a.Requirements.MoveItem(ctx, actor, in.ID, in.precondition(), in.JSON.SpecificationID, in.JSON.Order.Pointer()))
}
