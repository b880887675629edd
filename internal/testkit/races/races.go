// Package races has what one caller does at several servers at once, and what
// the contract promises whatever comes of it. The servers may be replicas within
// the process of the tests, which its race detector watches, or processes of
// their own; they let a parent have at most [Limit] children.
package races

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Limit is how many items a specification and how many specifications a project
// has at the most, at the servers of races: few, so that it is reached.
const Limit = 8

// Clients are one caller, at each of several servers.
type Clients []*testkit.Client

// NewClients is the caller at these servers.
func NewClients(c *testkit.Client, servers ...*testkit.Server) Clients {
	var all Clients
	for _, s := range servers {
		all = append(all, c.At(s))
	}
	return all
}

// WithT is the same callers in a subtest.
func (c Clients) WithT(t testing.TB) Clients {
	t.Helper()
	return c.each(func(one *testkit.Client) *testkit.Client { return one.WithT(t) })
}

// WithRetry is the same callers, who repeat what finds a server busy.
func (c Clients) WithRetry() Clients { return c.each((*testkit.Client).WithRetry) }

func (c Clients) each(change func(*testkit.Client) *testkit.Client) Clients {
	var all Clients
	for _, one := range c {
		all = append(all, change(one))
	}
	return all
}

// At deals the requests of a race out over the servers.
func (c Clients) At(n int) *testkit.Client { return c[n%len(c)] }

// Concurrently does something n times at the same moment.
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

// SendConcurrently sends n requests at the same moment.
func SendConcurrently(t *testing.T, n int, request func(k int) *testkit.Response) []*testkit.Response {
	t.Helper()
	answers := Concurrently(n, request)
	if slices.Contains(answers, nil) {
		t.FailNow() // who got no answer has said why
	}
	return answers
}

// Code is the status of an answer, and the code of a problem.
func Code(a *testkit.Response) string {
	if a.Status < 400 {
		return strconv.Itoa(a.Status)
	}
	var p testkit.Problem
	a.Decode(&p)
	return fmt.Sprint(a.Status, " ", p.Code)
}

// CountByCode counts answers by their code.
func CountByCode(answers []*testkit.Response) map[string]int {
	n := map[string]int{}
	for _, a := range answers {
		n[Code(a)]++
	}
	return n
}

// Failures are what went wrong in a race: the first of a kind in full, then how
// often.
type Failures struct {
	mu    sync.Mutex
	first map[string]string
	times map[string]int
}

// CollectFailures collects what goes wrong; it shows when the test ends.
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

// Add notes one that went wrong.
func (m *Failures) Add(kind, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.times[kind]++; m.times[kind] == 1 {
		m.first[kind] = fmt.Sprintf(format, args...)
	}
}
