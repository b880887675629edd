package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/outline"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// inProgressRetry is when the retry of a request that still runs may succeed.
const inProgressRetry = time.Second

// Claim implements outline.Tx.
func (t *outlineTx) Claim(ctx context.Context, once outline.Once) error {
	var claimed bool
	if err := t.ahead(ctx, func(q *db.Queries) (err error) { claimed, err = q.LockKey(ctx, t.lockOf(once)); return err }); err != nil {
		return err
	}
	if err := t.ahead(ctx, func(q *db.Queries) error {
		found, err := q.GetAnswer(ctx, db.GetAnswerParams{OwnerID: t.actor.User, Key: once.Key, Life: outline.KeyLife.Seconds()})
		switch {
		case errors.Is(err, pgx.ErrNoRows) && !claimed:
			f := fault.New(fault.IdempotencyInProgress, "The first request with this Idempotency-Key is still running.")
			f.RetryAfter = inProgressRetry
			return f
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil:
			return err
		case !bytes.Equal(found.Request, once.Request[:]):
			return fault.New(fault.IdempotencyKeyReused, "This Idempotency-Key was used for another request within the last 24 hours.")
		default:
			return &outline.ReplayError{Answer: found.Answer}
		}
	}); err != nil {
		return err
	}
	return t.ahead(ctx, func(q *db.Queries) error {
		_, err := q.HoldOwner(ctx, t.actor.User)
		return orMissing(err, fault.TokenRevoked) // deleted while this waited
	})
}

// KeepAnswer implements outline.Tx.
func (t *outlineTx) KeepAnswer(ctx context.Context, once outline.Once, answer string, at time.Time) error {
	if err := t.write(ctx, func(q *db.Queries) error {
		return q.ForgetKeys(ctx, t.actor.User, at.Add(-outline.KeyLife))
	}); err != nil {
		return err
	}
	return t.write(ctx, func(q *db.Queries) error {
		return q.KeepAnswer(ctx, db.KeepAnswerParams{
			OwnerID: t.actor.User, Key: once.Key, Request: once.Request[:], Answer: answer, CreatedAt: at,
		})
	})
}

// lockOf names the advisory lock of a key. Two keys of one name would only wait
// for each other.
func (t *outlineTx) lockOf(once outline.Once) int64 {
	sum := sha256.Sum256(append(t.actor.User[:], once.Key...))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any number is as good
}
