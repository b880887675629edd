package e2e

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestShutdown_CompletesTheRequestInProgress(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	for {
		inFlight, held := stopWithRequestInFlight(t, db, google)
		switch {
		case inFlight.Status == http.StatusCreated:
			return
		case inFlight.Status == http.StatusServiceUnavailable && held > time.Second/2:
			// The lock timeout of the service is one second, and the machine may be busy.
			t.Logf("the lock was held for %s; once more", held)
		default:
			t.Fatalf("the request in flight got %d %s", inFlight.Status, inFlight.Body)
		}
	}
}

// stopWithRequestInFlight sends SIGTERM while a request waits for a lock, and returns the
// response and how long the lock was held.
func stopWithRequestInFlight(t *testing.T, db testkit.Database, google *testkit.Issuer) (*response, time.Duration) {
	t.Helper()
	s := serve(t, serveEnv(db.Service, google.URL)).waitReady()
	token := s.signIn(google, rand.Text()+"@example.com")
	release := lockTables(t, db)
	answers := make(chan *response, 1)
	began := time.Now()
	go func() {
		a, err := trySend(t, http.MethodPost, s.URL+"/api/v1/projects", token, `{"title":"In flight"}`)
		if err != nil {
			a = &response{Body: err.Error()}
		}
		answers <- a
	}()
	waitForBlocked(t, db)
	s.signal(syscall.SIGTERM)
	s.waitClosed()
	release()
	held := time.Since(began)
	a := <-answers
	s.wantExit(0)
	return a, held
}

func TestShutdown_DrainingServerIsNotReadyButResponds(t *testing.T) {
	t.Parallel()
	const drain = 3 * time.Second
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL, "SHUTDOWN_DRAIN="+drain.String())).waitReady()
	ann := s.signIn(google, "ann@example.com")

	told := time.Now()
	s.signal(syscall.SIGTERM)
	s.waitUntil("it is not ready", func() bool { return get(t, s.URL+"/health/ready", "").Status == http.StatusServiceUnavailable })
	noticed := time.Since(told)
	if noticed > drain/3 {
		t.Errorf("it was ready for %s after SIGTERM", noticed)
	}
	asked := 0
	for ; time.Since(told) < drain/2; asked++ {
		time.Sleep(pollInterval)
		get(t, s.URL+"/api/v1/projects", ann).want(http.StatusOK) // each time on a new connection
		get(t, s.URL+"/health/live", "").want(http.StatusOK)
		get(t, s.URL+"/health/ready", "").want(http.StatusServiceUnavailable)
	}
	s.wantExit(0)
	if took := time.Since(told); took < drain {
		t.Errorf("it ended after %s, before the drain time of %s was over", took, drain)
	}
	t.Logf("not ready after %s; then answered %d rounds of requests", noticed.Round(time.Millisecond), asked)
}

func TestShutdown_SecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1", "SHUTDOWN_DRAIN=1m"))
			s.signal(syscall.SIGTERM)
			s.waitForOutput(&s.logs, `shutting down`)
			began := time.Now()
			s.signal(second)
			if s.waitExit().Success() {
				t.Error("it ended as if nothing had been cut short")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestShutdown_CutsRequestsAfterTheGrace(t *testing.T) {
	t.Parallel()
	const grace = 500 * time.Millisecond
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL, "SHUTDOWN_GRACE="+grace.String())).waitReady()
	ann := s.signIn(google, "ann@example.com")

	conn := s.dial()
	// The server sends 100 Continue when the handler reads the body, which never comes.
	_, err := fmt.Fprintf(conn, "POST /api/v1/projects HTTP/1.1\r\nHost: e2e\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", ann)
	must(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	must(t, err)
	if !strings.Contains(line, "100 Continue") {
		t.Fatalf("the server says %q", line)
	}
	told := time.Now()
	s.signal(syscall.SIGTERM)
	s.wantExit(1)
	if took := time.Since(told); took < grace || took > grace+5*time.Second {
		t.Errorf("it ended after %s; the grace time is %s", took, grace)
	}
	wantAll(t, s.logs.String(), `"message":"requests were still running after SHUTDOWN_GRACE"`, `"cut_off_by":"shutdown"`)
}

func TestShutdown_IdleConnectionDoesNotDelay(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1"))
	conn := s.dial()
	_, err := fmt.Fprint(conn, "GET /health/live HTTP/1.1\r\nHost: e2e\r\n\r\n")
	must(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	must(t, answer.Body.Close())
	told := time.Now()
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
	if took := time.Since(told); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}
