package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// authorize is a query that fails unless the role of the scope's user has the
// permission. It precedes the work in the same batch, so without the permission no
// result is read, whatever the policies allow.
func authorize(ctx context.Context, actor auth.PrivilegedActor) query {
	return func(q *db.Queries) error {
		role, err := q.GetCallerRole(ctx)
		if err == nil && !auth.Role(role).May(actor.Permission) {
			return permissionDenied()
		}
		return err
	}
}

func permissionDenied() error { return problem.NotFound(problem.PermissionDenied) }

// readPrivileged runs queries for an actor that needs a permission.
func (s *Store) readPrivileged(ctx context.Context, actor auth.PrivilegedActor, queries ...query) error {
	return s.read(ctx, actor.Actor, append([]query{authorize(ctx, actor)}, queries...)...)
}

// Authorize implements auth.Store.
func (s *Store) Authorize(ctx context.Context, actor auth.PrivilegedActor) error {
	return s.readPrivileged(ctx, actor)
}

// Users implements auth.Store.
func (s *Store) Users(ctx context.Context, actor auth.PrivilegedActor, list auth.UserQuery) ([]auth.User, error) {
	var rows []db.User
	err := s.readPrivileged(ctx, actor, get(&rows, func(q *db.Queries) ([]db.User, error) {
		return q.ListUsers(ctx, db.ListUsersParams{
			BeforeAt: list.After.Time, BeforeID: cursorID(*list.After), Search: list.Search, MaxRows: int32Of(list.Limit),
		})
	}))
	return convertAll(rows, userOf), err
}

// cursorID is the id of a cursor; that of all zeros precedes every row with its
// time.
func cursorID(c page.Cursor) pgtype.UUID { return pgtype.UUID{Bytes: c.ID, Valid: true} }

// ChangeUser implements auth.Store. A function of the schema changes the row: the
// service has no right to write the columns that give power.
func (s *Store) ChangeUser(ctx context.Context, actor auth.PrivilegedActor, user auth.UserID, change auth.UserChange, events func(auth.UserState) []auth.Event) (changed auth.User, bots []auth.UserID, err error) {
	err = s.inTx(ctx, scopeTo(actor.Actor), func(t *tx) error {
		var before auth.UserState
		var row db.User
		err := t.read(ctx, authorize(ctx, actor),
			func(q *db.Queries) error {
				return q.DB().QueryRow(ctx, "SELECT was_role, was_suspended FROM change_user($1, $2, $3)", user, change.Role, change.Suspend).
					Scan(&before.Role, &before.Suspended)
			},
			get(&row, func(q *db.Queries) (db.User, error) { return q.GetUser(ctx, user) }),
			get(&bots, func(q *db.Queries) ([]auth.UserID, error) { return q.ListBotIDs(ctx, &user) }))
		if sqlState(err) == "42501" { // the role has just been revoked
			return permissionDenied()
		}
		if err != nil {
			return notFoundAs(problem.UserNotFound, err)
		}
		changed = userOf(row)
		return t.audit(ctx, events(before)...)
	})
	return changed, bots, err
}
