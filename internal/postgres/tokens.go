package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Tokens implements auth.TokenStore.
func (s *Store) Tokens(ctx context.Context, actor auth.Actor, owner auth.UserID) ([]auth.APIToken, error) {
	var rows []db.ListTokensRow
	err := s.read(ctx, actor,
		func(q *db.Queries) error {
			_, err := q.GetTokenOwner(ctx, owner, actor.User)
			return notFoundAs(problem.BotNotFound, err)
		},
		get(&rows, func(q *db.Queries) ([]db.ListTokensRow, error) { return q.ListTokens(ctx, owner) }))
	return convertAll(rows, tokenOf), err
}

// CreateToken implements auth.TokenStore.
func (s *Store) CreateToken(ctx context.Context, actor auth.Actor, t auth.NewAPIToken, e auth.Event) (auth.APIToken, error) {
	created := t.APIToken
	err := s.inTx(ctx, scopeTo(actor), func(tx *tx) error {
		var tokens int64
		err := tx.read(ctx,
			func(q *db.Queries) error {
				_, err := q.LockTokenOwner(ctx, t.User, actor.User)
				return notFoundAs(problem.BotNotFound, err)
			},
			// Behind the lock, so that concurrent creations count each other.
			get(&tokens, func(q *db.Queries) (int64, error) { return q.CountTokens(ctx, t.User) }))
		if err != nil {
			return err
		}
		if err := auth.CheckNewToken(int(tokens)); err != nil {
			return err
		}
		if err := tx.audit(ctx, e); err != nil {
			return err
		}
		return tx.readAndCommit(ctx, func(q *db.Queries) error {
			row, err := q.InsertToken(ctx, db.InsertTokenParams{
				UserID: t.User, ID: t.ID, Hash: t.Hash[:], Last4: t.Last4, Name: t.Name,
				Scopes: convertAll(t.Scopes, func(s auth.Scope) string { return string(s) }), Lifetime: int64(t.Lifetime.Seconds()),
			})
			created.CreatedAt, created.ExpiresAt = row.CreatedAt.UTC(), row.ExpiresAt.UTC()
			return err
		})
	})
	return created, err
}

// RevokeToken implements auth.TokenStore.
func (s *Store) RevokeToken(ctx context.Context, actor auth.Actor, owner auth.UserID, token auth.APITokenID, e auth.Event) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		err := t.read(ctx, func(q *db.Queries) error {
			_, err := q.RevokeToken(ctx, owner, token)
			return err
		})
		if err != nil {
			return notFoundAs(problem.TokenNotFound, err)
		}
		return t.audit(ctx, e)
	})
}

// TouchToken implements auth.TokenStore.
func (s *Store) TouchToken(ctx context.Context, actor auth.Actor, network string, e auth.Event) error {
	return s.inTx(ctx, scopeToOwner(actor.User), func(t *tx) error {
		var newNetwork bool
		err := t.read(ctx, get(&newNetwork, func(q *db.Queries) (bool, error) {
			return q.TouchToken(ctx, db.TouchTokenParams{IP: &actor.From.IP, Network: network, UserID: actor.User, ID: actor.Token.ID})
		}))
		switch {
		case errors.Is(err, pgx.ErrNoRows): // another replica was first, or the token is gone
			return nil
		case err != nil || !newNetwork:
			return err
		}
		return t.audit(ctx, e)
	})
}

func tokenOf(row db.ListTokensRow) auth.APIToken {
	t := auth.APIToken{
		ID: row.ID, User: row.UserID, Name: row.Name, Last4: row.Last4,
		Scopes:    convertAll(row.Scopes, func(s string) auth.Scope { return auth.Scope(s) }),
		CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), LastUsedIP: row.LastUsedIP,
	}
	if row.LastUsedAt != nil {
		t.LastUsedAt = new(row.LastUsedAt.UTC())
	}
	return t
}
