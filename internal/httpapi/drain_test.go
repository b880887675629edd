package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// A client that sends all of a body before it reads gets the response to a body that was
// rejected unread, however the connection ends.
func TestBounds_RejectedBodyGetsItsResponse(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	const large = 3 << 20
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat(" ", 1<<16))
	for name, tc := range map[string]struct {
		protocol, headers, token, body string
		want                           int
	}{
		"too large":                          {"1.1", fmt.Sprintf("Content-Length: %d\r\n", large), ann.Token, strings.Repeat(" ", large), 413},
		"too large, the connection ends":     {"1.1", fmt.Sprintf("Connection: close\r\nContent-Length: %d\r\n", large), ann.Token, strings.Repeat(" ", large), 413},
		"too large, HTTP/1.0":                {"1.0", fmt.Sprintf("Content-Length: %d\r\n", large), ann.Token, strings.Repeat(" ", large), 413},
		"too large, in chunks":               {"1.1", "Transfer-Encoding: chunked\r\n", ann.Token, strings.Repeat(chunk, large>>16) + "0\r\n\r\n", 413},
		"without a token":                    {"1.1", fmt.Sprintf("Connection: close\r\nContent-Length: %d\r\n", 900_000), "x", strings.Repeat(" ", 900_000), 401},
		"without a token, small, in a chunk": {"1.1", "Transfer-Encoding: chunked\r\n", "x", chunk + "0\r\n\r\n", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			head := fmt.Sprintf("POST %s HTTP/%s\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n%s\r\n",
				projectsPath, tc.protocol, tc.token, tc.headers)
			for rest := head + tc.body; rest != ""; {
				part := rest[:min(len(rest), 1<<16)]
				if _, err := conn.Write([]byte(part)); err != nil {
					t.Fatalf("%d bytes before the end of the body: %v", len(rest), err)
				}
				rest = rest[len(part):]
				time.Sleep(time.Millisecond) // the response comes long before the end
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != tc.want {
				t.Errorf("status %d, want %d", response.StatusCode, tc.want)
			}
		})
	}
}
