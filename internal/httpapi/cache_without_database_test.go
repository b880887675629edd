package httpapi_test

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// freezableProxy is a TCP proxy to a database. It can be frozen, like a
// network that drops all packets, and closed.
type freezableProxy struct {
	to       string
	listener net.Listener
	// frozen is write-locked while the proxy is frozen.
	frozen sync.RWMutex
	mu     sync.Mutex
	conns  []net.Conn
}

// newFreezableProxy starts a proxy, which is closed after the test.
func newFreezableProxy(t *testing.T, db testkit.Database) (*freezableProxy, testkit.Database) {
	t.Helper()
	to, err := url.Parse(db.Service)
	if err != nil {
		t.Fatal(err)
	}
	s := &freezableProxy{to: to.Host}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go s.serve()
	t.Cleanup(s.close)
	to.Host = s.listener.Addr().String()
	db.Service = to.String()
	return s, db
}

func (s *freezableProxy) serve() {
	for {
		near, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		far, err := net.Dial("tcp", s.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, near, far)
		s.mu.Unlock()
		go s.copyBytes(near, far)
		go s.copyBytes(far, near)
	}
}

func (s *freezableProxy) copyBytes(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		s.frozen.RLock()
		_, err = to.Write(buffer[:n])
		s.frozen.RUnlock()
		if err != nil {
			return
		}
	}
}

// close ends all connections and accepts no new ones.
func (s *freezableProxy) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

// A cache hit needs no database. But replicas send notifications through the
// database for what they cannot send through Redis. A replica that receives
// none serves nothing from Redis.
func TestCache_ServesWithoutDatabase(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*server.Settings){
		"Redis": func(s *server.Settings) {
			s.RedisURL, s.RedisTimeout = server.Secret(testkit.NewRedis(t)), 5*time.Second
			s.CacheQuietPeriod, s.CacheDetachedPeriod = 20*time.Millisecond, 20*time.Millisecond
		},
		"in process": func(s *server.Settings) { s.SingleReplica = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way, db := newFreezableProxy(t, testkit.NewDatabase(t))
			s := testkit.StartOn(t, db, testkit.NewIssuer(t), set)
			c, own := newOwner(t, s)
			paths := cachedPaths(t, own)
			for _, path := range paths {
				fillCaches(t, []*testkit.Server{s}, path, c)
			}
			hits := func() {
				t.Helper()
				for _, path := range paths {
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						if a, hit := serve(s, method, path, c.Token); a.Code != http.StatusOK || !hit {
							t.Errorf("%s %s got %d, from the cache: %t", method, path, a.Code, hit)
						}
					}
					a, hit := serve(s, http.MethodGet, path, c.Token, "If-None-Match", "*")
					if want := map[bool]int{true: http.StatusNotModified, false: http.StatusOK}[a.Header().Get("ETag") != ""]; a.Code != want || !hit {
						t.Errorf("%s with If-None-Match got %d, want %d, from the cache: %t", path, a.Code, want, hit)
					}
				}
			}
			way.frozen.Lock() // the loss is not noticed yet
			hits()
			way.frozen.Unlock()
			way.close()
			if name == "in process" {
				hits()
				return
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				a, hit := serve(s, http.MethodGet, mePath, c.Token)
				if a.Code == http.StatusServiceUnavailable {
					break
				}
				if a.Code != http.StatusOK || !hit || time.Now().After(deadline) {
					t.Fatalf("without notifications got %d, from the cache: %t", a.Code, hit)
				}
			}
		})
	}
}
