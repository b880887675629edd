package postgres_test

import (
	"context"
	"crypto/rand"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var everyScope = []auth.Scope{auth.ScopeRead, auth.ScopeWrite, auth.ScopeGenerate, auth.ScopeManage}

// deleteAccount is DeleteAccount with an event of the actor.
func deleteAccount(ctx context.Context, s *postgres.Store, actor auth.Actor) error {
	_, err := s.DeleteAccount(ctx, actor, eventBy(actor), func([]auth.SharedProject) error { return nil })
	return err
}

// newToken is a token to store, with a random hash.
func newToken(owner auth.UserID, scopes ...auth.Scope) auth.NewAPIToken {
	t := auth.NewAPIToken{APIToken: auth.APIToken{ID: id.New[auth.APIToken](), User: owner, Name: canary, Scopes: scopes, Last4: "last"}, Lifetime: time.Hour}
	_, _ = rand.Read(t.Hash[:]) // never fails
	return t
}

// token is the actor with a new token instead of the session.
func (s *tenant) token(scopes ...auth.Scope) auth.Actor {
	s.t.Helper()
	return s.tokenOf(s.actor.User, scopes...)
}

func (s *tenant) tokenOf(owner auth.UserID, scopes ...auth.Scope) auth.Actor {
	s.t.Helper()
	t := newToken(owner, scopes...)
	if _, err := s.store.CreateToken(s.t.Context(), s.actor, t, eventBy(s.actor)); err != nil {
		s.t.Fatalf("create a token: %v", err)
	}
	return auth.Actor{User: owner, Token: auth.TokenCredential{ID: t.ID, Hash: t.Hash}}
}

func (s *tenant) spoilToken(super *pgx.Conn, sql string) auth.Actor {
	s.t.Helper()
	actor := s.token(everyScope...)
	s.spoil(super, sql)
	return actor
}

// bot is a new bot of the actor.
func (s *tenant) bot(ctx context.Context) (auth.UserID, error) {
	bot, err := s.store.CreateBot(ctx, s.actor, id.New[auth.User](), newName(s.t), eventBy(s.actor))
	return bot.ID, err
}

// freeBots deletes all bots of the actor, so that operations can be repeated.
func freeBots(ctx context.Context, s *tenant) error {
	super := connect(s.t, s.Super)
	if _, err := super.Exec(ctx, "DELETE FROM api_tokens WHERE user_id = $1", s.actor.User); err != nil {
		return err
	}
	_, err := super.Exec(ctx, "DELETE FROM users WHERE managed_by = $1", s.actor.User)
	return err
}

// addTokenReads adds the reads of tokens and bots.
func addTokenReads(all map[string]operation) {
	all["Tokens"] = operation{do: func(ctx context.Context, s *tenant) error {
		_, err := s.store.Tokens(ctx, s.actor, s.actor.User)
		return err
	}}
	all["Bots"] = operation{do: func(ctx context.Context, s *tenant) error {
		_, err := s.store.Bots(ctx, s.actor)
		return err
	}}
}

// withTokenWrites adds the writes of tokens and bots.
func withTokenWrites(all map[string]operation) map[string]operation {
	withBot := func(ctx context.Context, s *tenant) (err error) {
		if err = freeBots(ctx, s); err == nil {
			s.spareBot, err = s.bot(ctx)
		}
		return err
	}
	maps.Copy(all, map[string]operation{
		"CreateToken": {before: freeBots, do: func(ctx context.Context, s *tenant) error {
			_, err := s.store.CreateToken(ctx, s.actor, newToken(s.actor.User, auth.ScopeRead), eventBy(s.actor))
			return err
		}},
		"RevokeToken": {
			before: func(ctx context.Context, s *tenant) error {
				t := newToken(s.actor.User, auth.ScopeRead)
				s.spareToken = t.ID
				_, err := s.store.CreateToken(ctx, s.actor, t, eventBy(s.actor))
				return err
			},
			do: func(ctx context.Context, s *tenant) error {
				return s.store.RevokeToken(ctx, s.actor, s.actor.User, s.spareToken, eventBy(s.actor))
			},
		},
		"CreateBot": {before: freeBots, do: func(ctx context.Context, s *tenant) error { _, err := s.bot(ctx); return err }},
		"RenameBot": {before: withBot, once: true, do: func(ctx context.Context, s *tenant) error {
			_, err := s.store.RenameBot(ctx, s.actor, s.spareBot, new(newName(s.t)))
			return err
		}},
		"AddBot": {before: withBot, do: func(ctx context.Context, s *tenant) error {
			_, err := s.sharing().AddBot(ctx, s.actor, s.live, s.spareBot, requirements.RoleViewer)
			return err
		}},
		"DeleteBot": {before: withBot, do: func(ctx context.Context, s *tenant) error {
			return s.store.DeleteBot(ctx, s.actor, s.spareBot, eventBy(s.actor))
		}},
	})
	return all
}

// With a token an operation does what it does with a session, in every exec mode.
func TestTokens_WorkAsSessionsDo(t *testing.T) {
	t.Parallel()
	for _, mode := range postgres.ExecModes() {
		t.Run("exec mode "+mode, func(t *testing.T) {
			t.Parallel()
			s := newTenant(newFixture(t)).over(func(c *postgres.Config) { c.ExecMode = mode })
			for _, table := range []map[string]operation{reads, writes} {
				for name, op := range table {
					if name == "DeleteAccount" {
						continue // without a spare account it deletes the tenant
					}
					if op.before != nil {
						wantCode(t, "before "+name, op.before(t.Context(), s), "")
					}
					with := *s
					with.actor = s.token(everyScope...)
					wantCode(t, name, op.do(t.Context(), &with), "")
					mustExec(t, connect(t, s.Super), "DELETE FROM api_tokens")
				}
			}
		})
	}
}

// The scope is compared in the statement that sets the tenant scope, and nothing of the
// same round trip takes place without it.
func TestTokens_ScopeIsCheckedWithTheToken(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	bot, err := s.bot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		has, needs auth.Scope
		want       problem.Code
	}{
		{auth.ScopeRead, auth.AnyScope, ""},
		{auth.ScopeRead, auth.ScopeRead, ""},
		{auth.ScopeWrite, auth.ScopeRead, ""},
		{auth.ScopeWrite, auth.ScopeWrite, ""},
		{auth.ScopeManage, auth.ScopeRead, ""},
		{auth.ScopeManage, auth.ScopeManage, ""},
		{auth.ScopeRead, auth.ScopeWrite, problem.InsufficientScope},
		{auth.ScopeManage, auth.ScopeWrite, problem.InsufficientScope},
		{auth.ScopeWrite, auth.ScopeGenerate, problem.InsufficientScope},
		{auth.ScopeWrite, auth.ScopeManage, problem.InsufficientScope},
	} {
		with := *s
		with.actor = s.token(tc.has)
		with.actor.Token.Needs = tc.needs
		wantCode(t, string(tc.has+" for "+tc.needs), s.store.CheckSession(t.Context(), with.actor), tc.want)
		wantCode(t, string(tc.has+" for "+tc.needs+", a write"), writes["CreateProject"].do(t.Context(), &with), tc.want)
	}
	// The rules never give a bot this scope; the database does not accept it either.
	ofBot := s.tokenOf(bot, auth.ScopeManage)
	ofBot.Token.Needs = auth.ScopeManage
	wantCode(t, "manage of a bot", s.store.CheckSession(t.Context(), ofBot), problem.InsufficientScope)
	ofBot.Token.Needs = auth.ScopeRead
	wantCode(t, "a bot", s.store.CheckSession(t.Context(), ofBot), "")
	if _, err := connect(t, s.Super).Exec(t.Context(), "UPDATE users SET suspended_at = now() WHERE id = $1", s.actor.User); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the bot of a suspended person", s.store.CheckSession(t.Context(), ofBot), problem.TokenRevoked)
}

