package httpapi_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// exchangeRaw sends bytes on a connection and returns every answer until the server
// closes it. What has no answer within a second is taken for an open connection.
func exchangeRaw(t *testing.T, s *testkit.Server, textLimit string) (answers []rawResponse, closed bool) {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() { // the server may answer before it has read everything
		defer close(sent)
		_, _ = io.WriteString(conn, textLimit)
	}()
	in := bufio.NewReader(conn)
	for {
		if len(answers) > 0 {
			if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodGet})
		if err != nil {
			var timeout net.Error
			closed = !errors.As(err, &timeout) || !timeout.Timeout()
			if closed && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after %d answers: %v", len(answers), err)
			}
			break
		}
		statusAndBody, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatalf("the statusAndBody of answer %d: %v", len(answers)+1, err)
		}
		if answer.Close { // which is no header any more
			answer.Header.Set("Connection", "close")
		}
		answers = append(answers, rawResponse{answer.StatusCode, answer.Header, string(statusAndBody)})
	}
	_ = conn.Close()
	<-sent
	return answers, closed
}

// wantProblem fails the test unless the answer is a problem with all its headers.
func (a rawResponse) wantProblem(t *testing.T, status int, code, detail string) {
	t.Helper()
	var p testkit.Problem
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil || a.Status != status || p.Code != code || p.Status != status {
		t.Fatalf("answered %d %q, want %d %s", a.Status, a.Body, status, code)
	}
	if !strings.Contains(p.Detail, detail) || p.Title == "" || p.Type != "/problems/"+code || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("the problem is %s, the header X-Request-Id %s", a.Body, a.Header.Get("X-Request-Id"))
	}
	if diff := cmp.Diff(commonHeaders, selectCommonHeaders(a.Header)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %s", got)
	}
	if _, err := http.ParseTime(a.Header.Get("Date")); err != nil {
		t.Errorf("Date: %v", err)
	}
}

