package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
)

// halfRequest sends a request without the end of its body, and returns when its handler
// waits for that.
func halfRequest(t *testing.T, r *running) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprint(conn, "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// The server sends 100 Continue when the handler reads the body.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	if _, err := fmt.Fprint(conn, `{"refresh_to`); err != nil {
		t.Fatal(err)
	}
	return conn
}

// lineOf waits for the log line of a request for a refresh.
func lineOf(t *testing.T, r *running) string {
	t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		for line := range strings.SplitSeq(r.log.String(), "\n") {
			if strings.Contains(line, "/api/v1/auth/refresh") {
				return line
			}
		}
	}
	t.Fatalf("the request is not in the log: %s", r.log)
	return ""
}

func wantLine(t *testing.T, line string, want ...string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(line, part) {
			t.Errorf("no %s in %s", part, line)
		}
	}
	if strings.Contains(line, `"code"`) {
		t.Errorf("the line has the problem of a response that was not sent: %s", line)
	}
}

// Half a body looks like malformed JSON, but the client has not sent that.
func TestLog_RequestWhoseClientDisconnects(t *testing.T) {
	t.Parallel()
	r := newFixture(t).run(t, func(*server.App) {})
	defer r.end(t)
	if err := halfRequest(t, r).Close(); err != nil {
		t.Fatal(err)
	}
	wantLine(t, lineOf(t, r), `"status":499`, `"cut_off_by":"client"`, `"severity":"INFO"`)
}

func TestLog_RequestThatAShutdownCutsOff(t *testing.T) {
	t.Parallel()
	r := newFixture(t).run(t, func(*server.App) {}, "SHUTDOWN_GRACE=100ms")
	defer r.Close()
	halfRequest(t, r)
	r.stop()
	err := <-r.done
	if _, logged := errors.AsType[server.LoggedError](err); !logged {
		t.Errorf("serve: %v, want an error that is in the log", err)
	}
	wantLine(t, lineOf(t, r), `"status":503`, `"cut_off_by":"shutdown"`)
	if !strings.Contains(r.log.String(), `"message":"requests were still running after SHUTDOWN_GRACE"`) {
		t.Errorf("the log does not say that requests were cut off: %s", r.log)
	}
}
