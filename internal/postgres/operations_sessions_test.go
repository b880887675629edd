package postgres_test

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

// withoutSession are operations that need no live session of the caller.
var withoutSession = map[string]struct {
	operation
	roundTrips int
}{
	"SignIn of a new user": {roundTrips: 2, operation: operation{do: func(ctx context.Context, s *tenant) error {
		_, err := signIn(ctx, s.store, newProfile())
		return err
	}}},
	"SignIn of a known user": {roundTrips: 2, operation: operation{do: func(ctx context.Context, s *tenant) error {
		_, err := signIn(ctx, s.store, withNewToken(s.profile))
		return err
	}}},
	"ChangeSession": {roundTrips: 2, operation: operation{do: func(ctx context.Context, s *tenant) error {
		_, err := s.store.ChangeSession(ctx, s.actor.Session, func(before auth.Session, at time.Time) auth.SessionChange {
			before.Counter++
			before.LastUsedAt = at
			return auth.SessionChange{After: before, Changed: true}
		})
		return err
	}}},
	"EndOwnSession": {roundTrips: 2, operation: operation{
		before: func(ctx context.Context, s *tenant) (err error) {
			s.spare, err = signIn(ctx, s.store, withNewToken(s.profile))
			return err
		},
		do: func(ctx context.Context, s *tenant) error {
			return s.store.EndOwnSession(ctx, s.spare, false, eventsBy(s.spare))
		},
	}},
	"EndOwnSession with all others": {roundTrips: 2, operation: operation{
		before: func(_ context.Context, s *tenant) error { s.spare = s.signUp(); return nil },
		do: func(ctx context.Context, s *tenant) error {
			return s.store.EndOwnSession(ctx, s.spare, true, eventsBy(s.spare))
		},
	}},
	"Record": {roundTrips: 1, operation: operation{do: func(ctx context.Context, s *tenant) error {
		return s.store.Record(ctx, eventBy(s.actor))
	}}},
	"Record without an actor": {roundTrips: 1, operation: operation{do: func(ctx context.Context, s *tenant) error {
		return s.store.Record(ctx, auth.Event{ID: id.New[auth.Event](), Action: auth.SessionRejected, ResourceType: "session"})
	}}},
	"TouchToken": {roundTrips: 2, operation: operation{
		before: func(_ context.Context, s *tenant) error { s.spare = s.token(auth.ScopeRead); return nil },
		do: func(ctx context.Context, s *tenant) error {
			return s.store.TouchToken(ctx, s.spare, "192.0.2.0", eventBy(s.spare))
		},
	}},
	"DeleteExpired": {roundTrips: 2, operation: operation{do: func(ctx context.Context, s *tenant) error {
		_, err := s.store.DeleteExpired(ctx)
		return err
	}}},
	// One query of the trash.
	"Purge": {roundTrips: 1, operation: operation{do: func(ctx context.Context, s *tenant) error {
		_, err := s.store.Purge(ctx, time.Now().Add(-time.Hour))
		return err
	}}},
}
