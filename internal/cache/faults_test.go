package cache

import (
	"os"
	"regexp"
	"strings"
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
