package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// permitted asks for the role of whom the flight is confined to. Standing before
// the work in the same flight, it stops the reading of answers where the role
// does not have the permission; what the policies let pass is then not read.
func permitted(ctx context.Context, staff auth.PrivilegedActor) query {
	return func(q *db.Queries) error {
		role, err := q.CallerRole(ctx)
		if err == nil && !auth.Role(role).May(staff.Permission) {
			return denied()
		}
		return err
	}
}

func denied() error { return problem.NotFound(problem.PermissionDenied) }

// readAsStaff makes queries for an actor who needs a permission.
func (s *Store) readAsStaff(ctx context.Context, staff auth.PrivilegedActor, queries ...query) error {
	return s.read(ctx, staff.Actor, append([]query{permitted(ctx, staff)}, queries...)...)
}

// Authorize implements auth.Store.
func (s *Store) Authorize(ctx context.Context, staff auth.PrivilegedActor) error {
	return s.readAsStaff(ctx, staff)
}

// Users implements auth.Store.
func (s *Store) Users(ctx context.Context, staff auth.PrivilegedActor, list auth.UserQuery) ([]auth.User, error) {
	var rows []db.User
	err := s.readAsStaff(ctx, staff, func(q *db.Queries) (err error) {
		rows, err = q.ListUsers(ctx, db.ListUsersParams{
			BeforeAt: list.After.Time, BeforeID: pgtype.UUID{Bytes: list.After.ID, Valid: true}, Search: list.Search, Most: small(list.Limit),
		})
		return err
	})
	users := make([]auth.User, len(rows))
	for n, row := range rows {
		users[n] = userOf(row)
	}
	return users, err
}

// ChangeUser implements auth.Store. The change itself is a function of the
// schema: the service has no right to write the columns that give power.
func (s *Store) ChangeUser(ctx context.Context, staff auth.PrivilegedActor, user auth.UserID, change auth.UserChange, told func(auth.UserState) []auth.Event) (changed auth.User, err error) {
	err = s.inTx(ctx, confineTo(staff.Actor), func(t *tx) error {
		var before auth.UserState
		var row db.User
		err := t.read(ctx, permitted(ctx, staff),
			func(q *db.Queries) error {
				return q.DB().QueryRow(ctx, "SELECT was_role, was_suspended FROM change_user($1, $2, $3)", user, change.Role, change.Suspend).
					Scan(&before.Role, &before.Suspended)
			},
			func(q *db.Queries) (err error) { row, err = q.GetUser(ctx, user); return err })
		if sqlState(err) == "42501" { // an admin a moment ago
			return denied()
		}
		if err != nil {
			return orMissing(err, problem.UserNotFound)
		}
		changed = userOf(row)
		return t.record(ctx, told(before)...)
	})
	return changed, err
}
