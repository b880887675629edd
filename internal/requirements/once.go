package requirements

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// IdempotencyKeyTTL is how long an answer is kept for the retries of its request.
const IdempotencyKeyTTL = 24 * time.Hour

// IdempotentRequest makes a creation happen once, however often it is asked for within
// [IdempotencyKeyTTL]. The zero Once makes no such promise.
type IdempotentRequest struct {
	// Key is the caller's name for this creation.
	Key string
	// Digest is the SHA-256 of what is asked, so that the key cannot be used
	// for something else.
	Digest [32]byte
}

// Created is something new, or what was new when it was first asked for.
type Created[T any] struct {
	Value T
	// Replayed is true for the answer to a retry.
	Replayed bool
}

// ReplayError is how a transaction ends whose request was answered before.
type ReplayError struct{ Response string }

// Error is the text for the log; a replay is no failure and is not logged.
func (*ReplayError) Error() string { return "the request was answered before" }

// create runs make in a transaction and keeps what it made as the answer of
// once. The claim of the key travels with the first lock.
func create[T any](ctx context.Context, store Store, actor auth.Actor, once IdempotentRequest, produce func(Tx) (T, time.Time, error)) (Created[T], error) {
	var made T
	err := store.InTx(ctx, actor, func(tx Tx) error {
		if once.Key != "" {
			if err := tx.ReserveKey(ctx, once); err != nil {
				return err
			}
		}
		var at time.Time
		var err error
		if made, at, err = produce(tx); err != nil || once.Key == "" {
			return err
		}
		answer, err := json.Marshal(made)
		if err != nil {
			return fmt.Errorf("keep the answer: %w", err)
		}
		return tx.SaveResponse(ctx, once, string(answer), at)
	})
	if replay, ok := errors.AsType[*ReplayError](err); ok {
		if err := json.Unmarshal([]byte(replay.Response), &made); err != nil {
			return Created[T]{}, fmt.Errorf("read the kept answer: %w", err)
		}
		return Created[T]{Value: made, Replayed: true}, nil
	}
	return Created[T]{Value: made}, err
}
