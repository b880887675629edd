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

// whileUserIsDeleted calls do while another transaction deletes the tenant's user. That
// transaction commits once do waits for it.
func (s *tenant) whileUserIsDeleted(super *pgx.Conn, do func() error) error {
	s.t.Helper()
	other := connect(s.t, s.Super)
	mustExec(s.t, other, "BEGIN")
	if _, err := other.Exec(s.t.Context(), "DELETE FROM users WHERE id = $1", s.actor.User); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	eventually(s.t, "a statement waits for the deletion", func() bool {
		return value[int](s.t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp' AND wait_event_type = 'Lock'") == 1
	})
	mustExec(s.t, other, "COMMIT")
	return <-ended
}

func TestDeleteAccount_WaitingWriteIsRevoked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"CreateProject", "TrashProject", "Rename"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenant(newFixture(t))
			super := connect(t, s.Super)
			if before := writes[name].before; before != nil {
				if err := before(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			err := s.whileUserIsDeleted(super, func() error { return writes[name].do(t.Context(), s) })
			if code := problem.CodeOf(err); err == nil || code == problem.Internal || code == problem.Unavailable {
				t.Errorf("%v, want %s or that the resource is missing", err, problem.TokenRevoked)
			}
			s.checkIdle()
		})
	}
}

func TestDeleteAccount_WaitingSignInIsANewUser(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super := connect(t, s.Super)
	var actor auth.Actor
	err := s.whileUserIsDeleted(super, func() (err error) { actor, err = signIn(t.Context(), s.store, withNewToken(s.profile)); return err })
	if err != nil || actor.User == s.actor.User {
		t.Errorf("signed in as %v, %v; want a new user", actor.User, err)
	}
}

func TestDeleteAccount_LeavesNothing(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	ann, bob := newTenant(w), newTenant(w)
	super := connect(t, w.Super)
	tables := readTables(t, super)
	bobs := fingerprint(t, super, tables, bob.actor.User.String())
	if err := w.store.DeleteAccount(t.Context(), ann.actor, eventBy(ann.actor), alwaysDelete); err != nil {
		t.Fatal(err)
	}
	for table, rows := range fingerprint(t, super, tables, ann.actor.User.String()) {
		if rows != "0 " && table != "audit_events" { // which outlive the account
			t.Errorf("%s still has rows of the account: %s", table, rows)
		}
	}
	if diff := cmp.Diff(bobs, fingerprint(t, super, tables, bob.actor.User.String())); diff != "" {
		t.Errorf("bob's rows have changed:\n%s", diff)
	}
	wantCode(t, "a second deletion", w.store.DeleteAccount(t.Context(), ann.actor, eventBy(ann.actor), alwaysDelete), problem.TokenRevoked)
}

// A logout and a refresh do not observe cancellation, so they need a bound of their own.
func TestLogout_EndsWhileTheDatabaseIsSilent(t *testing.T) {
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
		s, p := newProxiedTenant(t, 1)
		rules := auth.NewService(s.store, nil, access, keys.Refresh(), nil, auth.SessionPolicy{Idle: time.Hour, MaxAge: time.Hour}, slog.New(slog.DiscardHandler))
		token := keys.Refresh().Token(auth.Session{ID: s.actor.Session, User: s.actor.User, Salt: make([]byte, 16)})
		if err := do(t.Context(), rules, token); err != nil {
			t.Fatalf("%s with a database: %v", name, err)
		}
		p.setMode(blackHole)
		waiting.Go(func() {
			stop := time.AfterFunc(2*testTimeout, func() {
				t.Errorf("%s, whose caller waits for one second, has not ended after %s", name, 2*testTimeout)
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
