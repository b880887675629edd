package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// An export whose client does not read holds its database connection until it
// is cancelled. However many a user starts, other requests continue.
func TestExport_LeavesConnectionsToOthers(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	few := s.Replica(t, func(set *server.Settings) { set.PoolSize, set.PoolOverflow = 2, 1 })
	ann, bob := s.SignUp(t), s.SignUp(t)
	insertContent(t, s, ann.User, 4, 20, strings.Repeat("🧾", 100_000), "") // more than the socket buffers hold

	for _, server := range []*testkit.Server{s, few} {
		body := startExport(t, server, ann).Body
		if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if second := startExport(t, server, ann); second.StatusCode != http.StatusTooManyRequests || second.Header.Get("Retry-After") != "20" {
			t.Fatalf("another export got %d, Retry-After %q", second.StatusCode, second.Header.Get("Retry-After"))
		}
		ann.At(server).Get(exportPath).WantProblem(429, "rate_limited")
		bob.At(server).Get(projectsPath).Want(200)
		ann.At(server).Get(mePath).Want(200)
		if server == few { // has one export slot
			bob.At(server).Get(exportPath).WantProblem(503, "unavailable")
		} else {
			bob.At(server).Get(exportPath).Want(200)
		}
		_ = body.Close() // the server notices, and the slot is free again
		next := startExport(t, server, ann)
		for deadline := time.Now().Add(time.Minute); next.StatusCode != http.StatusOK; next = startExport(t, server, ann) {
			if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
				t.Fatal("a cancelled export still holds its slot")
			}
		}
		ann.At(few).Get(exportPath).WantProblem(429, "rate_limited") // at every replica
		_ = next.Body.Close()
		for deadline := time.Now().Add(time.Minute); queryInt(t, s, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") > 0; {
			if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
				t.Fatal("a cancelled export still holds its lock")
			}
		}
	}
}

// An export that was begun ends soon after the session, whether its client reads or not.
func TestExport_EndsWithItsSession(t *testing.T) {
	t.Parallel()
	s, admin, _, _ := newAdminFixture(t)
	for name, end := range map[string]func(c *testkit.Client){
		"logout":     func(c *testkit.Client) { c.Post(logoutPath, nil).Want(204) },
		"deletion":   func(c *testkit.Client) { c.Delete(mePath).Want(204) },
		"suspension": func(c *testkit.Client) { admin.Patch(usersPath+"/"+c.User, `{"suspended": true}`).Want(200) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			insertContent(t, s, ann.User, 6, 20, strings.Repeat("🧾", 100_000), "") // more than the socket buffers hold
			body := startExport(t, s, ann).Body
			if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			end(ann)
			// A client that reads slowly would be busy for half a minute.
			pace, part := time.NewTicker(50*time.Millisecond), make([]byte, 64<<10)
			defer pace.Stop()
			var err error
			for err == nil {
				<-pace.C
				_, err = body.Read(part)
			}
			if errors.Is(err, io.EOF) {
				t.Error("the response ends regularly")
			}
		})
	}
}

// insertContent gives a user specifications with 100 items each. It bypasses
// rules and triggers, which would take minutes.
func insertContent(t *testing.T, s *testkit.Server, user string, projects, specs int, specText, itemText string) {
	t.Helper()
	super := superuserConn(t, s)
	execOn(t, super, "SET session_replication_role = replica")
	execOn(t, super, `INSERT INTO projects (id, owner_id, title, created_at, updated_at, specification_count, next_specification_number)
		SELECT gen_random_uuid(), $1, 'Project ' || p, now(), now(), $3, $3 + 1 FROM generate_series(1, $2::int) AS p`, user, projects, specs)
	execOn(t, super, `INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at, next_item_number)
		SELECT gen_random_uuid(), p.id, p.owner_id, n, 'Specification ' || n, $3, now(), now(), 101
		FROM projects AS p, generate_series(1, $2::int) AS n WHERE p.owner_id = $1`, user, specs, specText)
	if itemText == "" {
		return
	}
	execOn(t, super, `INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
		SELECT gen_random_uuid(), s.id, s.owner_id, n, $2 || n, now(), now()
		FROM specifications AS s, generate_series(1, 100) AS n WHERE s.owner_id = $1`, user, itemText)
	execOn(t, super, `UPDATE specifications AS s SET item_ids = i.ids
		FROM (SELECT spec_id, array_agg(id ORDER BY number DESC) AS ids FROM bullet_items WHERE owner_id = $1 GROUP BY spec_id) AS i
		WHERE s.id = i.spec_id`, user)
	execOn(t, super, `UPDATE users SET project_count = $2 WHERE id = $1`, user, projects)
	execOn(t, super, "ANALYZE")
}

