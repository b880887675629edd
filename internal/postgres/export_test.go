package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/identity"
)

// Translate is what a driver's error becomes on its way to the rules.
var Translate = translate

// HearFor passes on what a connection hears, until nothing was for some time.
var HearFor = hearFor

// Pool is the store's pool, for tests that look at its connections.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Confined is what a transaction of the actor's has set.
func (s *Store) Confined(ctx context.Context, actor identity.Actor) (set string, err error) {
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
