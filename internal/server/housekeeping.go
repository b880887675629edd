package server

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// housekeepingInterval is the mean time between two runs at a replica. The actual time
// is random, so that replicas do not run at the same time.
const housekeepingInterval = 10 * time.Minute

// housekeepingStats counts what housekeeping has done since the start.
type housekeepingStats struct {
	purged, expired, failures atomic.Uint64
}

// runHousekeeping purges the trash and deletes expired rows, until ctx is done.
func (a *App) runHousekeeping(ctx context.Context) {
	for ctx.Err() == nil {
		a.purgeTrash(ctx)
		a.deleteExpired(ctx)
		wait := time.NewTimer(housekeepingInterval/2 + rand.N(housekeepingInterval)) //nolint:gosec // spreads load, keeps no secret
		select {
		case <-ctx.Done():
			wait.Stop()
		case <-wait.C:
		}
	}
}

// purgeTrash deletes what has been in the trash for longer than TRASH_RETENTION.
func (a *App) purgeTrash(ctx context.Context) {
	removed, err := a.store.Purge(ctx, time.Now().Add(-time.Duration(a.settings.TrashRetention)))
	switch {
	case err != nil && ctx.Err() == nil && !postgres.IsUnavailable(err):
		a.housekeeping.failures.Add(1)
		a.log.ErrorContext(ctx, "the trash was not purged", "error", err)
	case removed > 0:
		a.housekeeping.purged.Add(uint64(removed))
		a.log.InfoContext(ctx, "trash purged", "removed", removed)
	}
}

// deleteExpired deletes sessions, idempotency keys and ID tokens after their time.
func (a *App) deleteExpired(ctx context.Context) {
	removed, err := a.store.DeleteExpired(ctx)
	switch {
	case err != nil && ctx.Err() == nil && !postgres.IsUnavailable(err):
		a.housekeeping.failures.Add(1)
		a.log.ErrorContext(ctx, "expired rows were not deleted", "error", err)
	case removed > 0:
		a.housekeeping.expired.Add(uint64(removed))
		a.log.InfoContext(ctx, "expired rows deleted", "removed", removed)
	}
}