//nolint:paralleltest // it measures the memory of the process
func TestExport_OfManyItemsUsesLittleMemory(t *testing.T) {
	s := testkit.Start(t)
	ann := s.SignUp(t)
	projects := testkit.Repetitions(2, 10)
	insertContent(t, s, ann.User, projects, 100, "# Specification\nx", strings.Repeat("x", 120))

	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	answer := startExport(t, s, ann)
	var most, size uint64
	for more := true; more; {
		n, err := io.CopyN(io.Discard, answer.Body, 1<<20)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		size += uint64(n)
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse)
		more = err == nil
	}
	growth := int64(most) - int64(before.HeapInuse)
	t.Logf("%d MB in %s, the heap grew by %d MB", size>>20, time.Since(began), growth>>20)
	if size < uint64(projects)*3<<20 {
		t.Errorf("the document has only %d bytes", size)
	}
	if growth > 48<<20 {
		t.Errorf("the heap grew by %d bytes", growth)
	}

	var d exportDoc
	if err := json.NewDecoder(startExport(t, s, ann).Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if items, err := d.validate(); err != nil || items != projects*10_000 || len(d.Projects) != projects {
		t.Errorf("%d items in %d projects: %v", items, len(d.Projects), err)
	}
	if first := (*d.Projects[0].Specifications[0].Items)[0]; first.Number != 100 {
		t.Errorf("the first item has number %d, want that of the last insert", first.Number)
	}
	began = time.Now()
	ann.Delete(mePath).Want(204)
	t.Logf("deleted in %s", time.Since(began))
	if left := queryOne[int](t, superuserConn(t, s), "SELECT count(*) FROM bullet_items"); left != 0 {
		t.Errorf("%d items remain after the account", left)
	}
}

// tcpProxy forwards connections to a database until it closes them all.
type tcpProxy struct {
	net.Listener
	mu    sync.Mutex
	conns []*net.TCPConn
}

func newTCPProxy(t *testing.T, to string) *tcpProxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &tcpProxy{Listener: l}
	t.Cleanup(func() { _ = l.Close(); r.closeConnections() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, near.(*net.TCPConn), far.(*net.TCPConn))
			r.mu.Unlock()
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
		}
	}()
	return r
}

// closeConnections resets all connections, as a restart of the database's
// machine does.
func (r *tcpProxy) closeConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	r.conns = nil
}

func TestExport_LostDatabaseTruncatesResponse(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	address, err := url.Parse(db.Service)
	if err != nil {
		t.Fatal(err)
	}
	r := newTCPProxy(t, address.Host)
	address.Host = r.Addr().String()
	through := db
	through.Service = address.String()
	s := testkit.StartOn(t, through, google)
	ann := s.SignUp(t)
	insertContent(t, s, ann.User, 6, 20, strings.Repeat("🧾", 100_000), "") // more than the socket buffers hold

	body := startExport(t, s, ann).Body
	beginning := make([]byte, 8<<20)
	if _, err := io.ReadFull(body, beginning); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until the server waits for the client to read
	r.closeConnections()
	rest, err := io.ReadAll(body)
	if err != nil {
		return // the client sees that the response is truncated
	}
	var d exportDoc
	if err := json.Unmarshal(append(beginning, rest...), &d); err != nil {
		t.Fatalf("the response ends regularly and is invalid: %v", err)
	}
	if _, err := d.validate(); err != nil || len(d.Projects) != 6 {
		t.Errorf("the response ends regularly and has %d projects: %.300s", len(d.Projects), fmt.Sprint(err))
	}
}
