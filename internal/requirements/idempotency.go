package requirements

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// IdempotencyKeyTTL is how long a response is saved for retries of its request.
const IdempotencyKeyTTL = 24 * time.Hour

// IdempotentRequest identifies a creation, so that a retry within
// [IdempotencyKeyTTL] creates nothing more. The zero value has no key: each such
// request creates something.
type IdempotentRequest struct {
	// Key is the Idempotency-Key that the caller chose for this creation.
	Key string
	// Digest is the SHA-256 of the request. It keeps the key from being used for
	// another request.
	Digest [32]byte
}

// Created is a new resource, or the resource that an earlier request with the
// same key created, as it was then.
type Created[T any] struct {
	Value T
	// Replayed is true if this is the response to a retry.
	Replayed bool
}

// ReplayError ends a transaction whose request already has a saved response.
type ReplayError struct{ Response string }

// Error returns the text for the log. A replay is not a failure and is not
// logged.
func (*ReplayError) Error() string { return "the request has a saved response" }

// create is [CreateOnce] in a transaction of a store.
func create[T any](ctx context.Context, store Store, actor auth.Actor, request IdempotentRequest, defaults T, produce func(Tx) (T, time.Time, error)) (Created[T], error) {
	return CreateOnce(ctx, func(decide func(Tx) error) error { return store.InTx(ctx, actor, decide) }, request, defaults, produce)
}

// keyTx is the part of a transaction that idempotency keys need.
type keyTx interface {
	ReserveKey(ctx context.Context, request IdempotentRequest) error
	SaveResponse(ctx context.Context, request IdempotentRequest, response string, at time.Time) error
}

// CreateOnce runs produce in a transaction and saves what it returns as the response
// to request. The key is reserved in the round trip of the first lock. Defaults
// holds the values of fields that an older release did not save.
func CreateOnce[T any, X keyTx](ctx context.Context, inTx func(decide func(X) error) error, request IdempotentRequest, defaults T, produce func(X) (T, time.Time, error)) (Created[T], error) {
	var created T
	err := inTx(func(tx X) (err error) {
		created, err = createOnce(ctx, tx, request, produce)
		return err
	})
	return replayed(created, err, defaults)
}

// Replay returns the saved response to a request, if there is one. It is for creations
// whose work begins before their transaction.
func Replay[T any, X keyTx](ctx context.Context, inTx func(decide func(X) error) error, request IdempotentRequest, defaults T) (Created[T], error) {
	if request.Key == "" {
		return Created[T]{}, nil
	}
	return replayed(*new(T), inTx(func(tx X) error { return tx.ReserveKey(ctx, request) }), defaults)
}

// replayed returns what a transaction created, or the saved response that ended it.
func replayed[T any](created T, err error, defaults T) (Created[T], error) {
	if replay, ok := errors.AsType[*ReplayError](err); ok {
		created, err = decodeResponse(replay.Response, defaults)
		return Created[T]{Value: created, Replayed: true}, err
	}
	return Created[T]{Value: created}, err
}

func createOnce[T any, X keyTx](ctx context.Context, tx X, request IdempotentRequest, produce func(X) (T, time.Time, error)) (T, error) {
	if request.Key == "" {
		created, _, err := produce(tx)
		return created, err
	}
	if err := tx.ReserveKey(ctx, request); err != nil {
		return *new(T), err
	}
	created, at, err := produce(tx)
	if err != nil {
		return created, err
	}
	response, err := encodeResponse(created)
	if err != nil {
		return created, err
	}
	return created, tx.SaveResponse(ctx, request, response, at)
}

// responseFormat is the format of saved responses. A new field, whose default is
// known, does not need a new format; a changed meaning of a name does.
const responseFormat = 1

// savedResponse is a created resource in its stored form: the members of the
// resource and the format in one JSON object. Rows of the releases before 0.9.0
// have the same members without a format, and those releases ignore it. So old
// and new replicas replay each other's responses during a rolling update.
type savedResponse[T any] struct {
	Format   int `json:"Format"`
	Resource T   `json:",embed"`
}

func encodeResponse[T any](resource T) (string, error) {
	text, err := json.Marshal(savedResponse[T]{Format: responseFormat, Resource: resource})
	if err != nil {
		return "", fmt.Errorf("encode a saved response: %w", err)
	}
	return string(text), nil
}

// decodeResponse reads a resource that this release or another one saved. Names
// that this release does not know are ignored; names that are missing keep their
// defaults. A newer format is Unavailable: a replica of the newer release can
// replay it.
func decodeResponse[T any](text string, defaults T) (T, error) {
	saved := savedResponse[T]{Resource: defaults}
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		return defaults, fmt.Errorf("decode a saved response: %w", err)
	}
	if saved.Format > responseFormat {
		err := problem.New(problem.Unavailable, "The response to this request was saved by a newer release of this server. Repeat the request shortly.")
		err.RetryAfter = time.Second
		return defaults, err.Because(fmt.Errorf("a saved response has the format %d, this release reads up to %d", saved.Format, responseFormat))
	}
	return saved.Resource, nil
}