// What net/http does not read as a request, it answers itself, in plain textLimit. Of a
// request with both Content-Length and chunks it reads the chunks, and nothing
// behind them.
func TestTransport_MalformedRequestEndsConnection(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const serveGet, post = "GET /health/live HTTP/1.1\r\n", "POST /api/v1/projects HTTP/1.1\r\nHost: a\r\n"
	for name, tc := range map[string]struct {
		sent   string
		status int
	}{
		"no Host":                           {serveGet + "\r\n", 400},
		"an invalid Host":                   {serveGet + "Host: a/b\r\n\r\n", 400},
		"a Host with a blank":               {serveGet + "Host: a b\r\n\r\n", 400},
		"a Host with NUL":                   {serveGet + "Host: a\x00b\r\n\r\n", 400},
		"two Hosts":                         {serveGet + "Host: a\r\nHost: b\r\n\r\n", 400},
		"the same Host twice":               {serveGet + "Host: a\r\nHost: a\r\n\r\n", 400},
		"a name with a blank":               {serveGet + "Host: a\r\nX Y: z\r\n\r\n", 400},
		"a blank before the colon":          {serveGet + "Host: a\r\nContent-Length : 0\r\n\r\n", 400},
		"an invalid name":                   {serveGet + "Host: a\r\nX(Y): z\r\n\r\n", 400},
		"no name":                           {serveGet + "Host: a\r\n: z\r\n\r\n", 400},
		"no colon":                          {serveGet + "Host: a\r\nX\r\n\r\n", 400},
		"a value with NUL":                  {serveGet + "Host: a\r\nX: a\x00b\r\n\r\n", 400},
		"a value with a return":             {serveGet + "Host: a\r\nX: a\rb\r\n\r\n", 400},
		"a value with an escape":            {serveGet + "Host: a\r\nX: \x1b[31m\r\n\r\n", 400},
		"an expectation":                    {serveGet + "Host: a\r\nExpect: miracles\r\n\r\n", 417},
		"an expectation of a statusAndBody": {post + "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417},
		"a version of the future":           {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
		"a version of the past":             {"GET /\r\n\r\n", 400},
		"version 0.9":                       {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
		"no version":                        {"GET / FTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a version of many digits":          {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
		"an invalid method":                 {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no method":                         {" / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no path":                           {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a path without a slash":            {"GET health HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a path with half an escape":        {"GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a path with a blank":               {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a path with NUL":                   {"GET /a\x00b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a handshake of TLS":                {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"a line of another protocol":        {"EHLO example.com\r\n\r\n", 400},
		"Content-Length and chunked":        {post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 401},
		"chunked and Content-Length":        {post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 401},
		"both, without a statusAndBody":     {post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 401},
		"both, for GET":                     {serveGet + "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200},
		"two lengths":                       {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
		"two lengths in queryOne line":      {post + "Content-Length: 2, 2\r\n\r\n{}", 400},
		"a length with a sign":              {post + "Content-Length: +2\r\n\r\n{}", 400},
		"a negative length":                 {post + "Content-Length: -1\r\n\r\n{}", 400},
		"a length that is not a number":     {post + "Content-Length: two\r\n\r\n{}", 400},
		"a length beyond all measure":       {post + "Content-Length: 99999999999999999999\r\n\r\n{}", 400},
		"chunks in HTTP/1.0":                {"POST /api/v1/projects HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 401},
		"another encoding":                  {post + "Transfer-Encoding: gzip\r\n\r\n", 501},
		"two encodings":                     {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		"two lines of encodings":            {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
		"an encoding with a tab":            {post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400},
		"an encoding in front of a blank":   {post + "Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
			answers, closed := exchangeRaw(t, s, tc.sent+smuggled)
			if len(answers) != 1 || !closed {
				t.Fatalf("%d answers, closed = %t: %+v", len(answers), closed, answers)
			}
			if answers[0].Status != tc.status {
				t.Errorf("answered %d %q, want %d", answers[0].Status, answers[0].Body, tc.status)
			}
			if answers[0].Header.Get("Connection") != "close" {
				t.Error("the answer does not say that the connection ends")
			}
		})
	}
}

func TestTransport_MalformedRequestIsAnsweredInOrder(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const good = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
	const sized = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	const bad = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
	answers, closed := exchangeRaw(t, s, good+sized+good+bad+good)
	if len(answers) != 4 || !closed {
		t.Fatalf("%d answers, closed = %t: %+v", len(answers), closed, answers)
	}
	for n, want := range []int{200, 422, 200, 400} {
		if answers[n].Status != want {
			t.Errorf("answer %d is %d %s, want %d", n+1, answers[n].Status, answers[n].Body, want)
		}
	}
}

func TestHTTP_NothingIsReadAfterChunkedBody(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, tc := range map[string]struct {
		sent string
		want int
	}{
		"a sign-in":           {"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 422},
		"nothing to it":       {"GET /health/live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200},
		"withClaims trailers": {"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n", 422},
		"an unknown route":    {"POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 404},
		"another method":      {"PUT /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 405},
		"a bad chunk":         {"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n", 400},
		"the other case":      {"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers, closed := exchangeRaw(t, s, tc.sent+smuggled)
			if len(answers) != 1 || !closed || answers[0].Status != tc.want {
				t.Errorf("%d answers, closed = %t: %+v", len(answers), closed, answers)
			}
		})
	}
}

func TestHTTP_OrdinaryConnectionsStayOpen(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const serveGet = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
	const post = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
	answers, closed := exchangeRaw(t, s, serveGet+post+serveGet+post)
	if len(answers) != 4 || closed {
		t.Errorf("%d answers, closed = %t: %+v", len(answers), closed, answers)
	}
}

func TestTransport_TooLargeHeadersAreRejected(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for _, size := range []int{65 << 10, 100 << 10, 127 << 10, 140 << 10, 1 << 20, 4 << 20} {
		for name, sent := range map[string]string{
			"a header": fmt.Sprintf("GET /health/live HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", strings.Repeat("a", size)),
			"a path":   fmt.Sprintf("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", strings.Repeat("a", size)),
			"a flood":  "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: aaaaaaaaaaa\r\n", size/16) + "\r\n",
		} {
			t.Run(fmt.Sprintf("%s of %d KiB", name, size>>10), func(t *testing.T) {
				t.Parallel()
				answers, _ := exchangeRaw(t, s, sent)
				if len(answers) != 1 {
					t.Fatalf("%d answers", len(answers))
				}
				if size > 128<<10 { // net/http reads no further, and answers itself
					if answers[0].Status != http.StatusRequestHeaderFieldsTooLarge {
						t.Errorf("answered %d %q", answers[0].Status, answers[0].Body)
					}
					return
				}
				answers[0].wantProblem(t, 431, "headers_too_large", "65536 bytes")
			})
		}
	}
	if answers, _ := exchangeRaw(t, s, fmt.Sprintf("GET /health/live HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", strings.Repeat("a", 60<<10))); len(answers) != 1 || answers[0].Status != 200 {
		t.Errorf("headers of 60 KiB are answered %+v", answers)
	}
}
