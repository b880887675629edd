package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Who asks and leaves, again and again, would otherwise let everybody wait for new
// connections to the database.
func TestACallerWhoLeavesEndsNoConnectionToTheDatabase(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL)).ready()
	token := s.signIn(google, "ann@example.com")
	release := hold(t, db)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	left := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1/projects", strings.NewReader(`{"title":"Begun"}`))
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
			_, err = browser.Do(r)
		}
		left <- err
	}()
	awaitWaiter(t, db)
	before := backends(t, db)
	leave()
	if err := <-left; err == nil {
		t.Fatal("it was answered although the caller has left")
	}
	time.Sleep(100 * time.Millisecond) // until the server has noticed
	release()
	s.await("what was begun is done", func() bool {
		return strings.Contains(get(t, s.URL+"/api/v1/projects", token).Body, "Begun")
	})
	after := backends(t, db)
	for pid := range before {
		if !after[pid] {
			t.Errorf("connection %d was given up", pid)
		}
	}
}

// backends are the processes that serve connections of the service.
func backends(t *testing.T, db testkit.Database) map[int]bool {
	t.Helper()
	rows, err := connect(t, db.Super).Query(t.Context(),
		"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = $1", roleOf(t, db.Service))
	must(t, err)
	defer rows.Close()
	all := map[int]bool{}
	for rows.Next() {
		var pid int
		must(t, rows.Scan(&pid))
		all[pid] = true
	}
	must(t, rows.Err())
	return all
}
