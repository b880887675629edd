// Package db holds the queries that sqlc generates. Only package postgres may
// import it.
package db

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// DB returns what the queries are sent through, for the few that are not generated.
func (q *Queries) DB() DBTX { return q.db }

// ItemIDs is a uuid[]. pgx reads and writes it without reflection.
type ItemIDs = pgtype.FlatArray[requirements.ItemID]
