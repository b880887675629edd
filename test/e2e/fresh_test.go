package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// mishap is what happens to Redis while people write and read.
type mishap struct {
	what string
	do   func(r ill, s *storm)
}

// mishaps begin with those that a short test has time for.
var mishaps = []mishap{
	{"killed, and started again with nothing", func(r ill, _ *storm) {
		r.Kill()
		r.again(false)
	}},
	// So it is a read that connects anew.
	{"back from an old snapshot while nobody asks", func(r ill, s *storm) {
		r.command("SAVE")
		time.Sleep(time.Second) // in which all is written again
		s.calm.Lock()
		defer s.calm.Unlock()
		r.Kill()
		r.again(true)
		time.Sleep(50 * time.Millisecond)
	}},
	{"emptied, then silent for 200 ms", func(r ill, _ *storm) {
		r.command("FLUSHALL", "CLIENT PAUSE 200 ALL")
	}},
	{"back from an old snapshot", func(r ill, _ *storm) {
		r.command("SAVE")
		time.Sleep(time.Second)
		r.Kill()
		r.again(true)
	}},
	{"killed, and gone for a second", func(r ill, _ *storm) {
		r.Kill()
		time.Sleep(time.Second)
		r.again(false)
	}},
	{"full, and evicting", func(r ill, _ *storm) {
		r.command("CONFIG SET maxmemory 3mb", "CONFIG SET maxmemory-policy allkeys-lru")
		for n := range 1000 {
			r.command(fmt.Sprintf("SETRANGE filler:%d 20000 x", n))
		}
		r.command("CONFIG SET maxmemory 0")
	}},
	{"cut off from its clients", func(r ill, _ *storm) {
		r.command("CLIENT KILL TYPE normal")
	}},
	{"stopped for 300 ms", func(r ill, _ *storm) {
		r.Pause()
		time.Sleep(300 * time.Millisecond)
		r.Continue()
	}},
	{"emptied again and again", func(r ill, _ *storm) {
		for range 100 {
			r.command("FLUSHALL")
			time.Sleep(5 * time.Millisecond)
		}
	}},
}

// freshServers are three over one database, which remember in one Redis. The last
// may reach it another way.
func freshServers(t *testing.T, redisURL, ofTheLast string, more ...string) ([]*server, *testkit.Server) {
	t.Helper()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	var servers []*server
	for _, url := range []string{redisURL, redisURL, ofTheLast} {
		servers = append(servers, serve(t, serveEnv(db.Service, google.URL, append(more, "REDIS_URL="+url)...)).ready())
	}
	return servers, testkit.NewExternal(t, servers[0].URL, db, google)
}

// Whatever happens to Redis: a read that begins after a write was answered shows
// it, at any process, and nobody reads what was before what they have read.
//
// Whoever writes while a process misses Redis is announced to the others, which
// then ask the database about them for minutes. So others come in time, for whom
// there is something to go wrong.
func TestNoReadIsStaleWhateverHappensToRedis(t *testing.T) {
	t.Parallel()
	wanted, happen, apart, most := int64(10_000), mishaps[:3], 2*time.Second, time.Minute
	if testkit.Long() {
		wanted, happen, apart, most = 200_000, slices.Repeat(mishaps, 4), 3*time.Second, 20*time.Minute
	}
	redis := newIll(t)
	servers, kit := freshServers(t, redis.URL(), redis.URL())
	s := newStorm(t, kit, servers...)
	began, count, hits := time.Now(), 0, int64(0)
	time.Sleep(apart) // they have reached Redis, and believe it
	for time.Since(began) < most && (count < len(happen) || s.reads.Load() < wanted || hits*5 < s.reads.Load()) {
		m := happen[count%len(happen)]
		count++
		s.come(4, 3)
		time.Sleep(apart)
		m.do(redis, s)
		time.Sleep(apart)
		s.leave()
		if hits = s.hits(); testkit.Long() {
			t.Logf("%4.0f s: %7d reads, %7d hits; Redis was %s", time.Since(began).Seconds(), s.reads.Load(), hits, m.what)
		}
	}
	reads := s.reads.Load()
	t.Logf("%d reads in %.0f s, of them %d (%d %%) answered by the gate; %d writes; %d times nobody had time; %d times something happened to Redis",
		reads, time.Since(began).Seconds(), hits, hits*100/max(reads, 1), s.writes.Load(), s.busy.Load(), count)
	if reads < wanted || hits*5 < reads || s.busy.Load()*100 > reads {
		t.Error("little was tried")
	}
}
