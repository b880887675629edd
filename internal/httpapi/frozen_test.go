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

// strait is a way to a database that can be frozen, as by a network that loses
// everything, and cut.
type strait struct {
	to       string
	listener net.Listener
	// ice is held by whoever freezes it.
	ice   sync.RWMutex
	mu    sync.Mutex
	conns []net.Conn
}

// newStrait is an open one, which is thawed and cut after the test.
func newStrait(t *testing.T, db testkit.Database) (*strait, testkit.Database) {
	t.Helper()
	to, err := url.Parse(db.Service)
	if err != nil {
		t.Fatal(err)
	}
	s := &strait{to: to.Host}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go s.serve()
	t.Cleanup(s.cut)
	to.Host = s.listener.Addr().String()
	db.Service = to.String()
	return s, db
}

func (s *strait) serve() {
	for {
		near, err := s.listener.Accept()
		if err != nil {
			return // cut
		}
		far, err := net.Dial("tcp", s.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, near, far)
		s.mu.Unlock()
		go s.pass(near, far)
		go s.pass(far, near)
	}
}

func (s *strait) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		s.ice.RLock()
		_, err = to.Write(buffer[:n])
		s.ice.RUnlock()
		if err != nil {
			return
		}
	}
}

// cut ends all that goes through, and lets nothing through any more.
func (s *strait) cut() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

// What a gate answers needs no database. But replicas tell each other by way of the
// database what they cannot tell Redis: one that hears nothing gives nothing from
// Redis.
func TestWhatIsKeptIsAnsweredWithoutADatabase(t *testing.T) {
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
			way, db := newStrait(t, testkit.NewDatabase(t))
			s := testkit.StartOn(t, db, testkit.NewIssuer(t), set)
			c, own := acquire(t, s)
			paths := keptReads(t, own)
			for _, path := range paths {
				warmAll(t, []*testkit.Server{s}, path, c)
			}
			hits := func() {
				t.Helper()
				for _, path := range paths {
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						if a, byGate := ask(s, method, path, c.Token); a.Code != http.StatusOK || !byGate {
							t.Errorf("%s %s is answered %d, by the gate: %t", method, path, a.Code, byGate)
						}
					}
					a, byGate := ask(s, http.MethodGet, path, c.Token, "If-None-Match", "*")
					if want := map[bool]int{true: http.StatusNotModified, false: http.StatusOK}[a.Header().Get("ETag") != ""]; a.Code != want || !byGate {
						t.Errorf("%s with If-None-Match is answered %d, want %d, by the gate: %t", path, a.Code, want, byGate)
					}
				}
			}
			way.ice.Lock() // nobody notices yet
			hits()
			way.ice.Unlock()
			way.cut()
			if name == "in process" {
				hits()
				return
			}
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
				a, byGate := ask(s, http.MethodGet, mePath, c.Token)
				if a.Code == http.StatusServiceUnavailable {
					break
				}
				if a.Code != http.StatusOK || !byGate || time.Now().After(deadline) {
					t.Fatalf("without announcements it is answered %d, by the gate: %t", a.Code, byGate)
				}
			}
		})
	}
}
