package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// deadSessions are the ways in which a session is not live. Each gets a tenant with a
// live session and returns the actor of a token without one.
var deadSessions = map[string]func(s *tenant, super *pgx.Conn) auth.Actor{
	"revoked": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET revoked_at = now() WHERE user_id = $1")
	},
	"revoked by a clock that is ahead": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET revoked_at = now() + interval '1 hour' WHERE user_id = $1")
	},
	"idle for too long": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET expires_at = now() WHERE user_id = $1")
	},
	"too old": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET expires_at = now(), ends_at = now() WHERE user_id = $1")
	},
	"deleted": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "DELETE FROM sessions WHERE user_id = $1")
	},
	"of a deleted user": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "DELETE FROM users WHERE id = $1")
	},
	"of another user": func(s *tenant, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.actor.User, Session: s.signUp().Session}
	},
	"own, for another user": func(s *tenant, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.signUp().User, Session: s.actor.Session}
	},
	"that never existed": func(s *tenant, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.actor.User, Session: id.New[auth.Session]()}
	},
	"missing":                 func(s *tenant, _ *pgx.Conn) auth.Actor { return auth.Actor{User: s.actor.User} },
	"live, without a user":    func(s *tenant, _ *pgx.Conn) auth.Actor { return auth.Actor{Session: s.actor.Session} },
	"missing, without a user": func(*tenant, *pgx.Conn) auth.Actor { return auth.Actor{} },
	"the user's id": func(s *tenant, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.actor.User, Session: auth.SessionID(s.actor.User)}
	},
	"of a token that was revoked": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoilToken(super, "UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1")
	},
	"of a token that was revoked by a clock that is ahead": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoilToken(super, "UPDATE api_tokens SET revoked_at = now() + interval '1 hour' WHERE user_id = $1")
	},
	"of a token that has expired": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoilToken(super, "UPDATE api_tokens SET expires_at = now() WHERE user_id = $1")
	},
	"of a token with another secret": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoilToken(super, "UPDATE api_tokens SET hash = sha256('another') WHERE user_id = $1")
	},
	"of a token that was deleted": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoilToken(super, "DELETE FROM api_tokens WHERE user_id = $1")
	},
	"of a token of a suspended user": func(s *tenant, super *pgx.Conn) auth.Actor {
		return s.spoilToken(super, "UPDATE users SET suspended_at = now() WHERE id = $1")
	},
	"of a token of another user": func(s *tenant, _ *pgx.Conn) auth.Actor {
		other := newTenant(s.fixture).token(everyScope...)
		other.User = s.actor.User
		return other
	},
	"of a token with the session's id": func(s *tenant, super *pgx.Conn) auth.Actor {
		actor := s.token(everyScope...)
		actor.Session, actor.Token.ID = s.actor.Session, auth.APITokenID(s.actor.Session)
		return actor
	},
	"exchanged with the user's id": func(s *tenant, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: auth.UserID(s.actor.Session), Session: auth.SessionID(s.actor.User)}
	},
}

func (s *tenant) spoil(super *pgx.Conn, sql string) auth.Actor {
	s.t.Helper()
	if _, err := super.Exec(s.t.Context(), sql, s.actor.User); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return s.actor
}

// blindWrites are transactions that write without a read: everything is in one round trip
// with the check of the session.
var blindWrites = map[string]func(ctx context.Context, tx requirements.Tx, s *tenant) error{
	"insert a project": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		return tx.InsertProject(ctx, newProject(s.actor.User))
	},
	"update a project": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		p := newProject(s.actor.User)
		p.ID = s.live
		return tx.UpdateProject(ctx, &p)
	},
	"set the count": func(ctx context.Context, tx requirements.Tx, _ *tenant) error { return tx.SetProjectCount(ctx, 77) },
	"delete an item": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _, _, err := tx.RemoveItem(ctx, s.items[0], requirements.Guard{Last: true})
		return err
	},
	"add a specification": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _, err := tx.AddSpecification(ctx, s.live, requirements.SpecificationInsert{
			Guard: requirements.Guard{Last: true}, ID: id.New[requirements.Specification](), Title: "x", Content: "x", Limit: 1000,
		})
		return err
	},
	"change a specification": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _, err := tx.ChangeSpecification(ctx, s.spec, requirements.SpecificationChange{Guard: requirements.Guard{Last: true}, Title: new("changed")})
		return err
	},
	"add an item": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _, err := tx.AddItem(ctx, s.spec, requirements.ItemInsert{
			Guard: requirements.Guard{Last: true}, ID: id.New[requirements.Item](), Content: "x", Limit: 500,
		})
		return err
	},
	"change an item": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _, _, err := tx.ChangeItem(ctx, s.items[0], requirements.ItemChange{Guard: requirements.Guard{Last: true}, Content: new("changed")})
		return err
	},
	"rewrite items": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		spec := requirements.Specification{ID: s.spec, Owner: s.actor.User, UpdatedAt: time.Now()}
		return tx.RewriteItems(ctx, spec, requirements.ItemListChange{Delete: s.items[:1], Update: []requirements.Item{{ID: s.items[1], Content: "changed"}}}, time.Now())
	},
	"save a response": func(ctx context.Context, tx requirements.Tx, _ *tenant) error {
		return tx.SaveResponse(ctx, requirements.IdempotentRequest{Key: "dead"}, "{}", time.Now())
	},
	"reserve a key": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		if err := tx.ReserveKey(ctx, s.key); err != nil {
			return err
		}
		return tx.SaveResponse(ctx, requirements.IdempotentRequest{Key: "dead"}, "{}", time.Now())
	},
}

