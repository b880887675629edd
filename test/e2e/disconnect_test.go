package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// pgx closes a connection when a query is cancelled. A client that disconnects in a loop
// could drain the pool, so client cancellation must not reach the database.
func TestDisconnect_KeepsDatabaseConnections(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL)).waitReady()
	token := s.signIn(google, "ann@example.com")
	release := lockTables(t, db)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	left := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1/projects", strings.NewReader(`{"title":"Begun"}`))
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
			_, err = httpClient.Do(r)
		}
		left <- err
	}()
	waitForBlocked(t, db)
	before := backends(t, db)
	leave()
	if err := <-left; err == nil {
		t.Fatal("there was a response although the client had disconnected")
	}
	time.Sleep(100 * time.Millisecond) // time for the server to notice
	release()
	s.waitUntil("the request completes", func() bool {
		return strings.Contains(get(t, s.URL+"/api/v1/projects", token).Body, "Begun")
	})
	after := backends(t, db)
	for pid := range before {
		if !after[pid] {
			t.Errorf("connection %d was closed", pid)
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
