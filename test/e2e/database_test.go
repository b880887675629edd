package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

var databases atomic.Int64

// emptyDatabase is a database without a schema. Its owner is not a superuser.
func emptyDatabase(t *testing.T) testkit.Database {
	t.Helper()
	db := testkit.NewDatabase(t)
	super := connect(t, db.Super)
	var process int
	must(t, super.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&process))
	name := fmt.Sprintf("codegenapp_e2e_%d_%d", process, databases.Add(1))
	execute(t, super, "CREATE DATABASE "+name+" OWNER "+roleOf(t, db.Owner))
	t.Cleanup(func() { execute(t, super, "DROP DATABASE "+name+" (FORCE)") })
	at := func(databaseURL string) string {
		u, err := url.Parse(databaseURL)
		must(t, err)
		u.Path = "/" + name
		return u.String()
	}
	return testkit.Database{Owner: at(db.Owner), Service: at(db.Service), Super: at(db.Super)}
}

func roleOf(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	return u.User.Username()
}

// as is a database URL with another role.
func as(t *testing.T, databaseURL string, role *url.Userinfo) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	u.User = role
	return u.String()
}

func password(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	secret, _ := u.User.Password()
	return secret
}

// connect is a connection that lasts until the test has ended.
func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, statement string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.WithoutCancel(t.Context()), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// lockTables locks the rows of all users and projects, so that writes to projects wait.
// It returns a function that releases the locks.
func lockTables(t *testing.T, db testkit.Database) (release func()) {
	t.Helper()
	conn := connect(t, db.Super)
	execute(t, conn, "BEGIN")
	execute(t, conn, "SELECT FROM users FOR UPDATE")
	execute(t, conn, "SELECT FROM projects FOR UPDATE")
	return func() { execute(t, conn, "COMMIT") }
}

// waitForBlocked waits until a session of the service waits for a lock.
func waitForBlocked(t *testing.T, db testkit.Database) {
	t.Helper()
	watcher := connect(t, db.Super)
	waitUntil(t, "a session waits for the lock", func() bool {
		var waiting bool
		must(t, watcher.QueryRow(t.Context(), `
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND usename = $1 AND wait_event_type = 'Lock')`,
			roleOf(t, db.Service)).Scan(&waiting))
		return waiting
	})
}

// terminateConnections ends every session of the service.
func terminateConnections(t *testing.T, db testkit.Database) {
	t.Helper()
	execute(t, connect(t, db.Super), `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1`, roleOf(t, db.Service))
}

// proxy is a TCP proxy between a server and its database.
type proxy struct {
	t               *testing.T
	address, target string
	// mute forwards commits but drops their responses. It recognizes commits by their
	// text, which a server sends in exec mode only.
	mute atomic.Bool

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

// newProxy is a proxy that does not accept connections yet.
func newProxy(t *testing.T, databaseURL string) (p *proxy, byIt string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	must(t, err)
	p = &proxy{t: t, address: freeAddress(t), target: u.Host}
	t.Cleanup(p.cut)
	return p, viaProxy(t, databaseURL, p.address)
}

// open accepts connections from now on.
func (p *proxy) open() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	must(p.t, err)
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // cut
			}
			far, err := net.Dial("tcp", p.target)
			if err != nil {
				_ = near.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, near, far)
			p.mu.Unlock()
			var muted atomic.Bool
			go pass(near, far, func([]byte) bool { return !muted.Load() })
			go pass(far, near, func(sent []byte) bool {
				if p.mute.Load() && bytes.Contains(sent, []byte("commit\x00")) {
					muted.Store(true)
				}
				return true
			})
		}
	}()
}

// pass copies the allowed messages until one side ends.
func pass(to, from net.Conn, may func([]byte) bool) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !may(buffer[:n]) {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// cut closes all connections, and accepts no new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// wantAll fails the test unless the text has all parts.
func wantAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// wantNone fails the test if the text has one of the parts.
func wantNone(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q is in:\n%s", part, text)
		}
	}
}
