package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Bots implements auth.TokenStore.
func (s *Store) Bots(ctx context.Context, actor auth.Actor) ([]auth.User, error) {
	var rows []db.User
	err := s.read(ctx, actor, get(&rows, func(q *db.Queries) ([]db.User, error) { return q.ListBots(ctx, &actor.User) }))
	return convertAll(rows, userOf), err
}

// CreateBot implements auth.TokenStore.
func (s *Store) CreateBot(ctx context.Context, actor auth.Actor, bot auth.UserID, name auth.Name, e auth.Event) (created auth.User, err error) {
	err = s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		var owner, row db.User
		var bots int64
		err := t.read(ctx,
			get(&owner, func(q *db.Queries) (db.User, error) { return q.LockUser(ctx, actor.User) }),
			// Behind the lock, so that concurrent creations count each other.
			get(&bots, func(q *db.Queries) (int64, error) { return q.CountBots(ctx, &actor.User) }))
		if err != nil {
			return notFoundAs(problem.TokenRevoked, err)
		}
		if err := auth.CheckNewBot(userOf(owner), int(bots)); err != nil {
			return err
		}
		if err := t.audit(ctx, e); err != nil {
			return err
		}
		err = t.readAndCommit(ctx, get(&row, func(q *db.Queries) (db.User, error) {
			return q.InsertBot(ctx, db.InsertBotParams{ID: bot, Name: name.String(), ManagedBy: &actor.User})
		}))
		created = userOf(row)
		return err
	})
	return created, err
}

// RenameBot implements auth.TokenStore.
func (s *Store) RenameBot(ctx context.Context, actor auth.Actor, bot auth.UserID, name *auth.Name) (auth.User, error) {
	var row db.User
	if name == nil {
		err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.User, error) { return q.GetBot(ctx, bot, &actor.User) }))
		return userOf(row), notFoundAs(problem.BotNotFound, err)
	}
	err := s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		return t.readAndCommit(ctx, func(q *db.Queries) (err error) {
			row, err = q.RenameBot(ctx, db.RenameBotParams{ID: bot, ManagedBy: &actor.User, Name: name.String()})
			return notFoundAs(problem.BotNotFound, err)
		})
	})
	return userOf(row), err
}

// DeleteBot implements auth.TokenStore. Foreign keys delete everything of the bot.
func (s *Store) DeleteBot(ctx context.Context, actor auth.Actor, bot auth.UserID, e auth.Event) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		err := t.read(ctx, func(q *db.Queries) error {
			_, err := q.DeleteBot(ctx, bot, &actor.User)
			return err
		})
		if err != nil {
			return notFoundAs(problem.BotNotFound, err)
		}
		return t.audit(ctx, e)
	})
}
