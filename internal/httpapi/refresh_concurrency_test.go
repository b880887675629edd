package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// threeReplicas starts three replicas.
func threeReplicas(t *testing.T, change ...func(*server.Settings)) []*testkit.Server {
	t.Helper()
	first := testkit.StartShared(t, change...)
	return []*testkit.Server{first, first.Replica(t, change...), first.Replica(t, change...)}
}

// openConnections lets replicas open connections to the database before a
// race.
func openConnections(c *testkit.Client, replicas []*testkit.Server) {
	races.Concurrently(10*len(replicas), func(n int) int { return c.At(replicas[n%len(replicas)]).Get(projectsPath).Status })
}

// withLongReuseGrace gives a busy machine more than 10 s for a hundred
// requests.
func withLongReuseGrace(s *server.Settings) { s.ReuseGrace *= 30 }

// wantRevoked fails the test unless all replicas reject the client's tokens.
func wantRevoked(t *testing.T, c *testkit.Client, replicas []*testkit.Server) {
	t.Helper()
	for _, replica := range replicas {
		c.At(replica).WithRetry().Get(mePath).WantProblem(401, "token_revoked")
		refresh(t, replica, c.RefreshToken).WantProblem(401, "refresh_token_invalid")
	}
}

// wantLive fails the test unless all replicas accept the client's access
// token.
func wantLive(t *testing.T, c *testkit.Client, replicas []*testkit.Server) {
	t.Helper()
	for _, replica := range replicas {
		c.At(replica).WithRetry().Get(mePath).Want(200)
	}
}

// withTokensOf is the client with the tokens of a response.
func withTokensOf(c *testkit.Client, answer *testkit.Response) *testkit.Client {
	var next tokenPair
	answer.Want(200).Decode(&next)
	other := *c
	other.Token, other.RefreshToken = next.AccessToken, next.RefreshToken
	return &other
}

func TestRefresh_ConcurrentRequestsGetSameSuccessor(t *testing.T) {
	t.Parallel()
	replicas := threeReplicas(t, withLongReuseGrace)
	for range testkit.Repetitions(1, 20) {
		ann := replicas[0].SignUp(t)
		openConnections(ann, replicas)
		answers := races.Concurrently(100, func(n int) *testkit.Response { return refresh(t, replicas[n%3], ann.RefreshToken) })
		successors := map[string]int{}
		for _, answer := range answers {
			c := withTokensOf(ann, answer)
			successors[c.RefreshToken]++
			wantLive(t, c, replicas[:1])
		}
		if len(successors) != 1 {
			t.Errorf("%d different successors", len(successors))
		}
		if got := queryInt(t, replicas[0], "SELECT counter FROM sessions WHERE id = $1", ann.Session); got != 1 {
			t.Errorf("100 refreshes with one token caused %d rotations", got)
		}
		wantLive(t, ann, replicas)
		refresh(t, replicas[2], withTokensOf(ann, answers[99]).RefreshToken).Want(200)
	}
}

// ageSession makes a session eleven seconds older.
func ageSession(t *testing.T, s *testkit.Server, session string) {
	t.Helper()
	execSQL(t, s, `UPDATE sessions SET created_at = created_at - interval '11 s', last_used_at = last_used_at - interval '11 s',
		expires_at = expires_at - interval '11 s', ends_at = ends_at - interval '11 s' WHERE id = $1`, session)
}

func TestRefresh_ReusedTokenEndsOnlyItsSession(t *testing.T) {
	t.Parallel()
	replicas := threeReplicas(t)
	for name, reuse := range map[string]func(t *testing.T, ann *testkit.Client) (newest *testkit.Client){
		"when the predecessor comes 11 s later": func(t *testing.T, ann *testkit.Client) *testkit.Client {
			next := withTokensOf(ann, refresh(t, replicas[0], ann.RefreshToken))
			ageSession(t, replicas[0], ann.Session)
			return next
		},
		"at once, when its successor was used": func(t *testing.T, ann *testkit.Client) *testkit.Client {
			next := withTokensOf(ann, refresh(t, replicas[0], ann.RefreshToken))
			withTokensOf(ann, refresh(t, replicas[1], ann.RefreshToken)) // within the grace period
			return withTokensOf(ann, refresh(t, replicas[2], next.RefreshToken))
		},
		"when the third comes after the first": func(t *testing.T, ann *testkit.Client) *testkit.Client {
			newest := ann
			for n := range 3 {
				newest = withTokensOf(ann, refresh(t, replicas[n], newest.RefreshToken))
			}
			return newest
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := fmt.Sprintf("reuse-%d@example.com", len(name))
			ann, other := replicas[0].SignIn(t, email), replicas[0].SignIn(t, email)
			otherUser := replicas[0].SignUp(t)
			newest := reuse(t, ann)
			wantLive(t, newest, replicas)
			refresh(t, replicas[1], ann.RefreshToken).WantProblem(401, "refresh_token_reused")
			wantRevoked(t, newest, replicas)
			wantRevoked(t, ann, replicas) // the reuse is reported once, then the session has ended
			for _, c := range []*testkit.Client{other, otherUser} {
				wantLive(t, c, replicas)
				wantLive(t, withTokensOf(c, refresh(t, replicas[2], c.RefreshToken)), replicas)
			}
		})
	}
}

func TestRefresh_ConcurrentLogoutEndsSession(t *testing.T) {
	t.Parallel()
	replicas := threeReplicas(t)
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
			wantRevoked(t, withTokensOf(ann, answers[0]), replicas)
		} else {
			answers[0].WantProblem(401, "refresh_token_invalid")
		}
		wantRevoked(t, ann, replicas)
	}
	t.Logf("the refresh came first in %d of %d races", won, testkit.Repetitions(50, 1000))
}

// The reuse of a token ends the session even if the thief disconnects before
// the response.
func TestRefresh_ReuseEndsSessionAfterDisconnect(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	next := withTokensOf(ann, refresh(t, s, ann.RefreshToken))
	ageSession(t, s, ann.Session)
	conn := superuserConn(t, s)
	body := fmt.Sprintf(`{"refresh_token":%q}`, ann.RefreshToken)
	var answer rawResponse
	for range 20 { // on a busy machine the wait for the lock may time out
		execOn(t, conn, "BEGIN")
		execOn(t, conn, "SELECT FROM sessions FOR UPDATE")
		waits, answered := make(chan bool), make(chan rawResponse)
		go func() {
			answered <- sendRawThenClose(t, s, func() { waits <- awaitLock(t, conn) }, "POST "+refreshPath+" HTTP/1.1",
				"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body)), "", body)
		}()
		waited := <-waits
		time.Sleep(100 * time.Millisecond) // until the server notices the disconnect
		execOn(t, conn, "ROLLBACK")
		if answer = <-answered; answer.Status == http.StatusServiceUnavailable {
			continue
		}
		if !waited {
			t.Error("the refresh did not wait for the lock")
		}
		break
	}
	if answer.Status != http.StatusUnauthorized || !strings.Contains(answer.Body, "refresh_token_reused") {
		t.Errorf("got %d: %s", answer.Status, answer.Body)
	}
	wantRevoked(t, next, []*testkit.Server{s})
}
