package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// shears cut a store's connection after so many bytes more of what it hears, where
// that is not negative; then whatever is repeated arrives.
type shears struct{ left atomic.Int64 }

func (s *shears) tap(c *postgres.Config) {
	s.left.Store(-1)
	c.Dial = func(config *pgx.ConnConfig) {
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, network, address)
			return &severedConn{conn, s}, err
		}
	}
}

type severedConn struct {
	net.Conn
	shears *shears
}

// SyscallConn lets the store look whether the server has closed the connection.
func (c *severedConn) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(syscall.Conn).SyscallConn()
}

func (c *severedConn) Read(p []byte) (int, error) {
	left := c.shears.left.Load()
	if left < 0 {
		return c.Conn.Read(p)
	}
	if left == 0 {
		c.shears.left.Store(-1)
		c.Conn.Close()
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(int(left), len(p))])
	c.shears.left.Add(-int64(n))
	return n, err
}

func TestWhoeverWaitsForAConnectionThatIsCutIsAskedAgain(t *testing.T) {
	t.Parallel()
	cut := &shears{}
	s := newStage(newWorld(t, cut.tap))
	all := []func(){s.says("one"), s.answers("Items", ""), s.says("two"), s.answers("Project", ""), s.answers("User", "")}
	s.together(all...)
	whole := false
	for bytes := int64(0); !whole; bytes += 97 { // at any place of any message
		before := s.store.PoolStats().Opened
		release := s.hold()
		wait := s.queue(all...)
		cut.left.Store(bytes)
		release()
		wait()
		s.settled()
		whole = cut.left.Swap(-1) >= 0
		if opened := s.store.PoolStats().Opened - before; !whole && opened != 1 {
			t.Errorf("cut after %d bytes: %d connections were opened, want 1", bytes, opened)
		}
		if whole && bytes < 1000 {
			t.Errorf("five answers took less than %d bytes", bytes)
		}
	}
	s.free()
}

// Who has an answer keeps it: only the others are asked again.
func TestWhoIsBehindTheEndOfAConnectionIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*stage, *proxy){
		"its process is ended": func(s *stage, _ *proxy) {
			must(s.t, connect(s.t, s.Super), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
		},
		"the next answer is lost": func(_ *stage, p *proxy) { p.feel(cutting) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := proxied(t, 1)
			s = s.over(func(c *postgres.Config) { c.URL, c.MaxOverflow = p.URL, 3 })
			asleep := s.waitsIn("PgSleep")
			var answered, heard atomic.Int64
			first := func() {
				wantCode(t, "the first", s.store.Ask(t.Context(), s.actor, func(string) { heard.Add(1) }, "SELECT 'first'"), "")
				answered.Add(1)
			}
			release := s.hold()
			wait := s.queue(first, first, func() {
				wantCode(t, "who sleeps", s.store.Ask(t.Context(), s.actor, deaf, "SELECT 'slept' || pg_sleep(1.5)::text"), "")
			}, s.says("one"), s.answers("Items", ""), s.says("two"))
			release()
			// The leader has its answer, but goes on to read those of others.
			eventually(t, "those before have their answers", func() bool { return answered.Load() == 1 && asleep() })
			end(s, p)
			wait()
			s.settled()
			if answered.Load() != 2 || heard.Load() != 2 {
				t.Errorf("%d were answered, %d times; want 2 and 2", answered.Load(), heard.Load())
			}
			s.free()
		})
	}
}

// Who has no time left to be asked again hears that there is no answer, and not
// what came of the one before.
func TestWhoIsBehindTheEndOfAConnectionDoesNotHearOfAnothersFailure(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	dead := s.actor
	dead.Session = id.New[auth.Session]()
	asleep, super := s.waitsIn("PgSleep"), connect(t, s.Super)
	ctx, leave := context.WithCancel(t.Context())
	release := s.hold()
	wait := s.queue(s.says("one"), func() {
		_ = s.store.Ask(t.Context(), dead, deaf, "SELECT 'slept' || pg_sleep(1.5)::text")
	}, func() {
		wantCode(t, "who has no time left", s.store.Ask(ctx, s.actor, deaf, "SELECT 'late'"), problem.Unavailable)
	})
	release()
	eventually(t, "the dead one's statement runs", asleep)
	leave()
	must(t, super, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
	wait()
	s.settled()
}

func TestAStatementThatTakesTooLongIsNoMatterOfOthers(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	const tooLong = "SELECT 'slept' || pg_sleep(10 * 1)::text"
	wantCode(t, "one that is known now, but was not run", s.store.Ask(t.Context(), s.actor, deaf, "SELECT (1 / (random() * 0)::int)::text", tooLong), problem.Internal)
	s.together(s.says("one"), s.says("two"))
	release := s.hold()
	wait := s.queue(s.says("one"), func() {
		wantCode(t, "who takes too long", s.store.Ask(t.Context(), s.actor, deaf, tooLong), problem.Unavailable)
	}, s.says("two"), s.says("one"))
	if flights := tap.count(func() { release(); wait() }); flights != 1 {
		t.Errorf("they took %d flights, want 1", flights)
	}
	s.settled()
	s.free()
}

// panics asks for something, and panics over the answer. It wants to do so itself.
func (s *stage) panics() func() {
	return func() {
		defer func() {
			if got, _ := recover().(error); !errors.Is(got, errOnPurpose) {
				s.t.Errorf("whose answer makes it panic: %v", got)
			}
		}()
		err := s.store.Ask(s.t.Context(), s.actor, func(string) { panic(errOnPurpose) }, "SELECT 'panic'")
		s.t.Errorf("whose answer makes it panic is answered, %v", err)
	}
}

func TestAPanicOverAnAnswerIsNoMatterOfOthers(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	for name, all := range map[string][]func(){
		"alone":                {s.panics()},
		"leading":              {s.panics(), s.says("one"), s.answers("Items", "")},
		"behind":               {s.says("one"), s.panics(), s.answers("Items", "")},
		"last":                 {s.says("one"), s.answers("Items", ""), s.panics()},
		"several, one leading": {s.panics(), s.says("one"), s.panics(), s.says("two"), s.panics()},
	} {
		t.Run(name, func(t *testing.T) {
			s.together(all...)
			s.says("afterwards")()
			s.free()
		})
	}
}
