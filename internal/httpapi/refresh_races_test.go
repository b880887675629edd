package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// triplets are three replicas.
func triplets(t *testing.T, change ...func(*server.Settings)) []*testkit.Server {
	t.Helper()
	first := testkit.StartShared(t, change...)
	return []*testkit.Server{first, first.Replica(t, change...), first.Replica(t, change...)}
}

// warm lets replicas open connections to the database before a race.
func warm(c *testkit.Client, replicas []*testkit.Server) {
	races.Concurrently(10*len(replicas), func(n int) int { return c.At(replicas[n%len(replicas)]).Get(projectsPath).Status })
}

// unhurried gives a busy machine more time than 10 s to answer a hundred requests.
func unhurried(s *server.Settings) { s.ReuseGrace *= 30 }

// wantOver fails the test unless no replica takes the caller's tokens any more.
func wantOver(t *testing.T, c *testkit.Client, replicas []*testkit.Server) {
	t.Helper()
	for _, replica := range replicas {
		c.At(replica).WithRetry().Get(mePath).WantProblem(401, "token_revoked")
		refresh(t, replica, c.RefreshToken).WantProblem(401, "refresh_token_invalid")
	}
}

// wantLive fails the test unless every replica takes the caller's access token.
func wantLive(t *testing.T, c *testkit.Client, replicas []*testkit.Server) {
	t.Helper()
	for _, replica := range replicas {
		c.At(replica).WithRetry().Get(mePath).Want(200)
	}
}

// holding is the caller with the tokens of an answer.
func holding(c *testkit.Client, answer *testkit.Response) *testkit.Client {
	var next pair
	answer.Want(200).Decode(&next)
	other := *c
	other.Token, other.RefreshToken = next.AccessToken, next.RefreshToken
	return &other
}

func TestConcurrentRefreshesGetTheSameSuccessor(t *testing.T) {
	t.Parallel()
	replicas := triplets(t, unhurried)
	for range testkit.Repetitions(1, 20) {
		ann := replicas[0].SignUp(t)
		warm(ann, replicas)
		answers := races.Concurrently(100, func(n int) *testkit.Response { return refresh(t, replicas[n%3], ann.RefreshToken) })
		successors := map[string]int{}
		for _, answer := range answers {
			c := holding(ann, answer)
			successors[c.RefreshToken]++
			wantLive(t, c, replicas[:1])
		}
		if len(successors) != 1 {
			t.Errorf("%d different successors", len(successors))
		}
		if got := number(t, replicas[0], "SELECT counter FROM sessions WHERE id = $1", ann.Session); got != 1 {
			t.Errorf("100 refreshes with one token were %d rotations", got)
		}
		wantLive(t, ann, replicas)
		refresh(t, replicas[2], holding(ann, answers[99]).RefreshToken).Want(200)
	}
}

// elevenSecondsLater makes everything about a session eleven seconds older.
func elevenSecondsLater(t *testing.T, s *testkit.Server, session string) {
	t.Helper()
	sql(t, s, `UPDATE sessions SET created_at = created_at - interval '11 s', last_used_at = last_used_at - interval '11 s',
		expires_at = expires_at - interval '11 s', ends_at = ends_at - interval '11 s' WHERE id = $1`, session)
}

func TestAReusedRefreshTokenEndsOnlyItsSession(t *testing.T) {
	t.Parallel()
	replicas := triplets(t)
	for name, reuse := range map[string]func(t *testing.T, ann *testkit.Client) (newest *testkit.Client){
		"when the predecessor comes 11 s later": func(t *testing.T, ann *testkit.Client) *testkit.Client {
			next := holding(ann, refresh(t, replicas[0], ann.RefreshToken))
			elevenSecondsLater(t, replicas[0], ann.Session)
			return next
		},
		"at once, when its successor was used": func(t *testing.T, ann *testkit.Client) *testkit.Client {
			next := holding(ann, refresh(t, replicas[0], ann.RefreshToken))
			holding(ann, refresh(t, replicas[1], ann.RefreshToken)) // within the grace, and before
			return holding(ann, refresh(t, replicas[2], next.RefreshToken))
		},
		"when the third comes after the first": func(t *testing.T, ann *testkit.Client) *testkit.Client {
			newest := ann
			for n := range 3 {
				newest = holding(ann, refresh(t, replicas[n], newest.RefreshToken))
			}
			return newest
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := fmt.Sprintf("reuse-%d@example.com", len(name))
			ann, other := replicas[0].SignIn(t, email), replicas[0].SignIn(t, email)
			stranger := replicas[0].SignUp(t)
			newest := reuse(t, ann)
			wantLive(t, newest, replicas)
			refresh(t, replicas[1], ann.RefreshToken).WantProblem(401, "refresh_token_reused")
			wantOver(t, newest, replicas)
			wantOver(t, ann, replicas) // told once that it was reused, later that it is over
			for _, c := range []*testkit.Client{other, stranger} {
				wantLive(t, c, replicas)
				wantLive(t, holding(c, refresh(t, replicas[2], c.RefreshToken)), replicas)
			}
		})
	}
}

