package ratelimit

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

const (
	// shardCount spreads the keys, so that requests seldom wait for a lock.
	shardCount = 64
	// maxPerShard bounds the limits in a shard. The limits of a million addresses
	// fit, in less than 200 MB.
	maxPerShard = 20_000
	// minSweep is the number of limits below which a sweep is not worth its cost.
	minSweep = 64
)

// Local limits requests in this process.
type Local struct {
	now    func() time.Time
	seed   maphash.Seed
	shards [shardCount]shard
}

// NewLocal returns a limiter whose limits have all their requests.
func NewLocal(now func() time.Time) *Local { return newLocal(now, maxPerShard) }

func newLocal(now func() time.Time, maxSize int) *Local {
	l := &Local{now: now, seed: maphash.MakeSeed()}
	for n := range l.shards {
		l.shards[n] = shard{tats: map[limit]int64{}, sweepAt: min(minSweep, maxSize), maxSize: maxSize}
	}
	return l
}

// limit identifies one limit of a key.
type limit struct {
	key  Key
	rate string
}

// shard holds the limits of some keys.
type shard struct {
	mu sync.Mutex
	// tats is the TAT of each limit in microseconds. A missing one has passed.
	tats map[limit]int64
	// sweepAt is the size at which the next sweep runs, maxSize the greatest size.
	sweepAt, maxSize int
}

// Allow does in Go what gcra.lua does in Redis.
func (l *Local) Allow(_ context.Context, key Key, rates []Rate) Decision {
	if len(rates) == 0 {
		return nil
	}
	s := &l.shards[maphash.String(l.seed, string(key))%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := l.now().UnixMicro()
	allowed, ahead := true, make([]int64, len(rates))
	for i, r := range rates {
		burst := r.Burst().Microseconds()
		ahead[i] = max(s.tats[limit{key, r.Name}]-now, 0)
		if ahead[i] > burst { // the clock was set back, or the rate lowered
			ahead[i] = burst
			s.set(limit{key, r.Name}, now, burst)
		}
		allowed = allowed && ahead[i]+r.EmissionInterval().Microseconds() <= burst
	}
	if allowed {
		for i, r := range rates {
			ahead[i] += r.EmissionInterval().Microseconds()
			s.set(limit{key, r.Name}, now, ahead[i])
		}
	}
	return decide(rates, ahead, allowed)
}

// set stores a TAT that is so far ahead.
func (s *shard) set(l limit, now, ahead int64) {
	if _, known := s.tats[l]; !known && len(s.tats) >= s.sweepAt {
		s.sweep(now)
	}
	s.tats[l] = now + ahead
}

// sweep drops the limits whose TAT has passed, which changes nothing. If the shard
// is still nearly full, it drops the quarter with the earliest TATs. So a flood of
// new addresses does not evict an exhausted limit: that one is kept longest.
func (s *shard) sweep(now int64) {
	type entry struct {
		limit
		tat int64
	}
	var live []entry
	for l, tat := range s.tats {
		if tat > now {
			live = append(live, entry{l, tat})
		}
	}
	if len(live) > s.maxSize*7/8 {
		slices.SortFunc(live, func(a, b entry) int { return cmp.Compare(b.tat, a.tat) })
		live = live[:s.maxSize*3/4]
	}
	s.tats = make(map[limit]int64, len(live)+1) // a map that has grown does not shrink
	for _, e := range live {
		s.tats[e.limit] = e.tat
	}
	s.sweepAt = min(max(2*len(live), minSweep), s.maxSize)
}
