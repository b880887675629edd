package postgres_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// A connection keeps its prepared statements; what they were prepared for may change.
func TestBatch_ReadSurvivesStaleStatement(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super := connect(t, s.Super)
	read := func(when string) {
		t.Helper()
		if _, err := s.service.Project(t.Context(), s.actor, s.live); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	defer mustExec(t, super, "ALTER TABLE projects ALTER COLUMN description TYPE text")
	read("at first")
	mustExec(t, super, "ALTER TABLE projects ALTER COLUMN description TYPE varchar")
	read("after a column has changed its type")
	read("once more")
	for _, conn := range s.store.Pool().AcquireAllIdle(t.Context()) {
		if err := conn.Conn().PgConn().Exec(t.Context(), "DEALLOCATE ALL").Close(); err != nil {
			t.Error(err)
		}
		conn.Release()
	}
	read("after the connection has deallocated it")
}

// cutter cuts a store's connection after that many more received bytes, unless the
// number is negative. After the cut it is negative, so a repeated read arrives.
type cutter struct{ left atomic.Int64 }

func (s *cutter) attach(c *postgres.Config) {
	s.left.Store(-1)
	c.Dial = func(config *pgx.ConnConfig) {
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, network, address)
			return &cutConn{conn, s}, err
		}
	}
}

type cutConn struct {
	net.Conn
	cutter *cutter
}

func (c *cutConn) Read(p []byte) (int, error) {
	left := c.cutter.left.Load()
	if left < 0 {
		return c.Conn.Read(p)
	}
	if left == 0 {
		c.cutter.left.Store(-1)
		c.Conn.Close()
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(int(left), len(p))])
	c.cutter.left.Add(-int64(n))
	return n, err
}

func TestBatch_ReadIsRepeatedWhenConnectionIsCut(t *testing.T) {
	t.Parallel()
	cut := &cutter{}
	s := newTenant(newFixture(t, cut.attach))
	for _, name := range []string{"CheckSession", "Project", "Items", "Specifications by title, first page"} {
		wantCode(t, name+" before", reads[name].do(t.Context(), s), "")
		complete := false
		for bytes := int64(0); !complete; bytes += 37 { // at any place of any message
			opened := s.store.PoolStats().Opened
			cut.left.Store(bytes)
			wantCode(t, name, reads[name].do(t.Context(), s), "")
			complete = cut.left.Swap(-1) >= 0
			if opened = s.store.PoolStats().Opened - opened; !complete && opened != 1 {
				t.Errorf("%s, cut after %d bytes: %d connections were opened, want 1", name, bytes, opened)
			}
			if complete && bytes < 100 {
				t.Errorf("the response to %s has less than %d bytes", name, bytes)
			}
		}
	}
	s.checkIdle()
}

func TestBatch_ReadIsRepeatedWhenItsBackendEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*tenant, *proxy){
		"its process is terminated": func(s *tenant, _ *proxy) {
			mustExec(s.t, connect(s.t, s.Super), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
		},
		"the response is lost": func(_ *tenant, p *proxy) { p.setMode(cutNextResponse) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := newProxiedTenant(t, 1)
			asleep := s.runs("PgSleep")
			ended := make(chan error, 1)
			go func() {
				ended <- s.store.ReadTexts(t.Context(), s.actor, ignore, "SELECT 'slept' || pg_sleep(1.5)::text")
			}()
			eventually(t, "the statement runs", asleep)
			end(s, p)
			within(t, testTimeout, "the read", func() { wantCode(t, "the read", <-ended, "") })
			s.checkIdle()
		})
	}
}

func TestBatch_CancelledReadIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	asleep := s.runs("PgSleep")
	ctx, cancel := context.WithCancel(t.Context())
	results, ended := 0, make(chan error, 1)
	go func() {
		ended <- s.store.ReadTexts(ctx, s.actor, func(string) { results++ }, "SELECT 'slept' || pg_sleep(1.5)::text")
	}()
	eventually(t, "the statement runs", asleep)
	cancel()
	within(t, testTimeout, "the read", func() { wantCode(t, "the read", <-ended, problem.Unavailable) })
	if results > 0 {
		t.Error("a cancelled read returned a result")
	}
	s.checkIdle()
}

func TestBatch_SlowReadTimesOut(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	wantCode(t, "a read of 10 s", s.store.ReadTexts(t.Context(), s.actor, ignore, "SELECT 'slept' || pg_sleep(10)::text"), problem.Unavailable)
	s.readText("afterwards")
	s.checkIdle()
}
