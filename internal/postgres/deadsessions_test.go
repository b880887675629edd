package postgres_test

import (
	"context"
	"errors"
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

// deaths are what can be wrong with a session. Each is given somebody with a
// live session and returns whom the token speaks of afterwards.
var deaths = map[string]func(s *stage, super *pgx.Conn) auth.Actor{
	"revoked": func(s *stage, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET revoked_at = now() WHERE user_id = $1")
	},
	"revoked by a clock that is ahead": func(s *stage, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET revoked_at = now() + interval '1 hour' WHERE user_id = $1")
	},
	"idle for too long": func(s *stage, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET expires_at = now() WHERE user_id = $1")
	},
	"too old": func(s *stage, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "UPDATE sessions SET expires_at = now(), ends_at = now() WHERE user_id = $1")
	},
	"deleted": func(s *stage, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "DELETE FROM sessions WHERE user_id = $1")
	},
	"of a deleted user": func(s *stage, super *pgx.Conn) auth.Actor {
		return s.spoil(super, "DELETE FROM users WHERE id = $1")
	},
	"of somebody else": func(s *stage, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.actor.User, Session: s.signUp().Session}
	},
	"one's own, for somebody else": func(s *stage, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.signUp().User, Session: s.actor.Session}
	},
	"never begun": func(s *stage, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.actor.User, Session: id.New[auth.Session]()}
	},
	"not named":                func(s *stage, _ *pgx.Conn) auth.Actor { return auth.Actor{User: s.actor.User} },
	"a live one, but nobody's": func(s *stage, _ *pgx.Conn) auth.Actor { return auth.Actor{Session: s.actor.Session} },
	"of nobody and not named":  func(*stage, *pgx.Conn) auth.Actor { return auth.Actor{} },
	"the user's id": func(s *stage, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: s.actor.User, Session: auth.SessionID(s.actor.User)}
	},
	"exchanged with the user's id ": func(s *stage, _ *pgx.Conn) auth.Actor {
		return auth.Actor{User: auth.UserID(s.actor.Session), Session: auth.SessionID(s.actor.User)}
	},
}

func (s *stage) spoil(super *pgx.Conn, sql string) auth.Actor {
	s.t.Helper()
	if _, err := super.Exec(s.t.Context(), sql, s.actor.User); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return s.actor
}

// blind are changes that write without a look: everything travels in one flight
// with the question whether the session is live.
var blind = map[string]func(ctx context.Context, tx requirements.Tx, s *stage) error{
	"insert a project": func(ctx context.Context, tx requirements.Tx, s *stage) error {
		return tx.InsertProject(ctx, newProject(s.actor.User))
	},
	"update a project": func(ctx context.Context, tx requirements.Tx, s *stage) error {
		p := newProject(s.actor.User)
		p.ID = s.live
		return tx.UpdateProject(ctx, p)
	},
	"set the count": func(ctx context.Context, tx requirements.Tx, _ *stage) error { return tx.SetProjectCount(ctx, 77) },
	"delete an item": func(ctx context.Context, tx requirements.Tx, s *stage) error {
		return tx.DeleteItem(ctx, requirements.Item{ID: s.items[0], Owner: s.actor.User})
	},
	"keep an answer": func(ctx context.Context, tx requirements.Tx, _ *stage) error {
		return tx.SaveResponse(ctx, requirements.IdempotentRequest{Key: "dead"}, "{}", time.Now())
	},
	"claim a key": func(ctx context.Context, tx requirements.Tx, s *stage) error {
		return errors.Join(tx.ReserveKey(ctx, s.key), tx.SaveResponse(ctx, requirements.IdempotentRequest{Key: "dead"}, "{}", time.Now()))
	},
}

// careless changes go on after a refusal. That is a bug of whoever wrote them:
// they must not succeed, whatever the error is.
var careless = map[string]func(ctx context.Context, tx requirements.Tx, s *stage) error{
	"the lock was refused": func(ctx context.Context, tx requirements.Tx, s *stage) error {
		_, _ = tx.LockOwner(ctx)
		return tx.InsertProject(ctx, newProject(s.actor.User))
	},
	"the lock found nothing": func(ctx context.Context, tx requirements.Tx, s *stage) error {
		_, _, _ = tx.LockProject(ctx, id.New[requirements.Project]())
		return tx.InsertProject(ctx, newProject(s.actor.User))
	},
}

func TestADeadSessionReadsAndWritesNothing(t *testing.T) {
	t.Parallel()
	for death, bury := range deaths {
		t.Run(death, func(t *testing.T) {
			t.Parallel()
			s := newStage(newWorld(t))
			super := connect(t, s.Super)
			s.actor = bury(s, super)
			tables := readTables(t, super)
			before := fingerprint(t, super, tables, "")
			for _, table := range []map[string]operation{reads, changes} {
				for name, op := range table {
					wantCode(t, name, op.do(t.Context(), s), problem.TokenRevoked)
				}
			}
			seen := newShown()
			wantCode(t, "Export", s.outline.Export(t.Context(), s.actor, seen), problem.TokenRevoked)
			if len(seen.projects)+len(seen.specs) > 0 {
				t.Error("an export showed something")
			}
			for name, write := range blind {
				err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error { return write(t.Context(), tx, s) })
				wantCode(t, name, err, problem.TokenRevoked)
			}
			for name, write := range careless {
				if err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error { return write(t.Context(), tx, s) }); err == nil {
					t.Errorf("a change succeeded after %s", name)
				}
			}
			if diff := cmp.Diff(before, fingerprint(t, super, tables, "")); diff != "" {
				t.Errorf("rows were written:\n%s", diff)
			}
		})
	}
}

func TestADeadSessionIsFoundInEveryExecMode(t *testing.T) {
	t.Parallel()
	for _, mode := range postgres.ExecModes() {
		t.Run("exec mode "+mode, func(t *testing.T) {
			t.Parallel()
			s := newStage(newWorld(t)).over(func(c *postgres.Config) { c.ExecMode = mode })
			super := connect(t, s.Super)
			s.spoil(super, "UPDATE sessions SET revoked_at = now() WHERE user_id = $1")
			for range 3 { // prepared, described and known
				wantCode(t, "a read", reads["Project"].do(t.Context(), s), problem.TokenRevoked)
				wantCode(t, "a change", changes["CreateProject"].do(t.Context(), s), problem.TokenRevoked)
			}
		})
	}
}

// A session that dies while a change of it runs is another matter than one that
// was dead at its begin; but the next request is refused.
func TestASessionThatEndsIsRefusedAtTheNextRequest(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
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
	wantCode(t, "another session of somebody else", s.store.CheckSession(t.Context(), s.actor), "")
}
