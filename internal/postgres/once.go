package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// inProgressRetry is when the retry of a request that still runs may succeed.
const inProgressRetry = time.Second

// ReserveKey implements requirements.Tx.
func (t *requirementsTx) ReserveKey(ctx context.Context, once requirements.IdempotentRequest) error {
	var claimed bool
	if err := t.ahead(ctx, func(q *db.Queries) (err error) { claimed, err = q.LockKey(ctx, t.lockOf(once)); return err }); err != nil {
		return err
	}
	if err := t.ahead(ctx, func(q *db.Queries) error {
		found, err := q.GetAnswer(ctx, db.GetAnswerParams{OwnerID: t.actor.User, Key: once.Key, Life: requirements.IdempotencyKeyTTL.Seconds()})
		switch {
		case errors.Is(err, pgx.ErrNoRows) && !claimed:
			f := problem.New(problem.IdempotencyInProgress, "The first request with this Idempotency-Key is still running.")
			f.RetryAfter = inProgressRetry
			return f
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil:
			return err
		case !bytes.Equal(found.Request, once.Digest[:]):
			return problem.New(problem.IdempotencyKeyReused, "This Idempotency-Key was used for another request within the last 24 hours.")
		default:
			return &requirements.ReplayError{Response: found.Answer}
		}
	}); err != nil {
		return err
	}
	return t.ahead(ctx, func(q *db.Queries) error {
		_, err := q.HoldOwner(ctx, t.actor.User)
		return orMissing(err, problem.TokenRevoked) // deleted while this waited
	})
}

// SaveResponse implements requirements.Tx.
func (t *requirementsTx) SaveResponse(ctx context.Context, once requirements.IdempotentRequest, answer string, at time.Time) error {
	if err := t.write(ctx, func(q *db.Queries) error {
		return q.ForgetKeys(ctx, t.actor.User, at.Add(-requirements.IdempotencyKeyTTL))
	}); err != nil {
		return err
	}
	return t.write(ctx, func(q *db.Queries) error {
		return q.KeepAnswer(ctx, db.KeepAnswerParams{
			OwnerID: t.actor.User, Key: once.Key, Request: once.Digest[:], Answer: answer, CreatedAt: at,
		})
	})
}

// lockOf names the advisory lock of a key. Two keys of one name would only wait
// for each other.
func (t *requirementsTx) lockOf(once requirements.IdempotentRequest) int64 {
	sum := sha256.Sum256(append(t.actor.User[:], once.Key...))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any number is as good
}
