package server

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// purgeEvery is how often each replica looks for trash that is due, about: the
// replicas should not all look at once.
const purgeEvery = 10 * time.Minute

// house is what was done in the house since the start.
type house struct {
	purged, forgotten, failures atomic.Uint64
}

// keepHouse removes trash that is due, and what has served its time, until ctx
// is done.
func (a *App) keepHouse(ctx context.Context) {
	for ctx.Err() == nil {
		a.purge(ctx)
		a.forget(ctx)
		wait := time.NewTimer(purgeEvery/2 + rand.N(purgeEvery)) //nolint:gosec // spreads load, keeps no secret
		select {
		case <-ctx.Done():
			wait.Stop()
		case <-wait.C:
		}
	}
}

func (a *App) purge(ctx context.Context) {
	removed, err := a.store.Purge(ctx, time.Now().Add(-time.Duration(a.settings.TrashRetention)))
	switch {
	case err != nil && ctx.Err() == nil && !postgres.IsUnavailable(err):
		a.house.failures.Add(1)
		a.log.ErrorContext(ctx, "the trash was not purged", "error", err)
	case removed > 0:
		a.house.purged.Add(uint64(removed))
		a.log.InfoContext(ctx, "trash purged", "removed", removed)
	}
}

func (a *App) forget(ctx context.Context) {
	removed, err := a.store.DeleteExpired(ctx)
	switch {
	case err != nil && ctx.Err() == nil && !postgres.IsUnavailable(err):
		a.house.failures.Add(1)
		a.log.ErrorContext(ctx, "what has expired was not forgotten", "error", err)
	case removed > 0:
		a.house.forgotten.Add(uint64(removed))
		a.log.InfoContext(ctx, "forgotten what has expired", "removed", removed)
	}
}
