package members

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Member is a user who has a role in a project: its owner, or a user that it is shared
// with.
type Member struct {
	User auth.UserID
	Name string
	// Bot is true for a bot of the owner.
	Bot  bool
	Role requirements.Role
	// Since is when the membership began; that of the owner began with the project.
	Since time.Time
}

// ParseRole validates the role of a member: editor or viewer. It returns all field errors.
func ParseRole(text string) (requirements.Role, []problem.FieldError) {
	switch role := requirements.Role(text); role {
	case requirements.RoleEditor, requirements.RoleViewer:
		return role, nil
	default:
		return "", []problem.FieldError{{Pointer: "/role", Code: "not_allowed", Detail: "This must be one of: editor, viewer."}}
	}
}

// Members returns the owner of a project and its members by name. Every member may read
// them.
func (s *Service) Members(ctx context.Context, actor auth.Actor, project requirements.ProjectID) ([]Member, error) {
	found, members, err := s.store.Members(ctx, actor, project)
	if err != nil {
		return nil, err
	}
	if err := found.CheckChange(requirements.Precondition{}); err != nil {
		return nil, err
	}
	owner := Member{User: found.Owner, Name: found.OwnerName, Role: requirements.RoleOwner, Since: found.CreatedAt}
	return append([]Member{owner}, members...), nil
}

// ChangeRole sets the role of a member. Only the owner may.
func (s *Service) ChangeRole(ctx context.Context, actor auth.Actor, project requirements.ProjectID, user auth.UserID, role requirements.Role) (now Member, err error) {
	err = s.changeMember(ctx, actor, project, user, func(tx Tx, p requirements.Project, before Member, _ time.Time) error {
		now = before
		if now.Role = role; now.Role == before.Role {
			return nil
		}
		if err := tx.SetRole(ctx, p, user, role); err != nil {
			return err
		}
		return tx.Audit(ctx, event(actor, auth.MemberRoleChanged, project, p.Owner, map[string]string{
			"user_id": user.String(), "from": string(before.Role), "to": string(role),
		}))
	})
	return now, err
}

// Remove ends a membership: that of the actor, or, for the owner, that of any member.
func (s *Service) Remove(ctx context.Context, actor auth.Actor, project requirements.ProjectID, user auth.UserID) error {
	if user == actor.User {
		return s.store.Leave(ctx, actor, project, func(owner auth.UserID) auth.Event {
			return event(actor, auth.MemberLeft, project, owner, map[string]string{"user_id": user.String()})
		})
	}
	return s.changeMember(ctx, actor, project, user, func(tx Tx, p requirements.Project, before Member, at time.Time) error {
		if err := tx.Remove(ctx, p, user, at); err != nil {
			return err
		}
		return tx.Audit(ctx, event(actor, auth.MemberRemoved, project, p.Owner, map[string]string{
			"user_id": user.String(), "role": string(before.Role),
		}))
	})
}

// changeMember runs decide in a transaction in which a project of the actor is locked. The
// role of the owner never changes.
func (s *Service) changeMember(ctx context.Context, actor auth.Actor, project requirements.ProjectID, user auth.UserID, decide func(tx Tx, p requirements.Project, m Member, at time.Time) error) error {
	return s.store.MembersInTx(ctx, actor, func(tx Tx) error {
		locked, found, at, err := tx.LockMember(ctx, project, user)
		if err != nil {
			return err
		}
		if err := checkOwner(locked); err != nil {
			return err
		}
		switch {
		case user == locked.Owner:
			return problem.New(problem.MemberNotFound, "The owner of a project stays its owner, and cannot leave it.")
		case found == nil:
			return problem.NotFound(problem.MemberNotFound)
		}
		return decide(tx, locked, *found, at)
	})
}
