// Package members holds the rules of shared projects: who is a member of a project and as
// what, and how others become members by invitations.
//
// It depends on neither HTTP nor SQL. It needs storage through [Store], which package
// postgres implements. What a role may do with the content of a project is decided by the
// role of the database that its transactions have.
package members

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Limits bound what one project and one user have.
type Limits struct {
	// PerProject is the maximum number of members of a project, without its owner.
	PerProject int
	// PerUser is the maximum number of projects that are shared with a user.
	PerUser int
	// Invitations is the maximum number of open invitations to a project.
	Invitations int
}

// Service executes the use cases of the API that concern members.
type Service struct {
	store  Store
	limits Limits
}

// NewService returns the service over a store.
func NewService(store Store, limits Limits) *Service {
	return &Service{store: store, limits: limits}
}

// Store stores members and invitations. Package postgres implements it.
//
// Every method acts for one actor, like those of requirements.Store. A missing project is
// ProjectNotFound. Projects in the trash are found.
type Store interface {
	// Members reads a project, and its members by name without the owner.
	Members(ctx context.Context, actor auth.Actor, project requirements.ProjectID) (requirements.Project, []Member, error)
	// Invitations reads a project, and its open invitations from the newest to the oldest.
	// For another actor than the owner there is no invitation.
	Invitations(ctx context.Context, actor auth.Actor, project requirements.ProjectID) (requirements.Project, []Invitation, error)
	// Leave ends the actor's membership and stores the event that eventOf returns for the
	// owner. Without a membership it is MemberNotFound for the owner, else ProjectNotFound.
	Leave(ctx context.Context, actor auth.Actor, project requirements.ProjectID, eventOf func(owner auth.UserID) auth.Event) error
	// Accept makes the actor a member by the invitation whose secret has a hash, if the
	// outcome is Accepted, and returns the project. It runs decide with what it found, and
	// stores its event. If decide returns an error, nothing is stored.
	Accept(ctx context.Context, actor auth.Actor, hash [32]byte, limits Limits, decide func(Outcome, Invitation) (auth.Event, error)) (requirements.Project, error)
	// MembersInTx runs decide in one transaction, as requirements.Store.InTx does.
	MembersInTx(ctx context.Context, actor auth.Actor, decide func(tx Tx) error) error
}

// Tx is one transaction. A lock comes first, in one round trip; writes are sent with the
// commit.
type Tx interface {
	// LockMember locks a project and reads one of its members; nil if the user is no
	// member.
	LockMember(ctx context.Context, project requirements.ProjectID, user auth.UserID) (requirements.Project, *Member, time.Time, error)
	// LockInvitations locks a project and reads the open invitations to it.
	LockInvitations(ctx context.Context, project requirements.ProjectID) (requirements.Project, []Invitation, time.Time, error)

	// LockBot locks a project of the actor and reads one of the actor's bots; nil without it.
	LockBot(ctx context.Context, project requirements.ProjectID, bot auth.UserID) (requirements.Project, *BotState, time.Time, error)

	// AddBot makes a bot of the owner a member.
	AddBot(ctx context.Context, p requirements.Project, bot auth.UserID, role requirements.Role, at time.Time) error
	SetRole(ctx context.Context, p requirements.Project, user auth.UserID, role requirements.Role) error
	// Remove ends a membership.
	Remove(ctx context.Context, p requirements.Project, user auth.UserID, at time.Time) error

	InsertInvitation(ctx context.Context, i Invitation, hash [32]byte) error
	Withdraw(ctx context.Context, i Invitation, at time.Time) error

	// Audit stores an event.
	Audit(ctx context.Context, e auth.Event) error
}

// checkOwner returns nil for the owner of a live project.
func checkOwner(p requirements.Project) error {
	if p.Role != requirements.RoleOwner {
		return problem.New(problem.PermissionDenied, "Only the owner of the project manages its members and invitations.")
	}
	return p.CheckChange(requirements.Precondition{})
}

// event returns an audit event about the members of a project.
func event(actor auth.Actor, action auth.Action, project requirements.ProjectID, owner auth.UserID, details map[string]string) auth.Event {
	details["owner_id"] = owner.String()
	return actor.ProjectEvent(action, project, details)
}