func TestRefreshAndLogoutAtOnceEndTheSession(t *testing.T) {
	t.Parallel()
	replicas := triplets(t)
	won := 0
	ways := []func(c, other *testkit.Client) *testkit.Response{
		func(c, _ *testkit.Client) *testkit.Response { return c.Post(logoutPath, nil) },
		func(c, _ *testkit.Client) *testkit.Response {
			return c.Post(logoutPath, map[string]any{"refresh_token": c.RefreshToken}, "Authorization", "")
		},
		func(_, other *testkit.Client) *testkit.Response {
			return other.Post(logoutPath, map[string]any{"all_sessions": true})
		},
		func(c, other *testkit.Client) *testkit.Response { return other.Delete(sessionsPath + "/" + c.Session) },
	}
	for round := range testkit.Repetitions(50, 1000) {
		email := fmt.Sprintf("race-%d@example.com", round)
		ann, other := replicas[0].SignIn(t, email), replicas[0].SignIn(t, email)
		answers := races.Concurrently(2, func(n int) *testkit.Response {
			if n == 0 {
				return refresh(t, replicas[1], ann.RefreshToken)
			}
			return ways[round%len(ways)](ann.At(replicas[2]).WithRetry(), other.At(replicas[2]).WithRetry())
		})
		answers[1].Want(http.StatusNoContent)
		if answers[0].Status == http.StatusOK {
			won++
			wantOver(t, holding(ann, answers[0]), replicas)
		} else {
			answers[0].WantProblem(401, "refresh_token_invalid")
		}
		wantOver(t, ann, replicas)
	}
	t.Logf("the refresh came first in %d of %d races", won, testkit.Repetitions(50, 1000))
}

// Whoever holds a stolen token may well hang up: that it was used twice counts.
func TestAReuseEndsTheSessionAlsoWhenItsCallerHasLeft(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	next := holding(ann, refresh(t, s, ann.RefreshToken))
	elevenSecondsLater(t, s, ann.Session)
	conn := superuser(t, s)
	body := fmt.Sprintf(`{"refresh_token":%q}`, ann.RefreshToken)
	var answer rawAnswer
	for range 20 { // on a busy machine the lock may be waited for too long
		run(t, conn, "BEGIN")
		run(t, conn, "SELECT FROM sessions FOR UPDATE")
		waits, answered := make(chan bool), make(chan rawAnswer)
		go func() {
			answered <- rawUntil(t, s, func() { waits <- awaitLock(t, conn) }, "POST "+refreshPath+" HTTP/1.1",
				"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body)), "", body)
		}()
		waited := <-waits
		time.Sleep(100 * time.Millisecond) // until the server has seen that its caller is gone
		run(t, conn, "ROLLBACK")
		if answer = <-answered; answer.Status == http.StatusServiceUnavailable {
			continue
		}
		if !waited {
			t.Error("the refresh did not wait for the lock")
		}
		break
	}
	if answer.Status != http.StatusUnauthorized || !strings.Contains(answer.Body, "refresh_token_reused") {
		t.Errorf("it was answered %d: %s", answer.Status, answer.Body)
	}
	wantOver(t, next, []*testkit.Server{s})
}

// awaitLock waits until somebody waits for a lock.
func awaitLock(t *testing.T, conn *pgx.Conn) bool {
	t.Helper()
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if one[int](t, conn, waiting) > 0 {
			return true
		}
	}
	return false
}
