package server

import (
	"context"
	"maps"
	"sync"
	"time"
)

const (
	// activeMinutes is how long a user counts as active after a request.
	activeMinutes = 15
	// activeInterval is how often a replica reports its active users to the others.
	activeInterval = 5 * time.Second
	// maxUnreported bounds the users that wait to be reported while Redis is down.
	maxUnreported = 100_000
)

// distinctCounter counts distinct names over all replicas.
type distinctCounter interface {
	AddDistinct(ctx context.Context, minute int64, names []string, ttl time.Duration) error
	CountDistinct(ctx context.Context, minutes []int64) (int64, error)
}

// activeUsers counts the users of the last 15 minutes: at all replicas together if
// there is a Redis, else in this process. It costs no request a call.
type activeUsers struct {
	now    func() time.Time
	shared distinctCounter // nil without Redis

	mu sync.RWMutex
	// seen is the minute of each user's last request.
	seen map[string]int64
	// unreported are the users of each minute that the others do not know of.
	unreported map[int64][]string
	waiting    int
}

func newActiveUsers(now func() time.Time, shared distinctCounter) *activeUsers {
	return &activeUsers{now: now, shared: shared, seen: map[string]int64{}, unreported: map[int64][]string{}}
}

func (a *activeUsers) minute() int64 { return a.now().Unix() / 60 }

// Touch notes a successful request of a user.
func (a *activeUsers) Touch(user string) {
	minute := a.minute()
	a.mu.RLock()
	known := a.seen[user] == minute
	a.mu.RUnlock()
	if known {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[user] = minute
	if a.shared != nil && a.waiting < maxUnreported {
		a.unreported[minute] = append(a.unreported[minute], user)
		a.waiting++
	}
}

// Run reports to the other replicas until ctx is done.
func (a *activeUsers) Run(ctx context.Context) {
	tick := time.NewTicker(activeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.expire()
			a.report(ctx)
		}
	}
}

// expire drops the users that are no longer active.
func (a *activeUsers) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.minute() - activeMinutes
	maps.DeleteFunc(a.seen, func(_ string, minute int64) bool { return minute < oldest })
}

// report reports the users of this replica. What fails is reported the next time, as
// long as it counts.
func (a *activeUsers) report(ctx context.Context) {
	if a.shared == nil {
		return
	}
	a.mu.Lock()
	unreported := a.unreported
	a.unreported, a.waiting = map[int64][]string{}, 0
	a.mu.Unlock()
	for minute, users := range unreported {
		err := a.shared.AddDistinct(ctx, minute, users, (activeMinutes+2)*time.Minute)
		if err == nil || minute < a.minute()-activeMinutes {
			continue
		}
		a.mu.Lock()
		a.unreported[minute] = append(a.unreported[minute], users...)
		a.waiting += len(users)
		a.mu.Unlock()
	}
}

// Count returns the number of active users; while Redis is down, of this replica.
func (a *activeUsers) Count(ctx context.Context) int {
	if a.shared != nil {
		a.report(ctx)
		minutes := make([]int64, activeMinutes+1)
		for n := range minutes {
			minutes[n] = a.minute() - int64(n)
		}
		if n, err := a.shared.CountDistinct(ctx, minutes); err == nil {
			return int(n)
		}
	}
	a.expire()
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.seen)
}
