package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// staleness records how long a server returned old data after a write at another server.
// It is zero if the first read was correct.
type staleness struct {
	mu          sync.Mutex
	reads, more int
	late        []time.Duration
}

// readUntil reads until the read is correct.
func (w *staleness) readUntil(t *testing.T, right func() bool) {
	t.Helper()
	began, wrong := time.Now(), 0
	for ; !right(); wrong++ {
		if time.Since(began) > waitTimeout {
			t.Errorf("reads are still wrong after %s", waitTimeout)
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	if wrong > 0 {
		w.more += wrong
		w.late = append(w.late, time.Since(began))
	}
}

func (w *staleness) String() string {
	if len(w.late) == 0 {
		return fmt.Sprintf("%d first reads, none stale", w.reads)
	}
	return fmt.Sprintf("%d first reads, %d stale, for at most %[4]s and %[3]d reads in all",
		w.reads, len(w.late), w.more, slices.Max(w.late).Round(100*time.Microsecond))
}

// cachedClient is a client whose responses the servers with Redis serve from the cache.
type cachedClient struct {
	*testkit.Client

	project string
}

// newCachedClients are clients of new users, whose responses are not cached yet.
func newCachedClients(t *testing.T, s *workload, n int) (all []cachedClient) {
	t.Helper()
	for range n {
		s.userCount++
		c := s.kit.SignIn(t, fmt.Sprintf("guest-%d@example.com", s.userCount))
		var made struct{ ID string }
		c.Post("/api/v1/projects", `{"title":"before"}`).Want(http.StatusCreated).Decode(&made)
		all = append(all, cachedClient{c, "/api/v1/projects/" + made.ID})
	}
	return all
}

// waitUntilCached waits until the servers with Redis serve the client from the cache. The
// kit that created its project has no Redis, so they bypass the cache for CACHE_TTL first.
func (g cachedClient) waitUntilCached(t *testing.T, s *workload) {
	t.Helper()
	for _, at := range s.servers[:2] {
		waitUntil(t, "the response is cached", func() bool {
			hits := at.logs.cacheHits.Load()
			get(t, at.URL+g.project, g.Token).want(http.StatusOK)
			time.Sleep(2 * time.Millisecond) // the log line follows the response
			return at.logs.cacheHits.Load() > hits
		})
	}
}

// One process is cut off from Redis, the others are not. Its writes and revocations are
// visible at the others.
//
// They are notified through PostgreSQL, without a bound on the delay. A write is announced
// before it begins, so the notification usually arrives first. A revocation is announced
// after it is done, so the notification may arrive after the response.
func TestCache_WritesOfAReplicaWithoutRedisAreSeen(t *testing.T) {
	t.Parallel()
	redis := newRedisUnderTest(t)
	way, byIt := newProxy(t, redis.URL())
	way.open()
	servers, kit := startReplicas(t, redis.URL(), byIt, "REFRESH_REUSE_GRACE=0s")
	s := newWorkload(t, kit, servers...)
	cutOff, others := servers[2], servers[:2]
	waitUntil(t, "it is connected to Redis", func() bool { return get(t, cutOff.URL+"/health/redis", "").Status == http.StatusOK })

	ways := []struct {
		what string
		do   func(g cachedClient)
		// right reports whether a response reflects the change.
		right func(a *response) bool
	}{
		{"a change", func(g cachedClient) {
			send(t, http.MethodPatch, cutOff.URL+g.project, g.Token, `{"title":"after"}`).want(http.StatusOK)
		}, func(a *response) bool { return strings.Contains(a.Body, `"after"`) }},
		{"a logout", func(g cachedClient) {
			send(t, http.MethodPost, cutOff.URL+"/api/v1/auth/logout", g.Token, "{}").want(http.StatusNoContent)
		}, func(a *response) bool { return a.Status == http.StatusUnauthorized }},
		{"the reuse of a refresh token", func(g cachedClient) {
			spent := fmt.Sprintf(`{"refresh_token":%q}`, g.RefreshToken)
			send(t, http.MethodPost, cutOff.URL+"/api/v1/auth/refresh", "", spent).want(http.StatusOK)
			time.Sleep(2 * time.Millisecond) // the grace period is over
			send(t, http.MethodPost, cutOff.URL+"/api/v1/auth/refresh", "", spent).want(http.StatusUnauthorized)
		}, func(a *response) bool { return a.Status == http.StatusUnauthorized }},
	}
	each := make([][]cachedClient, len(ways))
	for n := range ways {
		each[n] = newCachedClients(t, s, testkit.Repetitions(15, 300))
	}
	for _, g := range slices.Concat(each...) {
		g.waitUntilCached(t, s)
	}
	way.cut()
	waitUntil(t, "it has lost Redis", func() bool {
		return get(t, cutOff.URL+"/health/redis", "").Status == http.StatusServiceUnavailable
	})
	for n, w := range ways {
		seen := &staleness{}
		for _, g := range each[n] {
			w.do(g)
			var both sync.WaitGroup
			for _, at := range others {
				both.Go(func() { seen.readUntil(t, func() bool { return w.right(get(t, at.URL+g.project, g.Token)) }) })
			}
			both.Wait()
		}
		t.Logf("after %s at the server without Redis: %s", w.what, seen)
		// The bound of an idle machine; on a busy one readUntil bounds it.
		if testkit.Long() && slices.ContainsFunc(seen.late, func(d time.Duration) bool { return d > 5*time.Second }) {
			t.Errorf("the notification of %s came late: %v", w.what, seen.late)
		}
	}

	way.open()
	waitUntil(t, "it is connected to Redis again", func() bool { return get(t, cutOff.URL+"/health/redis", "").Status == http.StatusOK })
	g := newCachedClients(t, s, 1)[0]
	g.waitUntilCached(t, s)
	for n := range 20 {
		title := fmt.Sprint("again ", n)
		send(t, http.MethodPatch, servers[n%3].URL+g.project, g.Token, fmt.Sprintf(`{"title":%q}`, title)).want(http.StatusOK)
		for k := range 9 {
			if a := get(t, servers[k%3].URL+g.project, g.Token).want(http.StatusOK); !strings.Contains(a.Body, title) {
				t.Errorf("server %d answers %s after %q", k%3, a.Body, title)
			}
		}
	}
}
