package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// Translate is what a driver's error becomes on its way to the rules.
var Translate = translate

// HearFor passes on what a connection hears, until nothing was for some time.
var HearFor = hearFor

// Pool is the store's pool, for tests that look at its connections.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

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
