package auth

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// UserQuery asks for one page of the users, the newest first.
type UserQuery struct {
	Page
	// Search is part of a name or address, whatever its case; empty for all.
	Search string
}

// Users lists the users, and tells where the next page begins; nil if there is
// none.
func (s *Service) Users(ctx context.Context, staff PrivilegedActor, q UserQuery) ([]User, *Place, error) {
	limit := q.Limit
	q.Page = q.oneMore()
	rows, err := s.store.Users(ctx, staff, q)
	if err != nil {
		return nil, nil, s.noteDenial(ctx, staff, err)
	}
	page, next := cut(rows, limit, func(u User) Place { return Place{At: u.CreatedAt, ID: u.ID} })
	return page, next, nil
}

// UserChange is what an admin changes of a user; nil leaves it.
type UserChange struct {
	Role    *Role
	Suspend *bool
}

// UserState is what of a user was changed, as it was.
type UserState struct {
	Role      Role
	Suspended bool
}

// events are what has happened to the user by the change.
func (c UserChange) events(staff PrivilegedActor, user UserID, before UserState) []Event {
	var events []Event
	if c.Role != nil && *c.Role != before.Role {
		events = append(events, staff.aboutUser(UserRoleChanged, user).with("from", string(before.Role)).with("to", string(*c.Role)))
	}
	switch {
	case c.Suspend == nil || *c.Suspend == before.Suspended:
	case *c.Suspend:
		events = append(events, staff.aboutUser(UserSuspended, user))
	default:
		events = append(events, staff.aboutUser(UserReinstated, user))
	}
	return events
}

// ChangeUser changes another user's role or suspension. Whoever is suspended has
// no session any more when it returns. Nobody changes their own: an admin who
// slips must not lock the last one out.
func (s *Service) ChangeUser(ctx context.Context, staff PrivilegedActor, user UserID, change UserChange) (User, error) {
	if user == staff.User {
		if err := s.Authorize(ctx, staff); err != nil {
			return User{}, err
		}
		return User{}, s.noteDenial(ctx, staff, problem.New(problem.PermissionDenied,
			"Nobody changes their own role or suspension; another admin can."))
	}
	var changed User
	err := s.invalidateAfter(ctx, user, func() (err error) {
		changed, err = s.store.ChangeUser(ctx, staff, user, change, func(before UserState) []Event {
			return change.events(staff, user, before)
		})
		return err
	})
	return changed, s.noteDenial(ctx, staff, err)
}

// Authorize is nil while the session is live and its user has the permission,
// else TokenRevoked or PermissionDenied.
func (s *Service) Authorize(ctx context.Context, staff PrivilegedActor) error {
	return s.noteDenial(ctx, staff, s.store.Authorize(ctx, staff))
}

// noteDenial keeps in the audit that somebody tried what their role does not
// allow. The answer does not wait for more than the attempt.
func (s *Service) noteDenial(ctx context.Context, staff PrivilegedActor, err error) error {
	if err == nil || problem.CodeOf(err) != problem.PermissionDenied {
		return err
	}
	event := Event{ID: id.New[Event](), Actor: &staff.User, Action: PermissionRefused, ResourceType: "permission", From: staff.From}
	return s.keep(ctx, event.with("permission", string(staff.Permission)), err)
}

// keep writes an event of something that was refused, and returns why it was. An
// audit that cannot be written does not change the answer, but is told with it.
func (s *Service) keep(ctx context.Context, e Event, refused error) error {
	ctx, cancel := stubborn(ctx)
	defer cancel()
	if err := s.store.Record(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "an audit event was lost", "action", string(e.Action), "error", err)
	}
	return refused
}
