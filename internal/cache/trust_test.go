package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// network is notifications between replicas.
type network struct {
	mu       sync.Mutex
	replicas []*Redis
	sent     int
	err      error
}

func (n *network) notify(_ context.Context, payload string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
	if n.err != nil {
		return n.err
	}
	for _, r := range n.replicas {
		r.Received(payload)
	}
	return nil
}

func (n *network) want(t *testing.T, when string, sent int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sent != sent {
		t.Errorf("%s: %d notifications were sent, want %d", when, n.sent, sent)
	}
}

// join opens a replica that receives the notifications.
func (n *network) join(t *testing.T, url string, c Config) *Redis {
	t.Helper()
	c.Notify = n.notify
	r := newReplica(t, url, c)
	r.Listening(true)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.replicas = append(n.replicas, r)
	return r
}

// A replica that is cut off from Redis cannot mark its writes, so it notifies the
// others, once a second for all writes. They serve and store nothing for the period.
func TestCache_DetachedReplicaSilencesTheOthers(t *testing.T) {
	t.Parallel()
	cut, whole, n := newServer(t), newServer(t), &network{}
	config := Config{TTL: time.Hour, QuietPeriod: time.Millisecond, DetachedPeriod: time.Millisecond}
	detached, other := n.join(t, cut.URL(), config), n.join(t, whole.URL(), config)
	q := read("/1")
	storeNow(t, other, q, response("old"))
	other.trust.period = time.Hour // from here on
	cut.Kill()
	for range 3 {
		_, p, err := detached.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}})
		if err != nil || p.id != "" {
			t.Fatalf("a write of a detached replica: %+v, %v", p, err)
		}
		detached.End(p)
	}
	if sent := n.sent; sent < 1 || time.Since(detached.trust.detached) < detachedTTL && sent > 2 {
		t.Errorf("%d notifications were sent for three writes", sent)
	}
	if result := other.Lookup(t.Context(), q); result.Response != nil || !result.Generation.IsZero() {
		t.Errorf("the other replica has %s", result)
	}
	other.Store(q, Generation{id: "x"}, one, response("new"))
	if len(other.stores) != 0 {
		t.Error("the other replica stores a response")
	}
	other.suspendFor(time.Millisecond)
	storeNow(t, other, q, response("old"))
	must(t, cut.Restart(t.Context()))
}

// suspendFor changes the period, and starts one.
func (r *Redis) suspendFor(d time.Duration) {
	r.trust.period = d
	r.trust.suspend()
}

func TestCache_InvalidationWithoutRedisSilencesAllReplicas(t *testing.T) {
	t.Parallel()
	cut, whole, n := newServer(t), newServer(t), &network{}
	config := Config{TTL: time.Hour, QuietPeriod: time.Millisecond, DetachedPeriod: time.Millisecond}
	detached, other := n.join(t, cut.URL(), config), n.join(t, whole.URL(), config)
	q := read("/1")
	storeNow(t, other, q, response("old"))
	other.trust.period, detached.trust.period = time.Hour, time.Hour
	cut.Kill()
	must(t, detached.Invalidate(t.Context(), q.User))
	n.want(t, "an invalidation", 1)
	for name, r := range map[string]*Redis{"the other": other, "its own": detached} {
		if result := r.Lookup(t.Context(), q); result.Response != nil || !result.Generation.IsZero() {
			t.Errorf("%s replica has %s", name, result)
		}
	}
}

var errOnPurpose = errors.New("on purpose")

func TestCache_WriteFailsIfNeitherRedisNorNotificationsWork(t *testing.T) {
	t.Parallel()
	server, n := newServer(t), &network{err: errOnPurpose}
	r := n.join(t, server.URL(), Config{TTL: time.Minute})
	without := newReplica(t, server.URL(), Config{TTL: time.Minute})
	server.Kill()
	q := read("/1")
	for name, r := range map[string]*Redis{"failing": r, "missing": without} {
		if _, _, err := r.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}}); err == nil {
			t.Errorf("a write begins with %s notifications", name)
		}
		if _, err := r.Renew(t.Context(), Pending{user: q.User}); err == nil {
			t.Errorf("a write starts with %s notifications", name)
		}
		if r.Invalidate(t.Context(), q.User) == nil {
			t.Errorf("an invalidation succeeds with %s notifications", name)
		}
	}
	hourly := []ratelimit.Rate{{Name: "once", Requests: 1, Per: time.Hour}}
	if d, _, err := r.Begin(t.Context(), Write{User: q.User, Rates: hourly}); !d.Allowed() || err == nil {
		t.Errorf("the first write is %v, %v", d, err)
	}
	if d, _, err := r.Begin(t.Context(), Write{User: q.User, Rates: hourly}); d.Allowed() || err != nil {
		t.Errorf("a write over its limit is %v, %v", d, err)
	}
}

// What a replica does not receive it cannot know.
func TestCache_ReplicaThatIsNotListeningServesNothing(t *testing.T) {
	t.Parallel()
	n := &network{}
	r := n.join(t, newRedisURL(t), Config{TTL: time.Minute, QuietPeriod: time.Millisecond, DetachedPeriod: time.Millisecond})
	q := read("/1")
	storeNow(t, r, q, response("1"))
	r.Listening(false)
	if result := r.Lookup(t.Context(), q); result.Response != nil || !result.Generation.IsZero() {
		t.Errorf("it has %s", result)
	}
	r.trust.period = time.Hour
	r.Listening(true) // something may have been missed
	if result := r.Lookup(t.Context(), q); result.Response != nil || !result.Generation.IsZero() {
		t.Errorf("listening again it has %s", result)
	}
	r.suspendFor(time.Millisecond)
	storeNow(t, r, q, response("1"))
}
