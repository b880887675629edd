package gate

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

func TestConcurrentRequestsGetExactlyTheBudget(t *testing.T) {
	t.Parallel()
	l := NewLocal((&clock{}).now, time.Minute)
	var passed atomic.Int64
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			passed.Add(int64(allowed(t, l, 100, "ann", rate("default", 1000, time.Hour))))
		})
	}
	running.Wait()
	if got := passed.Load(); got != 1000 {
		t.Errorf("%d of 5000 concurrent requests passed, want 1000", got)
	}
}

// size is how many budgets are remembered.
func (l *Local) size() int {
	n := 0
	for i := range l.shards {
		n += len(l.shards[i].whole)
	}
	return n
}

func address(n int) auth.Slot {
	return auth.Slot(fmt.Sprintf("2001:db8:%x:%x::/64", n>>16, n&0xffff))
}

// Not parallel: other tests would be measured, too.
//
//nolint:paralleltest // see above
func TestAMillionAddressesFit(t *testing.T) {
	part := 8 // an eighth of everything is quicker, and as good
	if os.Getenv("TEST_LONG") != "" {
		part = 1
	}
	addresses, login := 1_000_000/part, rate("login", 1, time.Hour)
	before := heap()
	l := newLocal((&clock{}).now, time.Minute, mostBudgets/part)
	for n := range addresses {
		enter(t, l, address(n), login)
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
		t.Errorf("%d of %d addresses were forgotten", forgotten, addresses)
	}
}

func TestMemoryIsBoundedAndTheUsedUpAreRememberedLongest(t *testing.T) {
	t.Parallel()
	const most = 1000
	l := newLocal((&clock{}).now, time.Minute, most)
	login := rate("login", 10, time.Hour)
	for n := range 1000 { // those who are to be forgotten
		allowed(t, l, 10, auth.Slot(fmt.Sprint(n)), login)
	}
	for n := range 3 * shardCount * most { // those who come for it
		allowed(t, l, 1, address(n), login)
	}
	if got := l.size(); got > shardCount*most || got < shardCount*most*3/4 {
		t.Errorf("%d budgets are remembered, want up to %d", got, shardCount*most)
	}
	for n := range 1000 {
		if allowed(t, l, 1, auth.Slot(fmt.Sprint(n)), login) != 0 {
			t.Errorf("%d has a new budget", n)
		}
	}
}

func TestBudgetsThatAreWholeTakeNoMemory(t *testing.T) {
	t.Parallel()
	c := &clock{}
	l := NewLocal(c.now, time.Minute)
	for n := range 200_000 { // a request each 10 ms, each of which is forgotten after 6 s
		enter(t, l, address(n), rate("login", 10, time.Minute))
		c.move(10 * time.Millisecond)
	}
	if got := l.size(); got > 2*shardCount*fewBudgets {
		t.Errorf("%d budgets are remembered, of 600 that are not whole", got)
	}
}
