// Package races has concurrent requests of one client at several servers, with the
// guarantees that the contract gives for them. The servers may be replicas within the test
// process, under its race detector, or processes of their own. Their settings limit a
// parent to [Limit] children.
package races

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Limit is the limit of items per specification and of specifications per project at the
// servers of races. It is small, so that it is reached.
const Limit = 8

// Clients is one user at several servers.
type Clients []*testkit.Client

// NewClients is the client at these servers.
func NewClients(c *testkit.Client, servers ...*testkit.Server) Clients {
	var all Clients
	for _, s := range servers {
		all = append(all, c.At(s))
	}
	return all
}

// WithT is the same clients in a subtest.
func (c Clients) WithT(t testing.TB) Clients {
	t.Helper()
	return c.each(func(one *testkit.Client) *testkit.Client { return one.WithT(t) })
}

// WithRetry is the same clients, with retries after a 503.
func (c Clients) WithRetry() Clients { return c.each((*testkit.Client).WithRetry) }

func (c Clients) each(change func(*testkit.Client) *testkit.Client) Clients {
	var all Clients
	for _, one := range c {
		all = append(all, change(one))
	}
	return all
}

// At distributes requests over the servers.
func (c Clients) At(n int) *testkit.Client { return c[n%len(c)] }

// Concurrently calls do n times concurrently.
func Concurrently[T any](n int, do func(k int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for k := range n {
		all.Go(func() {
			<-start
			results[k] = do(k)
		})
	}
	close(start)
	all.Wait()
	return results
}

// SendConcurrently sends n concurrent requests.
func SendConcurrently(t *testing.T, n int, request func(k int) *testkit.Response) []*testkit.Response {
	t.Helper()
	answers := Concurrently(n, request)
	if slices.Contains(answers, nil) {
		t.FailNow() // the request has reported its error
	}
	return answers
}

// Code is the status of a response, with the code of a problem.
func Code(a *testkit.Response) string {
	if a.Status < 400 {
		return strconv.Itoa(a.Status)
	}
	var p testkit.Problem
	a.Decode(&p)
	return fmt.Sprint(a.Status, " ", p.Code)
}

// CountByCode counts responses by their code.
func CountByCode(answers []*testkit.Response) map[string]int {
	n := map[string]int{}
	for _, a := range answers {
		n[Code(a)]++
	}
	return n
}

// Failures are the failures in a race: the first of a kind in full, and the count.
type Failures struct {
	mu    sync.Mutex
	first map[string]string
	times map[string]int
}

// CollectFailures collects failures, and reports them at the end of the test.
func CollectFailures(t *testing.T) *Failures {
	t.Helper()
	m := &Failures{first: map[string]string{}, times: map[string]int{}}
	t.Cleanup(func() {
		for kind, first := range m.first {
			t.Errorf("%s, %d times, first: %s", kind, m.times[kind], first)
		}
	})
	return m
}

// Add records a failure.
func (m *Failures) Add(kind, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.times[kind]++; m.times[kind] == 1 {
		m.first[kind] = fmt.Sprintf(format, args...)
	}
}
