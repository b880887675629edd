package members

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Outcome is what became of the acceptance of an invitation. The database decides it,
// because the user who accepts cannot read what is the owner's.
type Outcome string

// The outcomes. Only Accepted makes a member.
const (
	Accepted Outcome = "accepted"
	// Missing: there is no such secret, or the project is in the trash.
	Missing Outcome = "missing"
	// ForAnother: the invitation is for another address than that of the actor.
	ForAnother Outcome = "another"
	// AlreadyMember: the actor is a member or the owner.
	AlreadyMember Outcome = "member"
	Used          Outcome = "used"
	Withdrawn     Outcome = "withdrawn"
	Expired       Outcome = "expired"
	// ProjectFull: the project has the maximum number of members.
	ProjectFull Outcome = "full"
	// UserFull: the actor has the maximum number of memberships.
	UserFull Outcome = "busy"
)

// problem returns nil for Accepted.
func (o Outcome) problem(limits Limits) error {
	switch o {
	case Accepted:
		return nil
	case Missing:
		return problem.NotFound(problem.InvitationNotFound)
	case ForAnother:
		return problem.New(problem.InvitationForAnother, "This invitation is for another e-mail address than that of your account.")
	case AlreadyMember:
		return problem.New(problem.AlreadyMember, "You have access to this project already.")
	case Used:
		return problem.New(problem.InvitationExpired, "This invitation was used before. Each one works once.")
	case Withdrawn:
		return problem.New(problem.InvitationExpired, "The owner of the project has withdrawn this invitation.")
	case Expired:
		return problem.New(problem.InvitationExpired, "This invitation has expired: it was good for 7 days.")
	case ProjectFull:
		return problem.New(problem.MemberLimit, "A project can have at most %d members; this one has no room left.", limits.PerProject)
	case UserFull:
		return problem.New(problem.MembershipLimit, "A user can be a member of at most %d projects.", limits.PerUser)
	default:
		return fmt.Errorf("the outcome %q of an invitation is unknown", string(o))
	}
}

// Accept makes the actor a member of the project that a secret invites to, and returns
// the project.
func (s *Service) Accept(ctx context.Context, actor auth.Actor, secret string) (requirements.Project, error) {
	return s.store.Accept(ctx, actor, sha256.Sum256([]byte(secret)), s.limits, func(o Outcome, i Invitation) (auth.Event, error) {
		if err := o.problem(s.limits); err != nil {
			return auth.Event{}, err
		}
		return event(actor, auth.InvitationAccepted, i.Project, i.Owner, map[string]string{
			"invitation_id": i.ID.String(), "role": string(i.Role),
		}), nil
	})
}
