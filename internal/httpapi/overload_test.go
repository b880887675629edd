package httpapi_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// While everything waits for one row that somebody holds, what comes is shed and
// counted, and yet health answers, sessions end, and what the gate keeps is read.
func TestOverloadIsShedAndSessionsEndAllTheSame(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.PoolSize, s.PoolOverflow = 4, 0 })
	ann, ben := s.SignUp(t), s.SignUp(t)
	project := newProject(ann, "held")
	other := newProject(ben, "kept")
	ben.Get(other.path()).Want(200)

	held, err := pgx.Connect(t.Context(), s.Database.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(t.Context())
	if _, err := held.Exec(t.Context(), "BEGIN; SELECT 1 FROM projects FOR UPDATE"); err != nil {
		t.Fatal(err)
	}

	var shed, slow atomic.Int64
	var flood sync.WaitGroup
	for range 100 {
		flood.Go(func() {
			a := ann.Patch(project.path(), titled("new"))
			switch {
			case a.Status != http.StatusServiceUnavailable:
				t.Errorf("a change under a lock that somebody holds is answered %d", a.Status)
			case strings.Contains(string(a.Body), "more to do"):
				shed.Add(1)
				if after := a.Header.Get("Retry-After"); len(after) != 1 || after < "1" || after > "3" {
					t.Errorf("shed with Retry-After %q", after)
				}
			default:
				slow.Add(1)
			}
		})
	}
	for range 5 {
		s.Anonymous(t).Get("/health/live").Want(200)
		ben.Get(other.path()).Want(200)
	}
	flood.Go(func() { ben.Post("/api/v1/auth/logout", nil).Want(204) })
	flood.Wait()
	t.Logf("%d shed, %d waited for the lock in vain", shed.Load(), slow.Load())
	if shed.Load() == 0 || slow.Load() == 0 {
		t.Errorf("%d shed, %d waited for the lock in vain: both should happen", shed.Load(), slow.Load())
	}
	if metrics := string(s.Anonymous(t).Get("/metrics").Want(200).Body); strings.Contains(metrics, `requests_shed_total{places="work"} 0`) {
		t.Error("what was shed is not counted")
	}
	if _, err := held.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	ann.Patch(project.path(), titled("new")).Want(200)
}
