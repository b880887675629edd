package httpapi_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// slowWriter is a socket whose writes return after the response has arrived,
// as on an overloaded machine. The driver then reads in the background, and
// the read is still pending while the connection is idle in the pool.
type slowWriter struct{ *net.TCPConn }

func (c slowWriter) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	time.Sleep(50 * time.Millisecond)
	return n, err
}

func TestPool_BackgroundReadDoesNotStall(t *testing.T) {
	t.Parallel()
	store, err := postgres.Open(t.Context(), postgres.Config{
		URL: testkit.NewDatabase(t).Service, PoolSize: 1,
		Dial: func(c *pgx.ConnConfig) {
			c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return slowWriter{conn.(*net.TCPConn)}, nil
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error)
	go func() {
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			err := store.Ping(ctx)
			cancel()
			asked <- err
			time.Sleep(1100 * time.Millisecond) // until the pool checks the idle connection
		}
		store.Close()
		close(asked)
	}()
	for n := 1; ; n++ {
		select {
		case err, more := <-asked:
			if err != nil {
				t.Errorf("ping %d: %v", n, err)
			}
			if !more {
				return
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("ping %d does not return, although its timeout is 20 s", n)
		}
	}
}
