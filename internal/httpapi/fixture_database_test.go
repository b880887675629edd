package httpapi_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// superuserConn is a connection without row-level security.
func superuserConn(t *testing.T, s *testkit.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Database.Super)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// execOn runs a statement.
func execOn(t *testing.T, conn *pgx.Conn, statement string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// queryOne reads one value.
func queryOne[T any](t *testing.T, conn *pgx.Conn, query string, args ...any) (v T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// openStore opens the service's store, for operations without a route.
func openStore(t *testing.T, s *testkit.Server) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: s.Database.Service, PoolSize: 2, MaxOverflow: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// execSQL runs one statement as the superuser.
func execSQL(t *testing.T, s *testkit.Server, statement string, args ...any) {
	t.Helper()
	conn := connectSuperuser(t, s)
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// queryInt reads one number as the superuser.
func queryInt(t *testing.T, s *testkit.Server, statement string, args ...any) (n int) {
	t.Helper()
	conn := connectSuperuser(t, s)
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := conn.QueryRow(t.Context(), statement, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return n
}

func connectSuperuser(t *testing.T, s *testkit.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Database.Super)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	return conn
}

// awaitLock waits until a transaction waits for a lock.
func awaitLock(t *testing.T, conn *pgx.Conn) bool {
	t.Helper()
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if queryOne[int](t, conn, waiting) > 0 {
			return true
		}
	}
	return false
}