// A token that ended thirty days ago is deleted, others stay.
func TestTokens_AreDeletedThirtyDaysAfterTheirEnd(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super := connect(t, s.Super)
	kept := map[auth.APITokenID]bool{}
	for end, keep := range map[string]bool{
		"expires_at = now() + interval '1 day'":                                                   true,
		"expires_at = now() - interval '29 days'":                                                 true,
		"revoked_at = now() - interval '29 days'":                                                 true,
		"expires_at = now() - interval '31 days'":                                                 false,
		"revoked_at = now() - interval '31 days'":                                                 false,
		"expires_at = now() - interval '40 days', revoked_at = now() - interval '29 days'":        false,
		"revoked_at = now() - interval '31 days', expires_at = now() + interval '300 days'":       false,
		"last_used_at = now() - interval '300 days', expires_at = now() + interval '300 seconds'": true,
	} {
		token := s.token(auth.ScopeRead).Token.ID
		kept[token] = keep
		if _, err := super.Exec(t.Context(), "UPDATE api_tokens SET "+end+" WHERE id = $1", token); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.store.DeleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := super.Query(t.Context(), "SELECT id FROM api_tokens")
	if err != nil {
		t.Fatal(err)
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[auth.APITokenID])
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range left {
		if !kept[token] {
			t.Errorf("%s is left", token)
		}
		delete(kept, token)
	}
	for token, keep := range kept {
		if keep {
			t.Errorf("%s is gone", token)
		}
	}
}
