package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// Translate is what a driver's error becomes on its way to the rules.
var Translate = translate

// ReceiveUntilQuiet passes on notifications until none has come for some time.
var ReceiveUntilQuiet = receiveUntilQuiet

// Pool is the store's pool, for tests that look at its connections.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Confined is what a transaction of the actor's has set.
func (s *Store) Confined(ctx context.Context, actor auth.Actor) (set string, err error) {
	err = s.fly(ctx, flight{confineTo(actor).statement(nil), {
		sql:  `SELECT concat_ws(' ', current_user, current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('plan_cache_mode'))`,
		read: func(its results) error { return its.QueryRow().Scan(&set) },
	}})
	return set, err
}

// ViolationNames are the constraints whose breach has a sentence.
func ViolationNames() []string {
	var names []string
	for name := range violations {
		names = append(names, name)
	}
	return names
}

// ExecModes are the exec modes that a setting may name.
func ExecModes() []string {
	var names []string
	for name := range execModes {
		names = append(names, name)
	}
	return names
}

// MostTogether is how many reads travel together at most.
const MostTogether = mostTogether

// Shared tells how many pipelines are under way, and how many reads wait for one.
func (s *Store) Shared() (underWay, waiting int) {
	s.sharing.mu.Lock()
	defer s.sharing.mu.Unlock()
	return s.sharing.underWay, len(s.sharing.waiting)
}

// Ask makes a read of statements that each answer one text. As each answer is read,
// heard is called with it.
func (s *Store) Ask(ctx context.Context, actor auth.Actor, heard func(string), statements ...string) error {
	var queries []query
	for _, sql := range statements {
		queries = append(queries, func(q *db.Queries) error {
			rows, err := q.DB().Query(ctx, sql)
			if err != nil {
				return err
			}
			defer rows.Close()
			var answer string
			if rows.Next() {
				err = rows.Scan(&answer)
				heard(answer)
			}
			rows.Close()
			return errors.Join(err, rows.Err())
		})
	}
	return s.read(ctx, actor, queries...)
}

// Mistake makes a read in the name of one whose answer is confined to another.
func (s *Store) Mistake(ctx context.Context, asked, answered auth.Actor) error {
	c := confineTo(answered)
	c.user = asked.User
	return s.share(ctx, flight{c.statement(nil)})
}
