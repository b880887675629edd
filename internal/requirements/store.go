package requirements

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
)

// Store stores what users own. Package postgres implements it.
//
// Every method acts for one actor. In the same round trip it checks that the
// session is live (else TokenRevoked), and it neither reads nor writes what
// another user owns. A missing row is the NotFound code of its resource. Rows in
// the trash are found; the rules decide whether they are visible.
type Store interface {
	Project(ctx context.Context, actor auth.Actor, project ProjectID) (Project, error)
	Projects(ctx context.Context, actor auth.Actor, q ListQuery) ([]Project, error)
	Specification(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, error)
	// Specifications reads a project and one page of its specifications. The page ends
	// with the first row beyond page.MaxBytes of content.
	Specifications(ctx context.Context, actor auth.Actor, project ProjectID, q ListQuery) (Project, []Specification, error)
	// Items reads a specification and its items, in any order.
	Items(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, []Item, error)
	// ProjectItems reads a project and one page of its live items, with their order. The
	// page ends with the first item beyond page.MaxBytes of content.
	ProjectItems(ctx context.Context, actor auth.Actor, project ProjectID, q ProjectItemsQuery) (Project, []Item, error)
	// Item reads one item, and whether its specification or project is in the
	// trash.
	Item(ctx context.Context, actor auth.Actor, item ItemID) (found Item, trashed bool, err error)
	// Search reads one page of what a query finds in the actor's own content, or in the shared
	// project that the actor is at. The page ends with the first hit beyond page.MaxBytes of
	// content.
	Search(ctx context.Context, actor auth.Actor, q SearchQuery) (Found, error)

	// Walk calls visit for everything that the actor owns, including the trash, in
	// one snapshot. It holds only a small part of it in memory at a time.
	Walk(ctx context.Context, actor auth.Actor, visit Visitor) error

	// InTx runs decide in one transaction and commits its writes, all or none. It
	// runs decide again after a conflict that the database reports, so decide must
	// have no effects except through tx and its results.
	InTx(ctx context.Context, actor auth.Actor, decide func(tx Tx) error) error
}

// Tx is one transaction. Locks come first, in the order owner, project, specification,
// item. A lock takes one round trip, and so does a write together with its lock. Each
// returns the database's time after the lock was acquired. Other writes are queued and
// sent with the commit.
type Tx interface {
	LockOwner(ctx context.Context) (Owner, error)
	LockProject(ctx context.Context, project ProjectID) (Project, time.Time, error)
	LockOwnerAndProject(ctx context.Context, project ProjectID) (Owner, Project, error)
	LockProjectAndSpecification(ctx context.Context, spec SpecificationID) (Project, Specification, time.Time, error)
	// LockSpecificationItems locks a specification and reads its items.
	LockSpecificationItems(ctx context.Context, spec SpecificationID) (Specification, []Item, time.Time, error)

	// LockMove locks an item, its specification and the one that it moves to, which may
	// be the same. The second one has no id if there is no such specification.
	LockMove(ctx context.Context, item ItemID, to SpecificationID) (from, target Specification, found Item, at time.Time, err error)

	InsertProject(ctx context.Context, p Project) error
	// UpdateProject stores the texts of the locked project, and sets its Revision with the
	// commit.
	UpdateProject(ctx context.Context, p *Project) error
	// TrashProject stores whether the locked project is in the trash, and sets its Revision
	// with the commit. Only the owner has the right to it.
	TrashProject(ctx context.Context, p *Project) error
	// SetProjectCount stores the number of live projects of the locked owner.
	SetProjectCount(ctx context.Context, count int) error
	// UpdateSpecification stores the texts of the locked specification.
	UpdateSpecification(ctx context.Context, s Specification) error
	// TrashSpecification is UpdateSpecification, and stores whether the specification is in
	// the trash. Only the owner has the right to it.
	TrashSpecification(ctx context.Context, s Specification) error
	// CountSpecification stores the specification counters of the locked project:
	// the count and the next number.
	CountSpecification(ctx context.Context, p Project) error
	// UpdateItemList stores the order of the items of the locked specification.
	UpdateItemList(ctx context.Context, s Specification) error
	// RewriteItems writes a change of the items of the locked specification, which is s
	// afterwards. Inserted and updated items get the time at, unless theirs is later. An
	// inserted item that was deleted before gets its next version.
	RewriteItems(ctx context.Context, s Specification, c ItemListChange, at time.Time) error
	// MoveItem stores the specification, the place and the time of the locked item. Both
	// specifications are locked.
	MoveItem(ctx context.Context, item Item) error

	// AddSpecification locks a project and adds a specification to it.
	AddSpecification(ctx context.Context, project ProjectID, w SpecificationInsert) (Project, Write, error)
	// ChangeSpecification locks and changes a specification.
	ChangeSpecification(ctx context.Context, spec SpecificationID, w SpecificationChange) (Specification, Write, error)
	// AddItem locks a specification and adds an item to it.
	AddItem(ctx context.Context, spec SpecificationID, w ItemInsert) (Specification, Write, error)
	// ChangeItem locks an item's specification and the item, and changes the item.
	ChangeItem(ctx context.Context, item ItemID, w ItemChange) (Specification, Item, Write, error)
	// RemoveItem locks an item's specification and the item, and deletes the item.
	RemoveItem(ctx context.Context, item ItemID, g Guard) (Specification, Item, Write, error)

	// ReserveKey reserves the key of request in the next round trip. The
	// transaction ends with *ReplayError if the request has a saved response, with
	// IdempotencyKeyReused if the key belongs to another request, and with
	// IdempotencyInProgress while the first request is running.
	ReserveKey(ctx context.Context, request IdempotentRequest) error
	// SaveResponse stores the response for retries. It commits together with what
	// the request created.
	SaveResponse(ctx context.Context, request IdempotentRequest, response string, at time.Time) error
}

