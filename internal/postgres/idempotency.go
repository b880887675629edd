package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// inProgressRetry is the Retry-After while the first request with a key runs.
const inProgressRetry = time.Second

// ReserveKey implements requirements.Tx. Its result arrives with the next
// round trip, so it needs no extra one.
func (t *requirementsTx) ReserveKey(ctx context.Context, request requirements.IdempotentRequest) error {
	var locked bool
	err := t.queue(ctx,
		get(&locked, func(q *db.Queries) (bool, error) { return q.TryLockIdempotencyKey(ctx, t.advisoryLock(request)) }),
		func(q *db.Queries) error {
			saved, err := q.GetSavedResponse(ctx, db.GetSavedResponseParams{
				OwnerID: t.actor.User, Key: request.Key, TTL: requirements.IdempotencyKeyTTL.Seconds(),
			})
			return t.checkSaved(request, saved, locked, err)
		})
	if err != nil || t.scope.shared { // a member has no right to lock the row of a user, and needs no order of locks for it
		return err
	}
	return t.queue(ctx, func(q *db.Queries) error {
		_, err := q.LockOwnerForKeyShare(ctx, t.actor.User)
		return notFoundAs(problem.TokenRevoked, err) // deleted while this waited for the lock
	})
}

// tenant is the owner of the shared content of a request; NULL for the actor's own content.
func (t *requirementsTx) tenant() pgtype.UUID {
	if t.actor.At.IsZero() {
		return pgtype.UUID{}
	}
	return uuidOf(t.actor.At.Owner)
}

// checkSaved returns nil if the request is the first with its key. So is one that finds the
// response to itself under another tenant: the thing that it names is not there.
func (t *requirementsTx) checkSaved(request requirements.IdempotentRequest, saved db.GetSavedResponseRow, locked bool, err error) error {
	switch {
	case errors.Is(err, pgx.ErrNoRows) && !locked:
		p := problem.New(problem.IdempotencyInProgress, "The first request with this Idempotency-Key is still running.")
		p.RetryAfter = inProgressRetry
		return p
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(saved.Request, request.Digest[:]):
		return problem.New(problem.IdempotencyKeyReused, "This Idempotency-Key was used for another request within the last 24 hours.")
	case saved.TenantID != t.tenant():
		return nil
	default:
		return &requirements.ReplayError{Response: saved.Answer}
	}
}

// SaveResponse implements requirements.Tx.
func (t *requirementsTx) SaveResponse(ctx context.Context, request requirements.IdempotentRequest, response string, at time.Time) error {
	return t.write(ctx,
		func(q *db.Queries) error {
			return q.DeleteExpiredIdempotencyKeys(ctx, t.actor.User, at.Add(-requirements.IdempotencyKeyTTL))
		},
		func(q *db.Queries) error {
			return q.SaveResponse(ctx, db.SaveResponseParams{
				OwnerID: t.actor.User, Key: request.Key, Request: request.Digest[:], Answer: response, CreatedAt: at, TenantID: t.tenant(),
			})
		})
}

// advisoryLock returns the number of a key's advisory lock. Two keys with the same
// number only wait for each other.
func (t *requirementsTx) advisoryLock(request requirements.IdempotentRequest) int64 {
	return advisoryLock("", t.actor.User[:], []byte(request.Key))
}

// advisoryLock returns the number of the advisory lock of a purpose.
func advisoryLock(purpose string, parts ...[]byte) int64 {
	sum := sha256.Sum256(slices.Concat([]byte(purpose), slices.Concat(parts...)))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // the sign does not matter
}
