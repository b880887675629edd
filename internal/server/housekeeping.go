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
	purged, expired, audit, history, failures atomic.Uint64
}

// runHousekeeping purges the trash and deletes expired rows and old audit events, until
// ctx is done.
func (a *App) runHousekeeping(ctx context.Context) {
	for ctx.Err() == nil {
		a.purgeTrash(ctx)
		a.deleteExpired(ctx)
		a.deleteAuditEvents(ctx)
		a.deleteHistory(ctx)
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
	if a.deletionFailed(ctx, err) {
		a.log.ErrorContext(ctx, "the trash was not purged", "error", err)
	}
	if removed > 0 {
		a.housekeeping.purged.Add(uint64(removed))
		a.log.InfoContext(ctx, "trash purged", "removed", removed)
	}
}

// deleteExpired deletes sessions, ID tokens and invitations after their time.
func (a *App) deleteExpired(ctx context.Context) {
	removed, err := a.store.DeleteExpired(ctx)
	if a.deletionFailed(ctx, err) {
		a.log.ErrorContext(ctx, "expired rows were not deleted", "error", err)
	}
	if removed > 0 {
		a.housekeeping.expired.Add(uint64(removed))
		a.log.InfoContext(ctx, "expired rows deleted", "removed", removed)
	}
}

// deleteAuditEvents deletes audit events after AUDIT_RETENTION; zero keeps those that
// have an actor.
func (a *App) deleteAuditEvents(ctx context.Context) {
	var before *time.Time
	if retention := time.Duration(a.settings.AuditRetention); retention > 0 {
		before = new(time.Now().Add(-retention))
	}
	removed, err := a.store.DeleteAuditEvents(ctx, before)
	if a.deletionFailed(ctx, err) {
		a.log.ErrorContext(ctx, "audit events were not deleted", "error", err)
	}
	if removed > 0 {
		a.housekeeping.audit.Add(uint64(removed))
		a.log.InfoContext(ctx, "audit events deleted", "removed", removed)
	}
}

// deleteHistory deletes changes after HISTORY_RETENTION; zero keeps them for good.
func (a *App) deleteHistory(ctx context.Context) {
	retention := time.Duration(a.settings.HistoryRetention)
	if retention == 0 {
		return
	}
	removed, err := a.store.DeleteHistory(ctx, time.Now().Add(-retention))
	if a.deletionFailed(ctx, err) {
		a.log.ErrorContext(ctx, "the history was not deleted", "error", err)
	}
	if removed > 0 {
		a.housekeeping.history.Add(uint64(removed))
		a.log.InfoContext(ctx, "history deleted", "removed", removed)
	}
}

// deletionFailed reports and counts an error that is neither the end of the server nor
// an unreachable database.
func (a *App) deletionFailed(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || postgres.IsUnavailable(err) {
		return false
	}
	a.housekeeping.failures.Add(1)
	return true
}
