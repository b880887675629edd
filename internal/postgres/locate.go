package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// Locate implements auth.Store.
func (s *Store) Locate(ctx context.Context, actor auth.Actor, kind string, thing [16]byte) (at auth.Location, err error) {
	actor.At = auth.Location{}
	err = s.read(ctx, actor, func(q *db.Queries) error {
		var project id.Of[any]
		err := q.DB().QueryRow(ctx, "SELECT owner_id, project_id FROM locate($1, $2)", kind, id.Of[any](thing)).Scan(&at.Owner, &project)
		at.Project = project
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return auth.Location{}, auth.ErrNotMember
	}
	return at, err
}
