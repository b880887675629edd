package gate

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// presentAt is a presence whose clock is set by hand.
func presentAt(redis *Redis) (*Presence, *atomic.Int64) {
	clock := &atomic.Int64{}
	clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	return NewPresence(func() time.Time { return time.Unix(clock.Load(), 0) }, redis), clock
}

func TestUsersAreActiveForFifteenMinutes(t *testing.T) {
	t.Parallel()
	p, clock := presentAt(nil)
	count := func(want int) {
		t.Helper()
		if got := p.Count(t.Context()); got != want {
			t.Errorf("%d users are active, not %d", got, want)
		}
	}
	count(0)
	p.Saw("ann")
	p.Saw("ben")
	p.Saw("ann")
	count(2)
	clock.Add(10 * 60)
	p.Saw("ann")
	count(2)
	clock.Add(6 * 60)
	count(1)
	clock.Add(10 * 60)
	count(0)
}

func TestActiveUsersAreCountedOverAllReplicas(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	one, clock := presentAt(believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour}))
	two, other := presentAt(believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour}))
	for n := range 30 {
		one.Saw(auth.Slot(fmt.Sprint("user ", n)))
		two.Saw(auth.Slot(fmt.Sprint("user ", n+20)))
	}
	two.tell(t.Context())
	if got := one.Count(t.Context()); got != 50 { // so few are counted exactly
		t.Errorf("%d users are active, not 50", got)
	}
	clock.Add(16 * 60)
	other.Add(16 * 60)
	two.Saw("user 1")
	if got := two.Count(t.Context()); got != 1 {
		t.Errorf("%d users are active after a quarter of an hour, not 1", got)
	}

	server.Kill()
	one.Saw("user 2")
	if got := one.Count(t.Context()); got != 1 {
		t.Errorf("without Redis a replica counts %d users of its own, not 1", got)
	}
}

// Whom nobody could be told of is told when Redis is back.
func TestActiveUsersAreToldWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour})
	p, _ := presentAt(r)
	p.Saw("ann")
	down := r.turns.Load()
	r.turns.Store(down + 1)
	p.tell(t.Context())
	r.turns.Store(down + 2)
	q, _ := presentAt(r)
	q.Saw("ben")
	p.tell(t.Context())
	if got := q.Count(t.Context()); got != 2 {
		t.Errorf("%d users are active, not 2", got)
	}
}
