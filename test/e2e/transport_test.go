package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Each attack runs concurrently with a healthy client. The server has to end every
// connection of the attack in time, and to respond to each request of the client.
func TestTransport_HostileConnectionsDoNotHarmOthers(t *testing.T) {
	t.Parallel()
	for _, attack := range []struct {
		name string
		// secure: over TLS, and so over HTTP/2 where the attacker likes.
		secure bool
		// run attacks, with the token of a signed-in user.
		run func(s *server, token string)
	}{
		{"slow headers", false, slowHeaders},
		{"slow bodies", false, slowBodies},
		{"slow readers", false, slowReaders},
		{"headers without end", false, endlessHeaders},
		{"malformed requests", false, malformed},
		{"half a TLS handshake", true, halfHandshakes},
		{"HTTP/2: streams begun and reset", true, rapidResets},
		{"HTTP/2: headers without end", true, endlessContinuations},
		{"HTTP/2: pings and settings without end", true, controlFloods},
		{"HTTP/2: a window that never opens", true, closedWindows},
	} {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
			env := serveEnv(db.Service, google.URL, "LOG_LEVEL=INFO")
			var s *server
			if attack.secure {
				s = serveTLS(t, env)
			} else {
				s = serve(t, env)
			}
			s.waitReady()
			good := s.startHealthyClient(s.signIn(google, "good@example.com"))
			attack.run(s, s.signIn(google, "mallory@example.com"))
			good.end()
		})
	}
}

// serveTLS starts a server that speaks HTTPS itself.
func serveTLS(t *testing.T, env []string) *server {
	t.Helper()
	dir := t.TempDir()
	newCertificate(t, dir)
	s := serve(t, append(env, "TLS_CERT_FILE="+dir+"/tls.crt", "TLS_KEY_FILE="+dir+"/tls.key"))
	s.URL = strings.Replace(s.URL, "http://", "https://", 1)
	return s
}

// healthyClient is a client that sends requests during an attack.
type healthyClient struct {
	s    *server
	stop context.CancelFunc
	done sync.WaitGroup
	// asked counts the requests; took has their latencies.
	asked atomic.Int64
	took  []time.Duration
	bad   []string
}

// startHealthyClient changes and reads a project repeatedly, over one connection.
func (s *server) startHealthyClient(token string) *healthyClient {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	g := &healthyClient{s: s, stop: stop}
	client := &http.Client{Timeout: waitTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1, TLSClientConfig: insecureTLS}}
	made, err := tryAs(client, http.MethodPost, s.URL+"/api/v1/projects", token, `{"title":"Good"}`)
	must(s.t, err)
	path := s.URL + made.Header.Get("Location")
	g.done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			method, body := http.MethodGet, ""
			if n%2 == 1 {
				method, body = http.MethodPatch, fmt.Sprintf(`{"title":"Good %d"}`, n)
			}
			began := time.Now()
			got, err := tryAs(client, method, path, token, body)
			g.took = append(g.took, time.Since(began))
			g.asked.Add(1)
			switch {
			case err != nil:
				g.bad = append(g.bad, method+" "+err.Error())
			case got.StatusCode != http.StatusOK:
				g.bad = append(g.bad, method+" "+got.Status)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	s.t.Cleanup(func() { stop(); g.done.Wait() })
	return g
}

// end fails the test if anything went wrong.
func (g *healthyClient) end() {
	g.s.t.Helper()
	g.s.waitUntil("the healthy client has sent enough requests", func() bool { return g.asked.Load() >= 20 }) // some attacks are short
	g.stop()
	g.done.Wait()
	g.s.t.Logf("the good client was answered %d times, at the latest after %s", len(g.took), slices.Max(g.took).Round(time.Millisecond))
	for _, bad := range g.bad {
		g.s.t.Errorf("the good client: %s", bad)
	}
}

// insecureTLS accepts the certificates of the tests.
var insecureTLS = &tls.Config{InsecureSkipVerify: true}

// dialMany runs do on many concurrent connections. Each has a deadline, by which the
// server should have ended it.
func (s *server) dialMany(n int, do func(conn net.Conn)) {
	s.t.Helper()
	var all sync.WaitGroup
	for range n {
		conn := s.dial()
		must(s.t, conn.SetDeadline(time.Now().Add(answerBound+bodyBound+2*slack)))
		all.Go(func() { do(conn) })
	}
	all.Wait()
}

// sendSlowly sends a text byte by byte until an error, and returns the response.
func sendSlowly(conn net.Conn, text string, each time.Duration) string {
	answered := make(chan string)
	go func() {
		all, _ := io.ReadAll(conn) // it ends by a reset, too
		answered <- string(all)
	}()
	for n := range len(text) {
		select {
		case all := <-answered:
			return all
		case <-time.After(each):
		}
		if _, err := conn.Write([]byte{text[n]}); err != nil {
			return <-answered
		}
	}
	return <-answered
}

// wantWithin fails the test if the time exceeds the limit.
func (s *server) wantWithin(limit, took time.Duration, what string) {
	s.t.Helper()
	if took > limit+slack {
		s.t.Errorf("%s: the connection was closed after %s, not within %s", what, took.Round(time.Millisecond), limit)
	}
}

const (
	// slack is for busy machines.
	slack = 5 * time.Second
	// The timeouts of the server, as in docs/operations/settings.md.
	headerBound, bodyBound, answerBound = 5 * time.Second, 15 * time.Second, 20 * time.Second
)

func slowHeaders(s *server, _ string) {
	s.dialMany(200, func(conn net.Conn) {
		began := time.Now()
		sendSlowly(conn, "GET /health/live HTTP/1.1\r\nHost: e2e\r\nX-Slow: "+strings.Repeat("x", 1000), 100*time.Millisecond)
		s.wantWithin(headerBound, time.Since(began), "slow headers")
	})
}

func slowBodies(s *server, token string) {
	s.dialMany(200, func(conn net.Conn) {
		began := time.Now()
		_, _ = fmt.Fprintf(conn, "POST /api/v1/projects HTTP/1.1\r\nHost: e2e\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n", token)
		answer := sendSlowly(conn, `{"title":"`+strings.Repeat("x", 1000), 100*time.Millisecond)
		s.wantWithin(bodyBound, time.Since(began), "slow bodies")
		if answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 408") {
			s.t.Errorf("a slow body is answered %q", answer)
		}
	})
}

// slowReaders send many requests at once, and read no response.
func slowReaders(s *server, _ string) {
	s.dialMany(50, func(conn net.Conn) {
		must(s.t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
		began := time.Now()
		requests := strings.Repeat("GET /api/v1/openapi.json HTTP/1.1\r\nHost: e2e\r\n\r\n", 500)
		var err error
		for err == nil { // until the connection is gone
			_, err = io.WriteString(conn, requests)
		}
		s.wantWithin(answerBound+bodyBound, time.Since(began), "slow readers")
	})
}

func endlessHeaders(s *server, _ string) {
	s.dialMany(50, func(conn net.Conn) {
		began := time.Now()
		_, _ = io.WriteString(conn, "GET /health/live HTTP/1.1\r\nHost: e2e\r\n")
		line, sent := []byte("X-Long: "+strings.Repeat("x", 1000)+"\r\n"), 0
		for sent < 64<<20 {
			n, err := conn.Write(line)
			sent += n
			if err != nil {
				break
			}
		}
		s.wantWithin(headerBound, time.Since(began), "headers without end")
		if sent > 16<<20 {
			s.t.Errorf("%d bytes of headers were taken", sent)
		}
	})
}
