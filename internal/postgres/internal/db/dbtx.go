// Package db is the queries as sqlc generates them, closed to all but package
// postgres.
package db

// DB is what the queries are sent through, for the few that are not generated.
func (q *Queries) DB() DBTX { return q.db }
