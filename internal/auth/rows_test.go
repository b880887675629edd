package auth_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// rows is an in-memory store of users and sessions with a clock that the test sets.
// Only the simulation uses it, because it needs a million changes at exact times.
// The same scripts also run over PostgreSQL and must have the same results, so that
// rows cannot diverge from the real store.
type rows struct {
	auth.Store // what sessions have no use for

	at       time.Time
	users    []*auth.User
	sessions []*auth.Session
	events   []auth.Event
}

func (r *rows) live(s *auth.Session) bool {
	return s.RevokedAt == nil && r.at.Before(s.ExpiresAt) && r.at.Before(s.EndsAt)
}

// of returns the sessions of a user, the newest first.
func (r *rows) of(user auth.UserID, only func(*auth.Session) bool) []*auth.Session {
	some := slices.DeleteFunc(slices.Clone(r.sessions), func(s *auth.Session) bool { return s.User != user || !only(s) })
	slices.SortFunc(some, func(a, b *auth.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), slices.Compare(b.ID[:], a.ID[:]))
	})
	return some
}

func (r *rows) revoke(some []*auth.Session) {
	for _, s := range some {
		s.RevokedAt = new(r.at)
	}
}

func (r *rows) find(id auth.SessionID) *auth.Session {
	n := slices.IndexFunc(r.sessions, func(s *auth.Session) bool { return s.ID == id })
	if n < 0 {
		return nil
	}
	return r.sessions[n]
}

func (r *rows) SignIn(_ context.Context, p auth.Profile, _ auth.UserID, perUser int, decide auth.SignInDecision) (auth.User, auth.Session, error) {
	var known *auth.User
	for _, u := range r.users {
		if u.Issuer == p.Issuer && u.Subject == p.Subject {
			known = u
		}
	}
	result, err := decide(known, r.at)
	if err != nil {
		return auth.User{}, auth.Session{}, err
	}
	if known == nil {
		known = &auth.User{}
		r.users = append(r.users, known)
	}
	*known = result.User
	if live := r.of(known.ID, r.live); len(live) >= perUser {
		r.revoke(live[perUser-1:])
		for _, s := range live[perUser-1:] {
			r.events = append(r.events, result.ExcessEvent(s.ID))
		}
	}
	r.sessions = append(r.sessions, &result.Session)
	r.events = append(r.events, result.Events...)
	return result.User, result.Session, nil
}

func (r *rows) ChangeSession(_ context.Context, id auth.SessionID, decide func(auth.Session, time.Time) auth.SessionChange) (auth.User, error) {
	session := r.find(id)
	if session == nil {
		return auth.User{}, problem.New(problem.SessionNotFound, "no such session")
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

func (r *rows) user(id auth.UserID) *auth.User {
	return r.users[slices.IndexFunc(r.users, func(u *auth.User) bool { return u.ID == id })]
}

func (r *rows) Sessions(ctx context.Context, actor auth.Actor) ([]auth.Session, error) {
	if err := r.CheckSession(ctx, actor); err != nil {
		return nil, err
	}
	var live []auth.Session
	for _, s := range r.of(actor.User, r.live) {
		live = append(live, *s)
	}
	return live, nil
}

func (r *rows) EndSession(ctx context.Context, actor auth.Actor, id auth.SessionID, e auth.Event) error {
	if err := r.CheckSession(ctx, actor); err != nil {
		return err
	}
	some := r.of(actor.User, func(s *auth.Session) bool { return s.ID == id && r.live(s) })
	if len(some) == 0 {
		return problem.New(problem.SessionNotFound, "no such session")
	}
	r.revoke(some)
	return r.Record(ctx, e)
}

func (r *rows) EndOwnSession(ctx context.Context, actor auth.Actor, all bool, eventOf func(auth.SessionID) auth.Event) error {
	own := r.find(actor.Session)
	if own == nil || own.User != actor.User || own.RevokedAt != nil {
		return nil
	}
	some := []*auth.Session{own}
	if all {
		some = r.of(actor.User, func(s *auth.Session) bool { return s.RevokedAt == nil })
	}
	r.revoke(some)
	for _, s := range some {
		if err := r.Record(ctx, eventOf(s.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) CheckSession(_ context.Context, actor auth.Actor) error {
	if s := r.find(actor.Session); s == nil || s.User != actor.User || !r.live(s) {
		return problem.New(problem.TokenRevoked, "the session has ended")
	}
	return nil
}

func (r *rows) ChangeUser(_ context.Context, staff auth.PrivilegedActor, id auth.UserID, change auth.UserChange, eventsOf func(auth.UserState) []auth.Event) (auth.User, []auth.UserID, error) {
	if !r.user(staff.User).Role.May(staff.Permission) {
		return auth.User{}, nil, problem.New(problem.PermissionDenied, "not an admin")
	}
	user := r.user(id)
	before := auth.UserState{Role: user.Role, Suspended: user.SuspendedAt != nil}
	if user.SuspendedAt = nil; *change.Suspend {
		user.SuspendedAt = new(r.at)
		r.revoke(r.of(id, func(s *auth.Session) bool { return s.RevokedAt == nil }))
	}
	r.events = append(r.events, eventsOf(before)...)
	return *user, nil, nil
}

func (r *rows) Record(_ context.Context, e auth.Event) error {
	r.events = append(r.events, e)
	return nil
}
