package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// UserID identifies a user.
type UserID = id.Of[User]

// User is a person who has signed in at least once, or a bot of such a person.
type User struct {
	ID              UserID
	Issuer, Subject string
	Email           string
	Name            string
	PictureURL      *string
	Role            Role
	SuspendedAt     *time.Time
	CreatedAt       time.Time
	LastLoginAt     time.Time
	// ManagedBy is the person that a bot belongs to; nil for a person.
	ManagedBy *UserID
}

// maxName is the maximum length of a user's name in code points.
const maxName = 200

// Name is a user's display name: 1 to 200 characters after trimming, on one
// line.
type Name struct{ text string }

// ParseName validates a name. It returns all field errors.
func ParseName(s string) (Name, []problem.FieldError) {
	s = strings.TrimSpace(s)
	return Name{s}, checkLine("/name", s, maxName)
}

// String returns the name.
func (n Name) String() string { return n.text }

// Me returns the actor's own profile.
func (s *Service) Me(ctx context.Context, actor Actor) (User, error) {
	return s.store.User(ctx, actor)
}

// Rename sets the actor's name. If name is nil the profile stays as it is.
func (s *Service) Rename(ctx context.Context, actor Actor, name *Name) (User, error) {
	if name == nil {
		return s.store.User(ctx, actor)
	}
	return s.store.Rename(ctx, actor, *name)
}

// AuditExport records that the actor exports all data. Call it before the first
// byte is sent, so that no data leaves without a record.
func (s *Service) AuditExport(ctx context.Context, actor Actor) error {
	return s.store.Record(ctx, actor.userEvent(UserExported, actor.User))
}

// SharedProject is a project of a user that has members.
type SharedProject struct {
	ID      ResourceID
	Members int
}

// DeleteAccount deletes the actor's account with all its data, sessions and bots. The
// same person can sign in again, as a new user. Unless loseAccess is true, an account
// with members in its projects is MembersLoseAccess.
func (s *Service) DeleteAccount(ctx context.Context, actor Actor, loseAccess bool) error {
	var bots []UserID
	err := s.invalidateAfter(ctx, actor.User, func() (err error) {
		bots, err = s.store.DeleteAccount(ctx, actor, actor.userEvent(UserDeleted, actor.User), func(shared []SharedProject) error {
			if loseAccess || len(shared) == 0 {
				return nil
			}
			return membersLoseAccess(shared)
		})
		return err
	})
	return s.invalidateBots(ctx, bots, err)
}

// maxListedProjects is the number of projects that a problem names.
const maxListedProjects = 10

func membersLoseAccess(shared []SharedProject) error {
	var names []string
	for _, p := range shared[:min(len(shared), maxListedProjects)] {
		names = append(names, fmt.Sprintf("%s (%d)", p.ID, p.Members))
	}
	list := strings.Join(names, ", ")
	if more := len(shared) - len(names); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return problem.New(problem.MembersLoseAccess, "Members would lose access to %d of your projects. The projects, each with the number of its members: %s. With members=lose_access the account is deleted all the same.", len(shared), list)
}

// UserQuery selects one page of the users, from the newest to the oldest.
type UserQuery struct {
	page.Query
	// Search is a part of a name or e-mail address, in any case; empty for all.
	Search string
}

// Users returns one page of the users.
func (s *Service) Users(ctx context.Context, actor PrivilegedActor, q UserQuery) (page.Page[User], error) {
	limit := q.Limit
	q.Query = q.Newest()
	q.Limit++ // the extra row shows that another page follows
	rows, err := s.store.Users(ctx, actor, q)
	if err != nil {
		return page.Page[User]{}, s.auditDenied(ctx, actor, err)
	}
	return page.Cut(rows, limit, func(u User) page.Cursor { return page.Cursor{Time: u.CreatedAt, ID: u.ID} }), nil
}

// UserChange is a change of a user by an admin. A nil field stays as it is.
type UserChange struct {
	Role    *Role
	Suspend *bool
}

// UserState is what a UserChange can change, as it was before.
type UserState struct {
	Role      Role
	Suspended bool
}

// events returns the audit events of the change.
func (c UserChange) events(actor Actor, user UserID, before UserState) []Event {
	var events []Event
	if c.Role != nil && *c.Role != before.Role {
		events = append(events, actor.userEvent(UserRoleChanged, user).with("from", string(before.Role)).with("to", string(*c.Role)))
	}
	switch {
	case c.Suspend == nil || *c.Suspend == before.Suspended:
	case *c.Suspend:
		events = append(events, actor.userEvent(UserSuspended, user))
	default:
		events = append(events, actor.userEvent(UserReinstated, user))
	}
	return events
}

// ChangeUser changes another user's role or suspension. A suspended user has no
// live session when it returns, and no API token of the user or of their bots is
// accepted. Users cannot change themselves: an admin must not lock out the last admin
// by mistake.
func (s *Service) ChangeUser(ctx context.Context, actor PrivilegedActor, user UserID, change UserChange) (User, error) {
	if user == actor.User {
		if err := s.Authorize(ctx, actor); err != nil {
			return User{}, err
		}
		return User{}, s.auditDenied(ctx, actor, problem.New(problem.PermissionDenied,
			"You cannot change your own role or suspension; another admin can."))
	}
	var changed User
	var bots []UserID
	err := s.invalidateAfter(ctx, user, func() (err error) {
		changed, bots, err = s.store.ChangeUser(ctx, actor, user, change, func(before UserState) []Event {
			return change.events(actor.Actor, user, before)
		})
		return err
	})
	return changed, s.auditDenied(ctx, actor, s.invalidateBots(ctx, bots, err))
}
