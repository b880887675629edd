package httpapi_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// logOutAtOnce sends all logouts at the same time.
func logOutAtOnce(t *testing.T, s *testkit.Server, clients []*testkit.Client) {
	t.Helper()
	var all sync.WaitGroup
	start := make(chan struct{})
	var shed atomic.Int64
	for n, c := range clients {
		all.Go(func() {
			<-start
			answer := c.WithT(t)
			if n%2 == 0 { // by the refresh token, which takes two transactions
				answer = s.Anonymous(t)
			}
			if got := answer.Post(logoutPath, map[string]any{"refresh_token": c.RefreshToken}); got.Status != 204 {
				shed.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	if n := shed.Load(); n > 0 {
		t.Errorf("%d of %d logouts were not answered with 204", n, len(clients))
	}
}

func TestLogout_SixtyAtOnceAreAllServed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	sessions := func() (clients []*testkit.Client) {
		for range 60 {
			clients = append(clients, s.SignUp(t))
		}
		return clients
	}
	t.Run("with nothing else to do", func(t *testing.T) { logOutAtOnce(t, s, sessions()) })
	t.Run("while writes fill all normal slots and their queue", func(t *testing.T) {
		clients := sessions()
		ann := s.SignUp(t)
		project := newProject(ann, "held")
		held := superuserConn(t, s)
		execOn(t, held, "BEGIN")
		execOn(t, held, "SELECT 1 FROM projects FOR UPDATE")
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for range 120 {
			writers.Go(func() {
				for ctx.Err() == nil {
					ann.Patch(project.path(), withTitle("new"))
				}
			})
		}
		logOutAtOnce(t, s, clients)
		stop()
		execOn(t, held, "ROLLBACK")
		writers.Wait()
	})
}
