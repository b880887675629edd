package auth

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// anonymousBurst is how many events without an actor a replica stores at once, and
	// anonymousInterval the time after which it may store one more. Any client can cause
	// such events, from any number of addresses, and they are kept for a month.
	anonymousBurst    = 1000
	anonymousInterval = time.Second
)

// eventBudget bounds the events without an actor: a token bucket. The zero value is a
// full one.
type eventBudget struct {
	mu sync.Mutex
	// used is what is missing of the burst, at the time at.
	used       time.Duration
	at         time.Time
	suppressed atomic.Uint64
}

// take reports whether an event may be stored, and counts it if not.
func (b *eventBudget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = max(0, b.used-max(0, now.Sub(b.at)))
	b.at = now
	if b.used > (anonymousBurst-1)*anonymousInterval {
		b.suppressed.Add(1)
		return false
	}
	b.used += anonymousInterval
	return true
}

// SuppressedEvents returns how many events without an actor were not stored since the
// start, because there were too many.
func (s *Service) SuppressedEvents() uint64 { return s.anonymous.suppressed.Load() }