// carelessTransactions ignore an error. That is a bug, but they must not succeed, whatever
// the error is.
var carelessTransactions = map[string]func(ctx context.Context, tx requirements.Tx, s *tenant) error{
	"the lock failed": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _ = tx.LockOwner(ctx)
		return tx.InsertProject(ctx, newProject(s.actor.User))
	},
	"the lock found nothing": func(ctx context.Context, tx requirements.Tx, s *tenant) error {
		_, _, _ = tx.LockProject(ctx, id.New[requirements.Project]())
		return tx.InsertProject(ctx, newProject(s.actor.User))
	},
}

func TestRLS_DeadSessionReadsAndWritesNothing(t *testing.T) {
	t.Parallel()
	for name, kill := range deadSessions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenant(newFixture(t))
			super := connect(t, s.Super)
			s.actor = kill(s, super)
			tables := readTables(t, super)
			before := fingerprint(t, super, tables, "")
			for _, table := range []map[string]operation{reads, writes} {
				for name, op := range table {
					wantCode(t, name, op.do(t.Context(), s), problem.TokenRevoked)
				}
			}
			seen := newRecordingVisitor()
			wantCode(t, "Export", s.service.Export(t.Context(), s.actor, seen), problem.TokenRevoked)
			if len(seen.projects)+len(seen.specs) > 0 {
				t.Error("an export visited something")
			}
			for name, write := range blindWrites {
				err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error { return write(t.Context(), tx, s) })
				wantCode(t, name, err, problem.TokenRevoked)
			}
			for name, write := range carelessTransactions {
				if err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error { return write(t.Context(), tx, s) }); err == nil {
					t.Errorf("a transaction succeeded after %s", name)
				}
			}
			if diff := cmp.Diff(before, fingerprint(t, super, tables, "")); diff != "" {
				t.Errorf("rows were written:\n%s", diff)
			}
		})
	}
}

func TestRLS_DeadSessionIsRejectedInEveryExecMode(t *testing.T) {
	t.Parallel()
	for _, mode := range postgres.ExecModes() {
		t.Run("exec mode "+mode, func(t *testing.T) {
			t.Parallel()
			s := newTenant(newFixture(t)).over(func(c *postgres.Config) { c.ExecMode = mode })
			super := connect(t, s.Super)
			s.spoil(super, "UPDATE sessions SET revoked_at = now() WHERE user_id = $1")
			for range 3 { // unprepared, described and prepared
				wantCode(t, "a read", reads["Project"].do(t.Context(), s), problem.TokenRevoked)
				wantCode(t, "a write", writes["CreateProject"].do(t.Context(), s), problem.TokenRevoked)
			}
		})
	}
}

// A transaction whose session is revoked meanwhile may still commit; the next request is
// rejected.
func TestRLS_RevokedSessionIsRejectedAtNextRequest(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super := connect(t, s.Super)
	for round := range 50 {
		actor := s.signUp()
		if err := s.store.CheckSession(t.Context(), actor); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := super.Exec(t.Context(), "UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = $1", actor.Session); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "the next request", s.store.CheckSession(t.Context(), actor), problem.TokenRevoked)
	}
	wantCode(t, "a session of another user", s.store.CheckSession(t.Context(), s.actor), "")
}
