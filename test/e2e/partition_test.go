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

// window is how long after answers from elsewhere a server still gave what was so
// before; it is none where the first read was right.
type window struct {
	mu          sync.Mutex
	reads, more int
	late        []time.Duration
}

// watch reads until the read is right.
func (w *window) watch(t *testing.T, right func() bool) {
	t.Helper()
	began, wrong := time.Now(), 0
	for ; !right(); wrong++ {
		if time.Since(began) > patience {
			t.Errorf("it is not right after %s", patience)
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

func (w *window) String() string {
	if len(w.late) == 0 {
		return fmt.Sprintf("%d first reads, none late", w.reads)
	}
	return fmt.Sprintf("%d first reads, %d late, which took %d reads and %s at the most",
		w.reads, len(w.late), w.more, slices.Max(w.late).Round(100*time.Microsecond))
}

// guest is somebody whose answers the servers that reach Redis give by their gates.
type guest struct {
	*testkit.Client

	project string
}

// guests are new people.
func guests(t *testing.T, s *storm, n int) (all []guest) {
	t.Helper()
	for range n {
		s.came++
		c := s.kit.SignIn(t, fmt.Sprintf("guest-%d@example.com", s.came))
		var made struct{ ID string }
		c.Post("/api/v1/projects", `{"title":"before"}`).Want(http.StatusCreated).Decode(&made)
		g := guest{c, "/api/v1/projects/" + made.ID}
		for _, at := range s.servers[:2] {
			await(t, "the gate answers", func() bool {
				hits := at.logs.hits.Load()
				get(t, at.URL+g.project, c.Token).want(http.StatusOK)
				time.Sleep(2 * time.Millisecond) // what is answered is logged then
				return at.logs.hits.Load() > hits
			})
		}
		all = append(all, g)
	}
	return all
}

// One process is cut off from Redis, and the others are not. What is changed there
// shows at the others, and who is out there is out.
//
// They are told by PostgreSQL, and nothing holds how soon they hear. A change is
// announced before it begins, so it mostly takes longer than the news of it. Of what
// is told only when it is done, the news may take longer than the answer.
func TestAProcessThatIsCutOffFromRedisIsHeardByTheOthers(t *testing.T) {
	t.Parallel()
	redis := newIll(t)
	way, byIt := newProxy(t, redis.URL())
	way.open()
	servers, kit := freshServers(t, redis.URL(), byIt, "REFRESH_REUSE_GRACE=0s")
	s := newStorm(t, kit, servers...)
	cutOff, others := servers[2], servers[:2]
	await(t, "it has reached Redis", func() bool { return get(t, cutOff.URL+"/health/redis", "").Status == http.StatusOK })

	ways := []struct {
		what string
		do   func(g guest)
		// right reports whether an answer is one from after it.
		right func(a *answer) bool
	}{
		{"a change", func(g guest) {
			send(t, http.MethodPatch, cutOff.URL+g.project, g.Token, `{"title":"after"}`).want(http.StatusOK)
		}, func(a *answer) bool { return strings.Contains(a.Body, `"after"`) }},
		{"a logout", func(g guest) {
			send(t, http.MethodPost, cutOff.URL+"/api/v1/auth/logout", g.Token, "{}").want(http.StatusNoContent)
		}, func(a *answer) bool { return a.Status == http.StatusUnauthorized }},
		{"the reuse of a refresh token", func(g guest) {
			spent := fmt.Sprintf(`{"refresh_token":%q}`, g.RefreshToken)
			send(t, http.MethodPost, cutOff.URL+"/api/v1/auth/refresh", "", spent).want(http.StatusOK)
			time.Sleep(2 * time.Millisecond) // the grace is over
			send(t, http.MethodPost, cutOff.URL+"/api/v1/auth/refresh", "", spent).want(http.StatusUnauthorized)
		}, func(a *answer) bool { return a.Status == http.StatusUnauthorized }},
	}
	each := make([][]guest, len(ways))
	for n := range ways {
		each[n] = guests(t, s, testkit.Repetitions(15, 300))
	}
	way.cut()
	await(t, "it misses Redis", func() bool {
		return get(t, cutOff.URL+"/health/redis", "").Status == http.StatusServiceUnavailable
	})
	for n, w := range ways {
		seen := &window{}
		for _, g := range each[n] {
			w.do(g)
			var both sync.WaitGroup
			for _, at := range others {
				both.Go(func() { seen.watch(t, func() bool { return w.right(get(t, at.URL+g.project, g.Token)) }) })
			}
			both.Wait()
		}
		t.Logf("after %s where Redis is missed: %s", w.what, seen)
		if slices.ContainsFunc(seen.late, func(d time.Duration) bool { return d > 5*time.Second }) {
			t.Errorf("the news of %s came late: %v", w.what, seen.late)
		}
	}

	way.open()
	await(t, "it has found Redis", func() bool { return get(t, cutOff.URL+"/health/redis", "").Status == http.StatusOK })
	g := guests(t, s, 1)[0]
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
