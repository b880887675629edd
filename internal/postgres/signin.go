package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// SignIn implements auth.Store.
func (s *Store) SignIn(ctx context.Context, p auth.Profile, newcomer auth.UserID, perUser int, decide auth.SignInDecision) (user auth.User, session auth.Session, err error) {
	attempt := func() error {
		return s.inTx(ctx, confineToProfile(p, newcomer), func(t *tx) error {
			known, err := t.lockSignedIn(ctx, newcomer)
			if err != nil {
				return err
			}
			admitted, err := decide(known, t.began)
			if err != nil {
				return err
			}
			user, session = admitted.User, admitted.Session
			return t.keepSignIn(ctx, p, admitted, known == nil, perUser)
		})
	}
	// Two first sign-ins of one person at once: the later one finds the user of
	// the earlier when it is tried again. Likewise it finds nobody once the
	// account is gone that was just being deleted.
	if err = attempt(); breaks(err, "users_identity_key") || errors.Is(err, errVanished) {
		err = attempt()
	}
	return user, session, err
}

// errVanished is how a sign-in ends whose user was deleted while it waited.
var errVanished = errors.New("the account was deleted meanwhile")

// lockSignedIn returns the user that the sign-in is confined to, nil where the
// person has not signed in before.
func (t *tx) lockSignedIn(ctx context.Context, newcomer auth.UserID) (*auth.User, error) {
	var row db.User
	var confined pgtype.UUID
	err := t.read(ctx,
		func(q *db.Queries) (err error) { confined, err = q.ConfinedTo(ctx); return err },
		func(q *db.Queries) (err error) { row, err = q.LockSignedIn(ctx); return err })
	if errors.Is(err, pgx.ErrNoRows) {
		if auth.UserID(confined.Bytes) != newcomer {
			return nil, errVanished
		}
		return nil, nil //nolint:nilnil // no user is an answer here, not a failure
	}
	if err != nil {
		return nil, err
	}
	return new(userOf(row)), nil
}

// keepSignIn writes what was decided about a sign-in.
func (t *tx) keepSignIn(ctx context.Context, p auth.Profile, admitted auth.SignInResult, first bool, perUser int) error {
	user, session := admitted.User, admitted.Session
	keepUser := func(q *db.Queries) error {
		return q.UpdateUserAtLogin(ctx, db.UpdateUserAtLoginParams{
			ID: user.ID, Email: user.Email, PictureURL: user.PictureURL, LastLoginAt: user.LastLoginAt,
		})
	}
	if first {
		keepUser = func(q *db.Queries) error {
			return q.InsertUser(ctx, db.InsertUserParams{
				ID: user.ID, Issuer: user.Issuer, Subject: user.Subject, Email: user.Email, Name: user.Name,
				PictureURL: user.PictureURL, CreatedAt: user.CreatedAt, LastLoginAt: user.LastLoginAt,
			})
		}
	}
	appoint := func() error {
		if !admitted.GrantedAdmin {
			return nil
		}
		return t.write(ctx, func(q *db.Queries) error { return q.AppointAdmin(ctx) })
	}
	return errors.Join(
		t.write(ctx, keepUser),
		appoint(),
		t.write(ctx, func(q *db.Queries) error {
			return q.UseIDToken(ctx, p.Token[:], p.Expires)
		}),
		t.write(ctx, func(q *db.Queries) error {
			return q.EndOldestSessions(ctx, db.EndOldestSessionsParams{
				UserID: user.ID, At: session.CreatedAt, Keep: int32(perUser - 1), //nolint:gosec // a small constant
			})
		}),
		t.write(ctx, func(q *db.Queries) error {
			return q.InsertSession(ctx, db.InsertSessionParams{
				ID: session.ID, UserID: user.ID, Salt: session.Salt, CreatedAt: session.CreatedAt,
				LastUsedAt: session.LastUsedAt, ExpiresAt: session.ExpiresAt, EndsAt: session.EndsAt,
				UserAgent: session.UserAgent, IP: session.IP,
			})
		}),
		t.record(ctx, admitted.Events...),
	)
}

// CheckSession implements auth.Store.
func (s *Store) CheckSession(ctx context.Context, actor auth.Actor) error {
	return s.read(ctx, actor)
}

func userOf(row db.User) auth.User {
	return auth.User{
		ID: row.ID, Issuer: row.Issuer, Subject: row.Subject, Email: row.Email, Name: row.Name,
		PictureURL: row.PictureURL, Role: auth.Role(row.Role), SuspendedAt: row.SuspendedAt,
		CreatedAt: row.CreatedAt.UTC(), LastLoginAt: row.LastLoginAt.UTC(),
	}
}

// breaks reports whether err is the breach of the named constraint.
func breaks(err error, constraint string) bool {
	breach, ok := errors.AsType[*breachError](err)
	return ok && breach.constraint == constraint
}
