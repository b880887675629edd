package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// Translate turns an error of the driver into one that the rules know.
var Translate = translate

// ReceiveUntilQuiet passes on notifications until none has come for some time.
var ReceiveUntilQuiet = receiveUntilQuiet

// Pool is the store's pool, for tests that inspect its connections.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// ViolationNames are the constraints whose violation has a sentence.
func ViolationNames() []string { return slices.Collect(maps.Keys(violations)) }

// ExecModes are the exec modes that a setting may name.
func ExecModes() []string { return slices.Collect(maps.Keys(execModes)) }

// ScopeSettings are the role and the settings of a transaction of the actor.
func (s *Store) ScopeSettings(ctx context.Context, actor auth.Actor) (settings string, err error) {
	err = s.readIn(ctx, scopeTo(actor), text(ctx, func(got string) { settings = got },
		`SELECT concat_ws(' ', current_user, current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('plan_cache_mode'))`))
	return settings, err
}

// HoldUser locks the row of the actor, and calls hold within the transaction. The pause
// that PostgreSQL allows is shorter than in production.
func (s *Store) HoldUser(ctx context.Context, actor auth.Actor, hold func()) error {
	in := scopeTo(actor)
	in.sql = strings.Replace(in.sql, "'10s'", "'300ms'", 1)
	return s.inTx(ctx, in, func(t *tx) error {
		lock := text(ctx, func(string) {}, `SELECT id::text FROM users WHERE id = app_user_id() FOR UPDATE`)
		if err := t.read(ctx, lock); err != nil {
			return err
		}
		hold()
		return t.read(ctx, lock)
	})
}

// IdleTimeouts are the pauses that PostgreSQL allows in each kind of transaction.
func (s *Store) IdleTimeouts(ctx context.Context, actor auth.Actor) (map[string]string, error) {
	timeouts := map[string]string{}
	for name, in := range map[string]scope{
		"session": scopeTo(actor), "everything": scopeToAllOf(actor), "export": scopeToExportOf(actor),
		"owner": scopeToOwner(actor.User), "refresh": scopeToSessionOwner(actor.Session),
	} {
		err := s.readIn(ctx, in, text(ctx, func(got string) { timeouts[name] = got }, `SELECT current_setting('idle_in_transaction_session_timeout')`))
		if err != nil {
			return nil, err
		}
	}
	return timeouts, nil
}

// ReadTexts reads with statements that each return one text. It calls onText with
// each result as it is read.
func (s *Store) ReadTexts(ctx context.Context, actor auth.Actor, onText func(string), statements ...string) error {
	var queries []query
	for _, sql := range statements {
		queries = append(queries, text(ctx, onText, sql))
	}
	return s.read(ctx, actor, queries...)
}

// ReadInWrongScope reads for one actor in the tenant scope of another.
func (s *Store) ReadInWrongScope(ctx context.Context, actor, other auth.Actor) error {
	wrong := scopeTo(other)
	wrong.user = actor.User
	return translate(s.readIn(ctx, wrong))
}

// WriteInWrongScope runs a transaction for one actor in the tenant scope of another.
func (s *Store) WriteInWrongScope(ctx context.Context, actor, other auth.Actor) error {
	wrong := scopeTo(other)
	wrong.user = actor.User
	return s.inTx(ctx, wrong, func(t *tx) error { return t.read(ctx) })
}

// text is a query of one text.
func text(ctx context.Context, onText func(string), sql string) query {
	return func(q *db.Queries) error {
		rows, err := q.DB().Query(ctx, sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		var result string
		if rows.Next() {
			err = rows.Scan(&result)
			onText(result)
		}
		rows.Close()
		return errors.Join(err, rows.Err())
	}
}
