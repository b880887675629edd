package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// What a body of many small values or faults gets is small, and comes before any work.
func TestBounds_BodiesOfManyValues(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	spec := newSpec(ann, "x")
	unknown := &strings.Builder{}
	for n := range 80_000 {
		fmt.Fprintf(unknown, `,"k%d":1`, n)
	}
	for name, tc := range map[string]struct {
		method, path, body string
		want               int
		code               string
	}{
		"unknown fields":                  {"POST", projectsPath, `{"title":"x"` + unknown.String() + `}`, 422, "validation_failed"},
		"an order of 500,000":             {"PUT", spec.items() + "/reorder", `{"item_ids":[` + strings.Repeat("1,", 500_000) + `1]}`, 422, "validation_failed"},
		"small objects":                   {"POST", projectsPath, `[` + strings.Repeat(`{"":1},`, 140_000) + `1]`, 422, "validation_failed"},
		"a large object in a field":       {"POST", projectsPath, `{"title":{"":1` + unknown.String() + `}}`, 422, "validation_failed"},
		"unknown fields without a token":  {"POST", refreshPath, `{"x":1` + unknown.String() + `}`, 413, "body_too_large"},
		"a sign-in of 33 kB":              {"POST", loginPath, `{"id_token":"` + strings.Repeat("x", 33_000) + `"}`, 413, "body_too_large"},
		"a logout of 32 KiB and one byte": {"POST", logoutPath, strings.Repeat(" ", 32<<10-1) + "{}", 413, "body_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := ann.WithT(t).Do(tc.method, tc.path, tc.body).WantProblem(tc.want, tc.code)
			if len(problem.Errors) > 100 || tc.want == 422 && len(problem.Errors) == 0 {
				t.Errorf("%d errors are listed", len(problem.Errors))
			}
			if name == "unknown fields" && (len(problem.Errors) != 100 || problem.Errors[99].Code != "more_errors") {
				t.Errorf("%d errors are listed, the last is %v", len(problem.Errors), problem.Errors[len(problem.Errors)-1])
			}
		})
	}
}

// A client that waits for 100 (Continue) is not invited to send what is too large
// (RFC 9110, section 10.1.1).
func TestBounds_AnnouncedSizeIsRejectedAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	for _, expect := range []string{"Expect: 100-continue\r\n", ""} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // the test is over
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%sContent-Length: 3000000\r\n\r\n",
			projectsPath, ann.Token, expect)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body) // the status says enough
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(text), "body_too_large") {
			t.Errorf("with %q: %d %s", expect, answer.StatusCode, text)
		}
	}
}

// One caller holds a bounded number of bytes of bodies, others are not harmed, and all
// of it is given back.
func TestBounds_BytesOfOneCaller(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben := s.SignUp(t), s.SignUp(t)
	send := func(c *testkit.Client) *bufio.Reader {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // the test is over
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		body := padded(mebibyte)
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			projectsPath, c.Token, mebibyte, body[:len(body)-1])
		return bufio.NewReader(conn)
	}
	status := func(r *bufio.Reader) int {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	responses := make(chan int, 40)
	for range 20 { // 8 MiB are allowed
		r := send(ann)
		go func() { responses <- status(r) }()
	}
	for range 10 { // at least so many do not fit
		if got := <-responses; got != 429 {
			t.Fatalf("a body beyond the budget gets %d", got)
		}
	}
	ben.Post(projectsPath, padded(mebibyte)).Want(201)
	ann.Post(projectsPath, withTitle("x")).Want(201)
}
