package testkit

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Client calls a server. It checks every response against the contract.
type Client struct {
	t      testing.TB
	server *Server
	retry  bool

	// Token, RefreshToken, Session and User are empty without a sign-in.
	Token, RefreshToken, Session, User string
}

// WithT is the same client in a subtest.
func (c *Client) WithT(t testing.TB) *Client {
	t.Helper()
	other := *c
	other.t = t
	return &other
}

// At is the same client at another replica.
func (c *Client) At(s *Server) *Client {
	other := *c
	other.server = s
	return &other
}

// WithRetry is the same client, but it repeats a request after a 503, as the contract
// asks. Creations get an Idempotency-Key, so that nothing is created twice.
func (c *Client) WithRetry() *Client {
	other := *c
	other.retry = true
	return &other
}

// Get, Post, Put, Patch and Delete call a path. A body is written as JSON; a
// string or []byte is sent as it is. Headers are pairs of name and value.
func (c *Client) Get(path string, headers ...string) *Response {
	c.t.Helper()
	return c.Do(http.MethodGet, path, nil, headers...)
}

// Post calls POST.
func (c *Client) Post(path string, body any, headers ...string) *Response {
	c.t.Helper()
	return c.Do(http.MethodPost, path, body, headers...)
}

// Put calls PUT.
func (c *Client) Put(path string, body any, headers ...string) *Response {
	c.t.Helper()
	return c.Do(http.MethodPut, path, body, headers...)
}

// Patch calls PATCH.
func (c *Client) Patch(path string, body any, headers ...string) *Response {
	c.t.Helper()
	return c.Do(http.MethodPatch, path, body, headers...)
}

// Delete calls DELETE.
func (c *Client) Delete(path string, headers ...string) *Response {
	c.t.Helper()
	return c.Do(http.MethodDelete, path, nil, headers...)
}

var httpClient = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}, // tests see what is sent
}

const (
	// maxRetryTime bounds the retries of one request.
	maxRetryTime = time.Minute
	// retryInterval is the time between two tries. It is much shorter than Retry-After,
	// since the test is the only client.
	retryInterval = 50 * time.Millisecond
)

// Do calls any method. It may be used by several goroutines at once.
func (c *Client) Do(method, path string, body any, headers ...string) *Response {
	c.t.Helper()
	if c.retry && method == http.MethodPost && !slices.Contains(headers, "Idempotency-Key") {
		headers = append(slices.Clone(headers), "Idempotency-Key", rand.Text())
	}
	for began := time.Now(); ; time.Sleep(retryInterval) {
		a, err := c.do(method, path, body, headers)
		if err != nil {
			c.t.Fatalf("%s %s: %v", method, path, err)
		}
		if a.Status != http.StatusServiceUnavailable || !c.retry || time.Since(began) > maxRetryTime {
			return a
		}
		if a.Header.Get("Retry-After") == "" {
			c.t.Errorf("%s %s: a 503 without Retry-After: %s", method, path, a.Body)
		}
	}
}

func (c *Client) do(method, path string, body any, headers []string) (*Response, error) {
	sent, err := encode(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		if headers[n+1] == "" {
			r.Header.Del(headers[n])
			continue
		}
		r.Header.Add(headers[n], headers[n+1])
		if headers[n] == "Content-Type" {
			r.Header.Set(headers[n], headers[n+1])
		}
	}
	answer, err := httpClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	read := io.ReadAll
	if answer.Header.Get("Content-Type") == "text/event-stream" {
		read = firstLines // a stream does not end
	}
	got, err := read(answer.Body)
	if err != nil {
		return nil, err
	}
	content, err := decoded(answer, got)
	if err != nil {
		return nil, err
	}
	c.server.contract.check(c.t, r, answer, content)
	return &Response{t: c.t, Status: answer.StatusCode, Header: answer.Header, Body: got, request: method + " " + path}, nil
}

// decoded is a body without its coding, as the contract describes it.
func decoded(answer *http.Response, body []byte) ([]byte, error) {
	if answer.Header.Get("Content-Encoding") != "gzip" || len(body) == 0 { // a HEAD has none
		return body, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unpack the body: %w", err)
	}
	return io.ReadAll(r)
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(b), nil
	case []byte:
		return b, nil
	default:
		return json.Marshal(b)
	}
}

// Response is a response of a server.
type Response struct {
	t       testing.TB
	request string
	Status  int
	Header  http.Header
	Body    []byte
}

// Want fails the test unless the response has the status.
func (a *Response) Want(status int) *Response {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("%s: status %d, want %d: %s", a.request, a.Status, status, a.Body)
	}
	return a
}

// WantProblem fails the test unless the response is a problem with the status and code.
func (a *Response) WantProblem(status int, code string) Problem {
	a.t.Helper()
	a.Want(status)
	var p Problem
	a.Decode(&p)
	if p.Code != code {
		a.t.Fatalf("%s: code %s, want %s: %s", a.request, p.Code, code, a.Body)
	}
	return p
}

// Decode decodes the JSON of the body.
func (a *Response) Decode(v any) *Response {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.t.Fatalf("%s: the body is not JSON: %v: %s", a.request, err, a.Body)
	}
	return a
}

// JSON is the body as maps and slices.
func (a *Response) JSON() map[string]any {
	a.t.Helper()
	var v map[string]any
	a.Decode(&v)
	return v
}

// Problem is a problem document of the contract.
type Problem struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	RequestID                           string `json:"request_id"`
	Errors                              []FieldError
	Current                             map[string]any
}

// FieldError is an error of one field.
type FieldError struct{ Pointer, Code, Detail string }

// FieldErrors are the errors as "pointer code", for comparison.
func (p Problem) FieldErrors() []string {
	var all []string
	for _, m := range p.Errors {
		all = append(all, strings.TrimSpace(m.Pointer+" "+m.Code))
	}
	return all
}
