package server

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/events"
)

// newEvents returns the hub of the streams of live updates.
func (a *App) newEvents(ctx context.Context, limits *admission.Limits) *events.Hub {
	config := events.Config{Store: a.store, Acquire: limits.Normal.AcquireFor, MaxPerUser: a.settings.MaxStreamsPerUser}
	if a.shared.redis != nil {
		config.Listener = a.shared.redis
	}
	return events.New(ctx, config)
}

// invalidator invalidates what is cached of a user, and wakes the streams of the user at
// this replica, so that they end with their session. The cache notifies other replicas.
type invalidator struct {
	cache  auth.Invalidator
	events *events.Hub
}

// Invalidate implements auth.Invalidator.
func (i invalidator) Invalidate(ctx context.Context, user auth.UserID) error {
	defer i.events.Wake(user)
	if i.cache == nil {
		return nil
	}
	return i.cache.Invalidate(ctx, user)
}
