// Package history holds the history of projects: what a revision is, how a state of
// earlier is reconstructed from the present one and restored, what differs between two
// states, and the digest that identifies a state.
//
// It depends on neither HTTP nor SQL. It needs storage through [Store], which package
// postgres implements. The database writes the history: each transaction that changes
// content leaves one revision of its project.
package history

import (
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Kind is what a change did.
type Kind string

// The kinds of changes.
const (
	ProjectCreated        Kind = "project.created"
	ProjectChanged        Kind = "project.changed"
	ProjectTrashed        Kind = "project.trashed"
	ProjectRestored       Kind = "project.restored"
	SpecificationCreated  Kind = "specification.created"
	SpecificationChanged  Kind = "specification.changed"
	SpecificationTrashed  Kind = "specification.trashed"
	SpecificationRestored Kind = "specification.restored"
	ItemCreated           Kind = "item.created"
	ItemChanged           Kind = "item.changed"
	ItemMoved             Kind = "item.moved"
	ItemDeleted           Kind = "item.deleted"
	ItemRestored          Kind = "item.restored"
	ItemsReordered        Kind = "items.reordered"
)

// Change is one change of a revision.
type Change struct {
	Project requirements.ProjectID
	// Revision counts the revisions of the project from 1, without gaps and in the order
	// of the commits.
	Revision int64
	// Number orders the changes of a project, also those of one revision.
	Number int64
	// At is when the revision was made. It never decreases with the revision.
	At    time.Time
	Actor Actor
	Kind  Kind

	// Specification is zero for a change of the project itself.
	Specification requirements.SpecificationID
	// SpecificationNumber is zero if the specification was deleted for good.
	SpecificationNumber int
	// Item is zero unless the change is about one item.
	Item       requirements.ItemID
	ItemNumber int
	// SpecificationVersion and ItemVersion are those after the change. A deleted item
	// has the version that it had.
	SpecificationVersion, ItemVersion int64

	Old Old
	// Erased is true once Old was deleted. States before this change cannot be read.
	Erased bool
}

// Old is what a change replaced. A field is nil unless the change replaced it.
type Old struct {
	// Content is the description if the change is about a project.
	Title, Content *string
	// Place is the index of an item that was moved or deleted.
	Place *int
	// Items is the order before ItemsReordered.
	Items []requirements.ItemID
	// CreatedAt is that of an item that left its specification.
	CreatedAt time.Time
	// UpdatedAt is that of the project, specification or item that the change is about.
	UpdatedAt time.Time
	DeletedAt *time.Time
	// SpecificationUpdatedAt is that of the specification before a change of an item.
	SpecificationUpdatedAt time.Time
}

// Actor is the user that made a change. The zero Actor is an administrator of the
// database.
type Actor struct {
	ID auth.UserID `json:"ID"`
	// Name is nil once the account is gone.
	Name *string `json:"Name"`
	// Bot is true for a bot that has not been deleted.
	Bot bool `json:"-"`
	// Token is the name of the API token; nil for a session, and once the token is gone.
	Token *string `json:"-"`
}

// Ref returns what cites the item of the change, such as 3.2: the number of the
// specification and of the item. It is empty for a change of something else.
func (c Change) Ref() string {
	if c.Item.IsZero() || c.SpecificationNumber == 0 {
		return ""
	}
	return ref(c.SpecificationNumber, c.ItemNumber)
}

// leaves and enters report whether the change takes the item off the list of the
// specification, or puts it there: by itself or by a move between specifications.
func (c Change) leaves() bool {
	return c.Kind == ItemDeleted || c.Kind == ItemMoved && !c.Old.CreatedAt.IsZero()
}

func (c Change) enters() bool {
	return c.Kind == ItemCreated || c.Kind == ItemRestored || c.Kind == ItemMoved && c.Old.Place == nil
}

// Revision is what one transaction changed.
type Revision struct {
	Revision int64
	At       time.Time
	Actor    Actor
	Changes  []Change
}

// revisionsOf groups changes, whose order is that of their numbers or its reverse.
func revisionsOf(changes []Change) []Revision {
	var revisions []Revision
	for _, c := range changes {
		if n := len(revisions); n == 0 || revisions[n-1].Revision != c.Revision {
			revisions = append(revisions, Revision{Revision: c.Revision, At: c.At, Actor: c.Actor})
		}
		last := &revisions[len(revisions)-1]
		last.Changes = append(last.Changes, c)
	}
	return revisions
}
