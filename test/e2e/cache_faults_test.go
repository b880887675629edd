package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// redisFault is a fault of Redis during reads and writes.
type redisFault struct {
	what   string
	inject func(r redisUnderTest, s *workload)
}

// redisFaults begin with the faults of the short test.
var redisFaults = []redisFault{
	{"killed, and restarted empty", func(r redisUnderTest, _ *workload) {
		r.Kill()
		r.restart(false)
	}},
	// Without concurrent requests, a read makes the next connection.
	{"restored from an old snapshot without concurrent requests", func(r redisUnderTest, s *workload) {
		r.command("SAVE")
		time.Sleep(time.Second) // time to write all resources again
		s.quiesce.Lock()
		defer s.quiesce.Unlock()
		r.Kill()
		r.restart(true)
		time.Sleep(50 * time.Millisecond)
	}},
	{"flushed, then paused for 200 ms", func(r redisUnderTest, _ *workload) {
		r.command("FLUSHALL", "CLIENT PAUSE 200 ALL")
	}},
	{"restored from an old snapshot", func(r redisUnderTest, _ *workload) {
		r.command("SAVE")
		time.Sleep(time.Second)
		r.Kill()
		r.restart(true)
	}},
	{"killed, and down for a second", func(r redisUnderTest, _ *workload) {
		r.Kill()
		time.Sleep(time.Second)
		r.restart(false)
	}},
	{"full, and evicting", func(r redisUnderTest, _ *workload) {
		r.command("CONFIG SET maxmemory 3mb", "CONFIG SET maxmemory-policy allkeys-lru")
		for n := range 1000 {
			r.command(fmt.Sprintf("SETRANGE filler:%d 20000 x", n))
		}
		r.command("CONFIG SET maxmemory 0")
	}},
	{"cut off from its clients", func(r redisUnderTest, _ *workload) {
		r.command("CLIENT KILL TYPE normal")
	}},
	{"stopped for 300 ms", func(r redisUnderTest, _ *workload) {
		r.Pause()
		time.Sleep(300 * time.Millisecond)
		r.Continue()
	}},
	{"flushed repeatedly", func(r redisUnderTest, _ *workload) {
		for range 100 {
			r.command("FLUSHALL")
			time.Sleep(5 * time.Millisecond)
		}
	}},
}

// startReplicas starts three servers over one database and one Redis. The last one may
// use another URL for Redis.
func startReplicas(t *testing.T, redisURL, ofTheLast string, more ...string) ([]*server, *testkit.Server) {
	t.Helper()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	var servers []*server
	for _, url := range []string{redisURL, redisURL, ofTheLast} {
		servers = append(servers, serve(t, serveEnv(db.Service, google.URL, append(more, "REDIS_URL="+url)...)).waitReady())
	}
	return servers, testkit.NewExternal(t, servers[0].URL, db, google)
}

const (
	untilCached = 22 * time.Second
	afterFault  = 3 * time.Second
)

// Under any fault of Redis, a read that begins after the response to a write shows the
// write, at every replica, and reads are monotonic.
//
// After a write during an outage all replicas bypass the cache for CACHE_TTL and the quiet
// period of ten seconds, and so does a user whose bookkeeping is new. The responses of the
// users that are added before a fault are cached by the time it happens.
func TestCache_NoStaleReadUnderRedisFaults(t *testing.T) {
	t.Parallel()
	wanted, happen, most := int64(10_000), redisFaults[:3], 3*time.Minute
	if testkit.Long() {
		wanted, happen, most = 200_000, slices.Repeat(redisFaults, 4), 40*time.Minute
	}
	redis := newRedisUnderTest(t)
	servers, kit := startReplicas(t, redis.URL(), redis.URL(), "CACHE_TTL=1")
	s := newWorkload(t, kit, servers...)
	began, count, hits := time.Now(), 0, int64(0)
	for time.Since(began) < most && (count < len(happen) || s.reads.Load() < wanted || hits*5 < s.reads.Load()) {
		m := happen[count%len(happen)]
		count++
		s.addUsers(4, 3)
		time.Sleep(untilCached)
		m.inject(redis, s)
		time.Sleep(afterFault)
		s.stopUsers()
		if hits = s.cacheHits(); testkit.Long() {
			t.Logf("%4.0f s: %7d reads, %7d hits; fault: %s", time.Since(began).Seconds(), s.reads.Load(), hits, m.what)
		}
	}
	reads := s.reads.Load()
	t.Logf("%d reads in %.0f s, of them %d (%d %%) cache hits; %d writes; %d responses with 503; %d faults of Redis",
		reads, time.Since(began).Seconds(), hits, hits*100/max(reads, 1), s.writes.Load(), s.unavailable.Load(), count)
	if reads < wanted || hits*5 < reads || s.unavailable.Load()*100 > reads {
		t.Error("too few reads, cache hits, or successful requests for a verdict")
	}
}
