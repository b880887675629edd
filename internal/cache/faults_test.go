package cache

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// Whatever loses the bookkeeping loses marks of writes with it. So new bookkeeping
// serves nothing until such a write is over.
func TestCache_LostBookkeepingServesNothingForTheQuietPeriod(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(q Request) []string{
		"flushed": func(Request) []string { return []string{"DEL", bookOf(Request{})} }, // and all others, below
		"evicted": func(q Request) []string { return []string{"DEL", bookOf(q)} },
		"of another process": func(q Request) []string {
			return []string{"HSET", bookOf(q), "run", strings.Repeat("a", 40)}
		},
		"grown too large": func(q Request) []string {
			words := []string{"HSET", bookOf(q)}
			for n := range 501 {
				words = append(words, "g:"+strings.Repeat("x", n), "1")
			}
			return words
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := newFixture(t, newRedisURL(t), Config{TTL: time.Minute})
			q := read("/1")
			f.ready(t, q)
			f.store(t, q, one, response("old"))
			p := f.begin(t, q.User, one)
			if name == "flushed" {
				must(t, do(client, "FLUSHDB").Error())
				f.move(0) // the clock was flushed, too
			}
			must(t, do(client, lose(q)...).Error())
			f.wantBypass(t, q)
			f.move(maxWriteTime - time.Microsecond)
			f.wantBypass(t, q) // the write may be committed until now
			f.move(time.Microsecond)
			g := f.wantMiss(t, q)
			f.End(p) // of a mark that is gone: what was read since then may be older than the write
			f.flush()
			f.Store(q, g, one, response("old"))
			f.flush()
			g = f.wantMiss(t, q)
			f.Store(q, g, one, response("new"))
			f.flush()
			f.wantHit(t, q, response("new"))
		})
	}
}

func bookOf(q Request) string { return ratelimit.KeyOf(userKey(q.User), "cache") }

// The end of a write may get lost: its replica is killed, or its queue is full.
func TestCache_WriteEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	f, _ := newFixture(t, newRedisURL(t), Config{TTL: time.Minute})
	q := read("/1")
	f.ready(t, q)
	f.store(t, q, one, response("old"))
	p := f.begin(t, q.User, one)
	f.move(maxWriteTime - time.Microsecond)
	f.wantBypass(t, q)
	if _, err := f.Renew(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	f.move(maxWriteTime - time.Microsecond)
	f.wantBypass(t, q)
	f.move(time.Microsecond)
	f.wantMiss(t, q)
}

// A store may arrive late: Redis was frozen, or a replica was cut off from it. Meanwhile
// another replica may have written without Redis, and all may trust the cache again.
func TestCache_StoreOlderThanTheTTLIsDropped(t *testing.T) {
	t.Parallel()
	f, _ := newFixture(t, newRedisURL(t), Config{TTL: time.Minute})
	q := read("/1")
	f.ready(t, q)
	g := f.wantMiss(t, q)
	f.move(time.Minute)
	f.Store(q, g, one, response("old"))
	f.flush()
	g = f.wantMiss(t, q)
	f.move(time.Minute - 10*time.Millisecond)
	f.Store(q, g, one, response("new"))
	f.flush()
	f.wantHit(t, q, response("new"))
	f.move(10 * time.Millisecond)
	f.wantMiss(t, q) // the TTL counts from the lookup
}

// A demoted primary may hold old content, and no write reaches it any more.
func TestCache_DemotedPrimaryServesNothing(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := newReplica(t, server.URL(), Config{TTL: time.Hour, QuietPeriod: time.Millisecond})
	client := connect(t, server.URL())
	q := read("/1")
	storeNow(t, r, q, response("old"))
	must(t, do(client, "REPLICAOF", "127.0.0.1", "1").Error())
	for range 20 {
		if got := r.Lookup(t.Context(), q).Response; got != nil {
			t.Fatalf("%s is served", got.Body)
		}
	}
}

// Another client of Redis, or a bug, can store any value under any key.
func TestCache_MisplacedResponseIsNotServed(t *testing.T) {
	t.Parallel()
	f, client := newFixture(t, newRedisURL(t), Config{TTL: time.Minute})
	q, other := read("/1"), read("/1")
	path := q
	path.Resource = "/2"
	for _, q := range []Request{q, other, path} {
		f.ready(t, q)
	}
	f.store(t, path, one, response("another path"))
	f.store(t, other, one, response("another user"))
	for _, from := range []Request{path, other} {
		must(t, do(client, "COPY", resourceKey(from), resourceKey(q), "REPLACE").Error())
		if got := f.Lookup(t.Context(), q).Response; got != nil {
			t.Errorf("%s is served", got.Body)
		}
	}
	for _, text := range []string{"", "\n", "nothing", "1\n2\n3", "a * 1\n/1\n\nx"} {
		must(t, do(client, "SET", resourceKey(q), text).Error())
		f.wantMiss(t, q)
	}
}

