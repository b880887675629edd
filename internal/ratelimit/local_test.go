package ratelimit

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLocal_ConcurrentRequestsGetExactlyTheLimit(t *testing.T) {
	t.Parallel()
	l := NewLocal((&clock{}).now)
	var passed atomic.Int64
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			passed.Add(int64(allowed(t, l, 100, "ann", rate("default", 1000, time.Hour))))
		})
	}
	running.Wait()
	if got := passed.Load(); got != 1000 {
		t.Errorf("%d of 5000 concurrent requests were allowed, want 1000", got)
	}
}

// size is the number of limits in memory.
func (l *Local) size() int {
	n := 0
	for i := range l.shards {
		n += len(l.shards[i].tats)
	}
	return n
}

func address(n int) Key {
	return Key(fmt.Sprintf("2001:db8:%x:%x::/64", n>>16, n&0xffff))
}

// Not parallel: other tests would be measured, too.
//
//nolint:paralleltest // see above
func TestLocal_MillionAddressesFit(t *testing.T) {
	part := 8 // an eighth of everything is quicker, and as good
	if os.Getenv("TEST_LONG") != "" {
		part = 1
	}
	addresses, login := 1_000_000/part, rate("login", 1, time.Hour)
	before := heap()
	l := newLocal((&clock{}).now, maxPerShard/part)
	for n := range addresses {
		allow(t, l, address(n), login)
	}
	used := heap() - before
	t.Logf("%d addresses: %d MB, %d bytes each", addresses, used>>20, used/addresses)
	if used*part > 200<<20 {
		t.Errorf("a million addresses take %d MB, more than 200", used*part>>20)
	}
	forgotten := 0
	for n := range addresses {
		forgotten += allowed(t, l, 1, address(n), login)
	}
	if forgotten > 0 {
		t.Errorf("%d of %d addresses were dropped", forgotten, addresses)
	}
}

func TestLocal_BoundsMemoryAndKeepsExhaustedLimits(t *testing.T) {
	t.Parallel()
	const maxSize = 1000
	l := newLocal((&clock{}).now, maxSize)
	login := rate("login", 10, time.Hour)
	for n := range 1000 { // limits to be dropped
		allowed(t, l, 10, Key(fmt.Sprint(n)), login)
	}
	for n := range 3 * shardCount * maxSize { // the flood
		allowed(t, l, 1, address(n), login)
	}
	if got := l.size(); got > shardCount*maxSize || got < shardCount*maxSize*3/4 {
		t.Errorf("%d limits are in memory, want up to %d", got, shardCount*maxSize)
	}
	for n := range 1000 {
		if allowed(t, l, 1, Key(fmt.Sprint(n)), login) != 0 {
			t.Errorf("%d has a new limit", n)
		}
	}
}

func TestLocal_FullLimitsTakeNoMemory(t *testing.T) {
	t.Parallel()
	c := &clock{}
	l := NewLocal(c.now)
	for n := range 200_000 { // a request each 10 ms, whose limit is full again after 6 s
		allow(t, l, address(n), rate("login", 10, time.Minute))
		c.move(10 * time.Millisecond)
	}
	if got := l.size(); got > 2*shardCount*minSweep {
		t.Errorf("%d limits are in memory, of 600 that are in use", got)
	}
}

// heap is how much this process holds, in bytes.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
