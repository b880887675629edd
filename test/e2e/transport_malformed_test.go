package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"
)

// malformed sends requests that servers and proxies may interpret differently.
func malformed(s *server, _ string) {
	for name, request := range map[string]string{
		"two lengths":                   "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
		"two lengths in one":            "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Length: 4, 5\r\n\r\nabcde",
		"a length and chunks":           "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: e2e\r\n\r\n",
		"an invalid length":             "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Length: +4\r\n\r\nabcd",
		"a negative length":             "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Length: -1\r\n\r\n",
		"chunks of another kind":        "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"chunks in HTTP/1.0":            "POST /api/v1/auth/login HTTP/1.0\r\nHost: e2e\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"no host":                       "GET /health/live HTTP/1.1\r\n\r\n",
		"two hosts":                     "GET /health/live HTTP/1.1\r\nHost: one\r\nHost: two\r\n\r\n",
		"an invalid host":               "GET /health/live HTTP/1.1\r\nHost: a b\r\n\r\n",
		"a host with a path":            "GET /health/live HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"a space before the colon":      "GET /health/live HTTP/1.1\r\nHost : e2e\r\n\r\n",
		"a folded header":               "GET /nothing HTTP/1.1\r\nHost: e2e\r\nX-Folded: a\r\n b\r\n\r\n",
		"a NUL in a header":             "GET /health/live HTTP/1.1\r\nHost: e2e\r\nX-Nul: a\x00b\r\n\r\n",
		"a carriage return in a header": "GET /health/live HTTP/1.1\r\nHost: e2e\r\nX-Return: a\rb\r\n\r\n",
		"no protocol":                   "GET /health/live\r\n\r\n",
		"an unknown protocol":           "GET /health/live HTTP/9.9\r\nHost: e2e\r\n\r\n",
		"HTTP/2 without agreement":      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"an invalid method":             "G ET /health/live HTTP/1.1\r\nHost: e2e\r\n\r\n",
		"what is no HTTP":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"nothing but empty lines":       strings.Repeat("\r\n", 100_000),
		"a target without end":          "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: e2e\r\n\r\n",
		"a target that leads above":     "GET /../../etc/passwd HTTP/1.1\r\nHost: e2e\r\n\r\n",
		"a chunk that is too large":     "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		"a chunk with a long extension": "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 100_000) + "\r\na\r\n0\r\n\r\n",
		"trailers without end":          "POST /api/v1/auth/login HTTP/1.1\r\nHost: e2e\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X-T: "+strings.Repeat("x", 1000)+"\r\n", 10_000),
	} {
		conn := s.dial()
		began := time.Now()
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = io.WriteString(conn, request)
		}()
		must(s.t, conn.SetReadDeadline(time.Now().Add(bodyBound+slack)))
		in := bufio.NewReader(conn)
		answer, err := http.ReadResponse(in, nil)
		status := 0
		if err == nil {
			status = answer.StatusCode
			_, _ = io.Copy(io.Discard, answer.Body) // the status is enough
			_ = answer.Body.Close()
		}
		s.wantWithin(bodyBound, time.Since(began), name)
		if status != 0 && (status < 400 || status >= 500) && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported {
			s.t.Errorf("%s: answered %d", name, status)
		}
		if rest, _ := io.ReadAll(in); bytes.Contains(rest, []byte("HTTP/1.1 200")) {
			s.t.Errorf("%s: what follows was taken for a request: %q", name, rest)
		}
		_ = conn.Close()
		<-written
	}
}