// Redis is killed, and starts again with an old snapshot.
func TestCache_RestoredSnapshotIsNotServed(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := newReplica(t, server.URL(), Config{TTL: time.Hour, QuietPeriod: time.Millisecond})
	client := connect(t, server.URL())
	q := read("/1")
	storeNow(t, r, q, response("old"))
	must(t, do(client, "SAVE").Error())
	_, p, err := r.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}})
	must(t, err)
	r.End(p)
	server.Kill()
	must(t, server.Restart(t.Context()))
	await(t, "the snapshot is there", func() bool {
		n, err := do(client, "EXISTS", bookOf(q)).AsInt64()
		return err == nil && n == 1
	})
	awaitClosed(t, r.redis)
	for range 20 {
		if got := r.Lookup(t.Context(), q).Response; got != nil {
			t.Fatalf("%s is served", got.Body)
		}
	}
	storeNow(t, r, q, response("new"))
}

// storeNow stores a response at a replica, and waits until it is served.
func storeNow(t *testing.T, r *Redis, q Request, response Response) {
	t.Helper()
	await(t, "the response is served", func() bool {
		result := r.Lookup(t.Context(), q)
		if result.Response == nil {
			r.Store(q, result.Generation, one, response)
		}
		return result.Response != nil && string(result.Response.Body) == string(response.Body)
	})
}

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

// A replica that caches nothing still marks its writes for the others.
func TestCache_ReplicaWithoutTTLMarksItsWrites(t *testing.T) {
	t.Parallel()
	url := newRedisURL(t)
	f, _ := newFixture(t, url, Config{TTL: time.Minute})
	nothing, _ := newFixture(t, url, Config{})
	q := read("/1")
	f.ready(t, q)
	f.store(t, q, one, response("1"))
	nothing.wantBypass(t, q)
	p := nothing.begin(t, q.User, one)
	f.wantBypass(t, q)
	nothing.End(p)
	nothing.flush()
	f.wantMiss(t, q)
}

var (
	permittedCommands = regexp.MustCompile("newer, with (.*?) allowed")
	quotedCommand     = regexp.MustCompile("`([A-Z]+)`")
)

// docs/operations/redis.md lists the commands that operators have to permit.
func TestCache_DocumentedPermissionsSuffice(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations/redis.md")
	must(t, err)
	list := permittedCommands.FindSubmatch(page)
	if list == nil {
		t.Fatal("docs/operations/redis.md does not say which commands are to be permitted")
	}
	server := newServer(t)
	rule := []string{"ACL", "SETUSER", "service", "on", ">word", "~codegenapp:*", "+@connection"}
	for _, command := range quotedCommand.FindAllSubmatch(list[1], -1) {
		rule = append(rule, "+"+strings.ToLower(string(command[1])))
	}
	client := connect(t, server.URL())
	must(t, do(client, rule...).Error())
	url := strings.Replace(server.URL(), "redis://", "redis://service:word@", 1)
	r := newReplica(t, url, Config{TTL: time.Hour, QuietPeriod: time.Millisecond})
	must(t, Check(t.Context(), r.redis))
	q := read("/1")
	q.Rates = []ratelimit.Rate{{Name: "default", Requests: 1_000_000, Per: time.Second}}
	storeNow(t, r, q, response("old"))
	must(t, r.Invalidate(t.Context(), q.User))
	must(t, r.redis.AddDistinct(t.Context(), 1, []string{"a"}, time.Minute))
	if n, err := r.redis.CountDistinct(t.Context(), []int64{1, 2}); n != 1 || err != nil {
		t.Errorf("%d distinct names: %v", n, err)
	}
	if stats := r.redis.Stats(); stats.Outages != 0 {
		t.Errorf("the breaker has opened: %+v", stats)
	}
	// Without INFO there is no run id, so nothing can be trusted.
	must(t, do(client, "ACL", "SETUSER", "service", "-info").Error())
	must(t, do(client, "DEL", bookOf(q)).Error())
	for range 50 {
		if result := r.Lookup(t.Context(), q); result.Response != nil || !result.Generation.IsZero() {
			t.Errorf("without INFO: %s", result)
		}
		time.Sleep(time.Millisecond)
	}
}
