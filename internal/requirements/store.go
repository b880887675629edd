package requirements

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// Store keeps what users own. Package postgres implements it.
//
// Every method acts for one actor: it checks in the same round trip that the
// session is live (else TokenRevoked), and neither sees nor touches what is not
// the actor's own. What is not there is the KindNotFound of its kind. What is in the
// trash is found: whether it may be seen is for the rules.
type Store interface {
	Project(ctx context.Context, actor auth.Actor, project ProjectID) (Project, error)
	Projects(ctx context.Context, actor auth.Actor, list ListQuery) ([]Project, error)
	Specification(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, error)
	// Specifications reads a project and one page of its specifications.
	Specifications(ctx context.Context, actor auth.Actor, project ProjectID, list ListQuery) (Project, []Specification, error)
	// Items reads a specification and its items, in no order.
	Items(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, []Item, error)
	// Item reads one item, and whether its specification or project is in the
	// trash.
	Item(ctx context.Context, actor auth.Actor, item ItemID) (found Item, trashed bool, err error)

	// Walk shows visit everything that the actor owns, trash and all, as it was
	// at one moment. It holds little of it in memory at a time.
	Walk(ctx context.Context, actor auth.Actor, visit Visitor) error

	// InTx runs decide in one transaction and commits what it wrote, all or
	// nothing. It may run decide again when the database asks to repeat, so
	// decide has no effect but through tx and what it returns.
	InTx(ctx context.Context, actor auth.Actor, decide func(tx Tx) error) error
}

// Tx is one transaction. Locks come first and take a round trip each, in the
// order owner, project, specification, item; the time they return is the
// database's once the lock was had. Writes wait, and travel with the commit.
type Tx interface {
	LockOwner(ctx context.Context) (Owner, error)
	LockProject(ctx context.Context, project ProjectID) (Project, time.Time, error)
	LockOwnerAndProject(ctx context.Context, project ProjectID) (Owner, Project, error)
	LockSpecification(ctx context.Context, spec SpecificationID) (Specification, time.Time, error)
	LockProjectAndSpecification(ctx context.Context, spec SpecificationID) (Project, Specification, time.Time, error)
	// LockSpecificationItems holds a specification and reads its items.
	LockSpecificationItems(ctx context.Context, spec SpecificationID) (Specification, []Item, time.Time, error)
	// LockItem holds an item's specification and the item.
	LockItem(ctx context.Context, item ItemID) (Specification, Item, time.Time, error)

	InsertProject(ctx context.Context, p Project) error
	UpdateProject(ctx context.Context, p Project) error
	// SetProjectCount keeps the number of the locked owner's live projects.
	SetProjectCount(ctx context.Context, count int) error
	InsertSpecification(ctx context.Context, s Specification) error
	UpdateSpecification(ctx context.Context, s Specification) error
	// CountSpecification keeps what the locked project knows of its
	// specifications: their count, the next number.
	CountSpecification(ctx context.Context, p Project) error
	InsertItem(ctx context.Context, i Item) error
	UpdateItem(ctx context.Context, i Item) error
	DeleteItem(ctx context.Context, i Item) error
	// UpdateItemList keeps the order of the locked specification's items.
	UpdateItemList(ctx context.Context, s Specification) error

	// ReserveKey asks, with the next flight, for the key of once. It ends the
	// transaction with *ReplayError where the request was answered before, with
	// IdempotencyKeyReused where the key belongs to another request, and with
	// IdempotencyInProgress while the first request still runs.
	ReserveKey(ctx context.Context, once IdempotentRequest) error
	// SaveResponse keeps the answer for retries, with everything else or not at
	// all.
	SaveResponse(ctx context.Context, once IdempotentRequest, answer string, at time.Time) error
}

// Owner is what a user's row says about what the user owns.
type Owner struct {
	ID           auth.UserID
	ProjectCount int
	// At is the database's time once the lock was had.
	At time.Time
}

// Visitor is shown what somebody owns: each project, then each of its
// specifications with its items in their order. An error ends the walk.
type Visitor interface {
	Project(p Project) error
	Specification(s Specification, items []Item) error
}
