package postgres_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// whileGoing lets somebody begin while another transaction removes the stage's
// user, and commits that once the beginner waits for it.
func (s *stage) whileGoing(super *pgx.Conn, begin func() error) error {
	s.t.Helper()
	other := connect(s.t, s.Super)
	must(s.t, other, "BEGIN")
	if _, err := other.Exec(s.t.Context(), "DELETE FROM users WHERE id = $1", s.actor.User); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- begin() }()
	eventually(s.t, "somebody waits for the deletion", func() bool {
		return value[int](s.t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp' AND wait_event_type = 'Lock'") == 1
	})
	must(s.t, other, "COMMIT")
	return <-ended
}

func TestAChangeThatWaitedForTheDeletionOfItsAccountIsRevoked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"CreateProject", "TrashProject", "Rename"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(newWorld(t))
			super := connect(t, s.Super)
			if before := changes[name].before; before != nil {
				if err := before(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			err := s.whileGoing(super, func() error { return changes[name].do(t.Context(), s) })
			if code := problem.CodeOf(err); err == nil || code == problem.Internal || code == problem.Unavailable {
				t.Errorf("%v, want %s or that the thing is gone", err, problem.TokenRevoked)
			}
			s.free()
		})
	}
}

func TestASignInThatWaitedForTheDeletionOfItsAccountIsSomebodyNew(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	super := connect(t, s.Super)
	var actor auth.Actor
	err := s.whileGoing(super, func() (err error) { actor, err = signIn(t.Context(), s.store, again(s.person)); return err })
	if err != nil || actor.User == s.actor.User {
		t.Errorf("signed in as %v, %v; want somebody new", actor.User, err)
	}
}

func TestADeletedAccountLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := newStage(w), newStage(w)
	super := connect(t, w.Super)
	tables := readTables(t, super)
	bobs := fingerprint(t, super, tables, bob.actor.User.String())
	if err := w.store.DeleteAccount(t.Context(), ann.actor, eventOf(ann.actor)); err != nil {
		t.Fatal(err)
	}
	for table, rows := range fingerprint(t, super, tables, ann.actor.User.String()) {
		if rows != "0 " && table != "audit_events" { // which outlives whom it tells of
			t.Errorf("%s still has rows of the account: %s", table, rows)
		}
	}
	if diff := cmp.Diff(bobs, fingerprint(t, super, tables, bob.actor.User.String())); diff != "" {
		t.Errorf("what is bob's changed:\n%s", diff)
	}
	wantCode(t, "a second deletion", w.store.DeleteAccount(t.Context(), ann.actor, eventOf(ann.actor)), problem.TokenRevoked)
}

// What goes on when its caller has left must not go on for ever, where nobody
// answers any more.
func TestALogoutAndARefreshEndAlsoWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	keys, err := auth.NewKeyRing(nil, []byte("only-in-these-tests-and-32-bytes-long"))
	if err != nil {
		t.Fatal(err)
	}
	access := auth.NewAccessTokens(auth.AccessConfig{Keys: keys, Lifetime: time.Minute, Now: time.Now})
	var waiting sync.WaitGroup
	for name, do := range map[string]func(ctx context.Context, rules *auth.Service, token string) error{
		"a refresh": func(ctx context.Context, rules *auth.Service, token string) error {
			_, err := rules.Refresh(ctx, token, auth.Client{})
			return err
		},
		"a logout": func(ctx context.Context, rules *auth.Service, token string) error {
			return rules.Logout(ctx, "", token, false, auth.Client{})
		},
	} {
		s, p := proxied(t, 1)
		rules := auth.NewService(s.store, nil, access, keys.Refresh(), nil, auth.SessionPolicy{Idle: time.Hour, MaxAge: time.Hour}, slog.New(slog.DiscardHandler))
		token := keys.Refresh().Token(auth.Session{ID: s.actor.Session, User: s.actor.User, Salt: make([]byte, 16)})
		if err := do(t.Context(), rules, token); err != nil {
			t.Fatalf("%s with a database: %v", name, err)
		}
		p.feel(silent)
		waiting.Go(func() {
			stop := time.AfterFunc(7*time.Second, func() {
				t.Errorf("%s, whose caller waits for one second, has not ended after seven", name)
				p.stop()
			})
			defer stop.Stop()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			wantCode(t, name, do(ctx, rules, token), problem.Unavailable)
		})
	}
	waiting.Wait()
}