// Guard says when a statement that locks rows also writes: if the resource is live, has
// one of the versions, and the limits of its parent permit it. The rules decide the same
// from what the statement returns, the state before. So a write takes one round trip.
type Guard struct {
	// Versions are those of the resource in the precondition. Nil is every version, an
	// empty list none.
	Versions []int64
	// Last commits the transaction in the same round trip.
	Last bool
}

// Write is what a guarded statement did.
type Write struct {
	// At is the database's time after the lock was acquired: the time of the write.
	At time.Time
	// Done is true if the statement wrote.
	Done bool
}

// SpecificationInsert is a specification to add. Its number is the next one.
type SpecificationInsert struct {
	Guard

	ID             SpecificationID
	Title, Content string
	// Limit is how many specifications the project may have.
	Limit int
}

// SpecificationChange sets the texts that are not nil.
type SpecificationChange struct {
	Guard

	Title, Content *string
}

// ItemInsert is an item to add at an index, or at the end. Its number is the next one.
type ItemInsert struct {
	Guard

	ID      ItemID
	Content string
	Order   *int
	// Limit is how many items the specification may have.
	Limit int
}

// ItemChange sets the content and moves the item to the index, unless they are nil.
type ItemChange struct {
	Guard

	Content *string
	Order   *int
}

// Owner is the part of a user's row that counts what the user owns.
type Owner struct {
	ID           auth.UserID
	Name         string
	ProjectCount int
	// At is the database's time after the lock was acquired.
	At time.Time
}

// Visitor receives what a user owns: each project, followed by each of its
// specifications with the items in their order. An error ends the walk.
type Visitor interface {
	Project(p Project) error
	Specification(s Specification, items []Item) error
	// Memberships receives the projects that are shared with the user, at the end.
	Memberships(shared []Membership) error
}

// Membership is a project that is shared with a user.
type Membership struct {
	Project ProjectID
	Title   string
	Role    Role
	Since   time.Time
}

// ListQuery selects one page of a list that has a trash.
type ListQuery struct {
	page.Query
	// Trashed selects the trash instead of the live rows.
	Trashed bool
	// Shared selects the live projects that are shared with the actor instead of the
	// actor's own.
	Shared bool
	// Summary leaves out long texts: the content of specifications.
	Summary bool
}

// withOneMore returns the query for one row more than the page: the extra row
// shows that another page follows.
func (q ListQuery) withOneMore() ListQuery {
	q.Limit++
	return q
}

// cursor returns the cursor behind a row.
func (q ListQuery) cursor(id [16]byte, created, updated time.Time, title string, number int) page.Cursor {
	c := page.Cursor{ID: id}
	switch q.Order.Column {
	case page.ByCreatedAt:
		c.Time = created
	case page.ByUpdatedAt:
		c.Time = updated
	case page.ByTitle:
		c.Text = title
	case page.ByNumber:
		c.Number = number
	}
	return c
}
