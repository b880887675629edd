package outline

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/identity"
)

// Store keeps projects for their owners. Package postgres implements it.
//
// Every method acts for one actor: it checks in the same round trip that the
// session is live (else TokenRevoked), and neither sees nor touches what is not
// the actor's own.
type Store interface {
	// Project reads one project, live or in the trash, else ProjectNotFound.
	Project(ctx context.Context, actor identity.Actor, project ProjectID) (Project, error)
	// Projects reads one page of a list in its order.
	Projects(ctx context.Context, actor identity.Actor, q ListQuery) ([]Project, error)
	// Change runs decide in one transaction and commits what it wrote, all or
	// nothing. It may run decide again when the database asks to repeat, so
	// decide has no effect but through tx and what it returns.
	Change(ctx context.Context, actor identity.Actor, decide func(tx Tx) error) error
}

// Tx is one transaction. Locks come first and take a round trip each; writes
// are gathered and travel together with the commit.
type Tx interface {
	// LockOwner holds the actor's own row.
	LockOwner(ctx context.Context) (Owner, error)
	// LockProject holds one project, live or in the trash, else
	// ProjectNotFound. The time is the database's, once the lock was had.
	LockProject(ctx context.Context, project ProjectID) (Project, time.Time, error)
	// LockOwnerAndProject holds both, in the one order of locks.
	LockOwnerAndProject(ctx context.Context, project ProjectID) (Owner, Project, error)

	InsertProject(ctx context.Context, p Project) error
	UpdateProject(ctx context.Context, p Project) error
	// SetProjectCount keeps the number of the locked owner's live projects.
	SetProjectCount(ctx context.Context, count int) error
}

// Owner is what a user's row says about what the user owns.
type Owner struct {
	ID           identity.UserID
	ProjectCount int
	// At is the database's time once the lock was had.
	At time.Time
}
