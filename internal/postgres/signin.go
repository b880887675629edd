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
func (s *Store) SignIn(ctx context.Context, p auth.Profile, newUser auth.UserID, maxSessions int, decide auth.SignInDecision) (user auth.User, session auth.Session, err error) {
	signIn := func() error {
		return s.inTx(ctx, scopeToProfile(p, newUser), func(t *tx) error {
			known, excess, err := t.lockScopedUser(ctx, newUser, maxSessions-1)
			if err != nil {
				return err
			}
			result, err := decide(known, t.opened.at)
			if err != nil {
				return err
			}
			user, session = result.User, result.Session
			if err := t.saveSignIn(ctx, p, result, known == nil, excess); err != nil || result.ExcessEvent == nil {
				return err
			}
			return t.audit(ctx, convertAll(excess, result.ExcessEvent)...)
		})
	}
	// Of two concurrent first sign-ins with one profile, the later one finds the user
	// of the earlier when it is tried again. Likewise it finds no user once the
	// account is gone whose deletion it waited for.
	if err = signIn(); violates(err, "users_identity_key") || errors.Is(err, errUserDeleted) {
		err = signIn()
	}
	return user, session, err
}

// errUserDeleted is the error of a sign-in whose user was deleted while it waited
// for the lock.
var errUserDeleted = errors.New("the account was deleted during the sign-in")

// lockScopedUser returns the user of the scope, nil for a profile without a user. It
// also returns the user's live sessions without the newest maxOthers.
func (t *tx) lockScopedUser(ctx context.Context, newUser auth.UserID, maxOthers int) (known *auth.User, excess []auth.SessionID, err error) {
	var row db.User
	var scoped pgtype.UUID
	err = t.read(ctx,
		get(&scoped, func(q *db.Queries) (pgtype.UUID, error) { return q.GetScopedUserID(ctx) }),
		get(&row, func(q *db.Queries) (db.User, error) { return q.LockScopedUser(ctx) }),
		// Behind the lock, so that concurrent sign-ins of the user count each other.
		get(&excess, func(q *db.Queries) ([]auth.SessionID, error) { return q.ListExcessSessions(ctx, int32Of(maxOthers)) }))
	if errors.Is(err, pgx.ErrNoRows) {
		if auth.UserID(scoped.Bytes) != newUser {
			return nil, nil, errUserDeleted
		}
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return new(userOf(row)), excess, nil
}

// saveSignIn writes what was decided about a sign-in.
func (t *tx) saveSignIn(ctx context.Context, p auth.Profile, result auth.SignInResult, first bool, excess []auth.SessionID) error {
	user, session := result.User, result.Session
	saveUser := func(q *db.Queries) error {
		return q.UpdateUserAtSignIn(ctx, db.UpdateUserAtSignInParams{
			ID: user.ID, Email: user.Email, PictureURL: user.PictureURL, LastLoginAt: user.LastLoginAt,
		})
	}
	if first {
		saveUser = func(q *db.Queries) error {
			return q.InsertUser(ctx, db.InsertUserParams{
				ID: user.ID, Issuer: user.Issuer, Subject: user.Subject, Email: user.Email, Name: user.Name,
				PictureURL: user.PictureURL, CreatedAt: user.CreatedAt, LastLoginAt: user.LastLoginAt,
			})
		}
	}
	writes := []query{saveUser}
	if result.GrantedAdmin {
		writes = append(writes, func(q *db.Queries) error { return q.GrantAdmin(ctx) })
	}
	for _, old := range excess {
		writes = append(writes, func(q *db.Queries) error {
			_, err := q.RevokeOwnSession(ctx, old, user.ID)
			return err
		})
	}
	writes = append(writes,
		func(q *db.Queries) error { return q.InsertUsedIDToken(ctx, p.Token[:], p.Expires) },
		func(q *db.Queries) error {
			return q.InsertSession(ctx, db.InsertSessionParams{
				ID: session.ID, UserID: user.ID, Salt: session.Salt, CreatedAt: session.CreatedAt,
				LastUsedAt: session.LastUsedAt, ExpiresAt: session.ExpiresAt, EndsAt: session.EndsAt,
				UserAgent: session.UserAgent, IP: session.IP,
			})
		})
	if err := t.write(ctx, writes...); err != nil {
		return err
	}
	return t.audit(ctx, result.Events...)
}
