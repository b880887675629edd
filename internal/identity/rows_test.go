package identity_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// rows are users and sessions as a list under a clock that is set by hand. They
// stand in for the store in the simulation alone, which asks for a million
// changes at exact times. The same scripts run over PostgreSQL too, and must
// come to the same, so that these rows cannot go their own way.
type rows struct {
	identity.Store // what sessions have no use for

	at       time.Time
	users    []*identity.User
	sessions []*identity.Session
	events   []identity.Event
}

func (r *rows) live(s *identity.Session) bool {
	return s.RevokedAt == nil && r.at.Before(s.ExpiresAt) && r.at.Before(s.EndsAt)
}

// of are sessions of a user, the newest first.
func (r *rows) of(user identity.UserID, only func(*identity.Session) bool) []*identity.Session {
	some := slices.DeleteFunc(slices.Clone(r.sessions), func(s *identity.Session) bool { return s.User != user || !only(s) })
	slices.SortFunc(some, func(a, b *identity.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), slices.Compare(b.ID[:], a.ID[:]))
	})
	return some
}

func (r *rows) revoke(some []*identity.Session) {
	for _, s := range some {
		s.RevokedAt = new(r.at)
	}
}

func (r *rows) find(id identity.SessionID) *identity.Session {
	n := slices.IndexFunc(r.sessions, func(s *identity.Session) bool { return s.ID == id })
	if n < 0 {
		return nil
	}
	return r.sessions[n]
}

func (r *rows) SignIn(_ context.Context, p identity.Profile, _ identity.UserID, perUser int, decide identity.Admission) (identity.User, identity.Session, error) {
	var known *identity.User
	for _, u := range r.users {
		if u.Issuer == p.Issuer && u.Subject == p.Subject {
			known = u
		}
	}
	admitted, err := decide(known, r.at)
	if err != nil {
		return identity.User{}, identity.Session{}, err
	}
	if known == nil {
		known = &identity.User{}
		r.users = append(r.users, known)
	}
	*known = admitted.User
	if live := r.of(known.ID, r.live); len(live) >= perUser {
		r.revoke(live[perUser-1:])
	}
	r.sessions = append(r.sessions, &admitted.Session)
	r.events = append(r.events, admitted.Events...)
	return admitted.User, admitted.Session, nil
}

func (r *rows) ChangeSession(_ context.Context, id identity.SessionID, decide func(identity.Session, time.Time) identity.SessionChange) (identity.User, error) {
	session := r.find(id)
	if session == nil {
		return identity.User{}, fault.New(fault.SessionNotFound, "no such session")
	}
	change := decide(*session, r.at)
	if change.Changed {
		*session = change.After
	}
	if change.Event != nil {
		r.events = append(r.events, *change.Event)
	}
	return *r.user(session.User), nil
}

func (r *rows) user(id identity.UserID) *identity.User {
	return r.users[slices.IndexFunc(r.users, func(u *identity.User) bool { return u.ID == id })]
}

func (r *rows) Sessions(ctx context.Context, actor identity.Actor) ([]identity.Session, error) {
	if err := r.CheckSession(ctx, actor); err != nil {
		return nil, err
	}
	var live []identity.Session
	for _, s := range r.of(actor.User, r.live) {
		live = append(live, *s)
	}
	return live, nil
}

func (r *rows) EndSession(ctx context.Context, actor identity.Actor, id identity.SessionID, e identity.Event) error {
	if err := r.CheckSession(ctx, actor); err != nil {
		return err
	}
	some := r.of(actor.User, func(s *identity.Session) bool { return s.ID == id && r.live(s) })
	if len(some) == 0 {
		return fault.New(fault.SessionNotFound, "no such session")
	}
	r.revoke(some)
	return r.Record(ctx, e)
}

func (r *rows) EndOwnSession(ctx context.Context, actor identity.Actor, all bool, told func(identity.SessionID) identity.Event) error {
	own := r.find(actor.Session)
	if own == nil || own.User != actor.User || own.RevokedAt != nil {
		return nil
	}
	some := []*identity.Session{own}
	if all {
		some = r.of(actor.User, func(s *identity.Session) bool { return s.RevokedAt == nil })
	}
	r.revoke(some)
	for _, s := range some {
		if err := r.Record(ctx, told(s.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) CheckSession(_ context.Context, actor identity.Actor) error {
	if s := r.find(actor.Session); s == nil || s.User != actor.User || !r.live(s) {
		return fault.New(fault.TokenRevoked, "the session has ended")
	}
	return nil
}

func (r *rows) ChangeUser(_ context.Context, staff identity.Staff, id identity.UserID, change identity.UserChange, told func(identity.UserBefore) []identity.Event) (identity.User, error) {
	if !r.user(staff.User).Role.May(staff.Needs) {
		return identity.User{}, fault.New(fault.PermissionDenied, "not an admin")
	}
	user := r.user(id)
	before := identity.UserBefore{Role: user.Role, Suspended: user.SuspendedAt != nil}
	if user.SuspendedAt = nil; *change.Suspend {
		user.SuspendedAt = new(r.at)
		r.revoke(r.of(id, func(s *identity.Session) bool { return s.RevokedAt == nil }))
	}
	r.events = append(r.events, told(before)...)
	return *user, nil
}

func (r *rows) Record(_ context.Context, e identity.Event) error {
	r.events = append(r.events, e)
	return nil
}
