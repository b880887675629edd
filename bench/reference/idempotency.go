package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"

	"github.com/jackc/pgx/v5"
)

// create is a creation by q, a pool or a transaction.
type create func(q querier, r *http.Request) (written, error)

// createOnce is a creation with an Idempotency-Key: the response is saved in the same
// transaction, and a repeated request gets it again. It takes three round trips.
func (s *server) createOnce(ctx context.Context, actor caller, r *http.Request, create create) (written, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return create(s.writes, r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return written{}, errors.Join(statusError(http.StatusUnprocessableEntity), err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	request := sha256.Sum256(append([]byte(r.URL.Path+"\n"), body...))
	var result written
	err = pgx.BeginFunc(ctx, s.writes, func(tx pgx.Tx) error {
		saved, err := readSaved(ctx, tx, actor, key, request[:])
		if err == nil {
			result.response = saved
			return nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if result, err = create(tx, r); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, saveResponseSQL, actor.user, key, request[:], result.etag, result.location, result.body)
		return err
	})
	return result, err
}

// readSaved locks the key and returns the saved response, or pgx.ErrNoRows. A key that
// another request has used is an error.
func readSaved(ctx context.Context, tx pgx.Tx, actor caller, key string, request []byte) (response, error) {
	batch := readBatch(actor)
	batch.Queue(lockKeySQL, actor.user, key)
	batch.Queue(readResponseSQL, actor.user, key)
	results := tx.SendBatch(ctx, batch)
	defer func() { _ = results.Close() }() // the first error counts
	if err := scanScope(results); err != nil {
		return response{}, err
	}
	if _, err := results.Exec(); err != nil {
		return response{}, err
	}
	saved := response{status: http.StatusCreated}
	var first []byte
	if err := results.QueryRow().Scan(&first, &saved.etag, &saved.location, &saved.body); err != nil {
		return response{}, err
	}
	if !bytes.Equal(first, request) {
		return response{}, statusError(http.StatusUnprocessableEntity)
	}
	return saved, results.Close()
}
