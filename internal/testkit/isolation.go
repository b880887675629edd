package testkit

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Two layers isolate users from each other: the filter by owner in each query, and
// row-level security. The functions below disable one of them, so that a test shows
// whether the other is sufficient alone.

// WithoutRLS disables row-level security in a database until the test ends. Only the
// filters are left.
func WithoutRLS(t testing.TB, db Database) Database {
	t.Helper()
	all := func(ctx context.Context, what string) error {
		conn, err := pgx.Connect(ctx, db.Super)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, `DO $$ DECLARE name text; BEGIN
			FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' LOOP
				EXECUTE format('ALTER TABLE %I `+what+` ROW LEVEL SECURITY', name);
			END LOOP; END $$`)
		return err
	}
	if err := all(t.Context(), "DISABLE"); err != nil {
		t.Fatalf("disable row-level security: %v", err)
	}
	t.Cleanup(func() {
		if err := all(context.WithoutCancel(t.Context()), "ENABLE"); err != nil {
			t.Errorf("enable row-level security: %v", err)
		}
	})
	return db
}

// WithoutOwnerFilters is a database behind a proxy that removes the filters by owner from
// every statement of the service. Only row-level security is left. The test fails if no
// statement had a filter.
func WithoutOwnerFilters(t testing.TB, db Database) Database {
	t.Helper()
	to, err := url.Parse(db.Service)
	if err != nil {
		t.Fatalf("parse the URL of the database: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	p := &filterStripper{to: to.Host}
	var serving sync.WaitGroup
	serving.Go(func() { p.serve(listener) })
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
		if p.removed.Load() == 0 {
			t.Error("no statement had a filter by owner: the test is void")
		}
	})
	to.Host = listener.Addr().String()
	db.Service = to.String()
	return db
}

// filterStripper is a proxy to PostgreSQL that rewrites statements.
type filterStripper struct {
	to      string
	removed atomic.Int64
}

func (p *filterStripper) serve(listener net.Listener) {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		open.Go(func() {
			defer client.Close()
			server, err := net.Dial("tcp", p.to)
			if err != nil {
				return
			}
			defer server.Close()
			go func() {
				_, _ = io.Copy(client, server) // ends with either connection
				_ = client.Close()
			}()
			_ = p.forward(client, server)
		})
	}
}

// forward forwards the messages of the service. In PostgreSQL's protocol a message is a
// type, a length without the type, and the rest; the first message has no type.
func (p *filterStripper) forward(client io.Reader, server io.Writer) error {
	for first := true; ; first = false {
		head := make([]byte, 5)
		if first {
			head = head[:4]
		}
		if _, err := io.ReadFull(client, head); err != nil {
			return err
		}
		size := head[len(head)-4:]
		length := binary.BigEndian.Uint32(size)
		if length < 4 || length > 1<<28 {
			return errors.New("not a message")
		}
		body := make([]byte, length-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return err
		}
		if !first && head[0] == 'P' { // Parse, which has the text of a statement with parameters
			body = p.strip(body)
			binary.BigEndian.PutUint32(size, uint32(len(body))+4)
		}
		if _, err := server.Write(append(head, body...)); err != nil {
			return err
		}
	}
}

var (
	ownerFilter = regexp.MustCompile(`(\w+\.)?\b(owner_id|user_id) = (\$\d+)`)
	usersTable  = regexp.MustCompile(`(?:FROM|UPDATE)\s+users\b`)
	userFilter  = regexp.MustCompile(`(^|[\s(])(u\.)?id = (\$\d+)`)
)

// strip removes the filters. It keeps the parameters, so that their number stays the same.
func (p *filterStripper) strip(statement []byte) []byte {
	stripped := ownerFilter.ReplaceAll(statement, []byte("(${3}::uuid IS NOT NULL)"))
	if usersTable.Match(stripped) {
		stripped = userFilter.ReplaceAllFunc(stripped, func(found []byte) []byte {
			parts := userFilter.FindSubmatch(found)
			return []byte(string(parts[1]) + "(" + string(parts[3]) + "::uuid IS NOT NULL)")
		})
	}
	if string(stripped) != string(statement) {
		p.removed.Add(1)
	}
	return stripped
}
