package gate

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// shardCount spreads the slots, so that requests seldom wait for each other.
	shardCount = 64
	// mostBudgets is how many budgets a shard holds at most. The budgets of a
	// million addresses that call at the same time fit, in less than 200 MB.
	mostBudgets = 20_000
	// fewBudgets are not worth a look at which of them are whole again.
	fewBudgets = 64
)

// Local holds callers to their rates in this process, and remembers answers for
// it. Whoever is the only replica needs no other gate.
type Local struct {
	now func() time.Time
	// keepFor is how long answers are kept; not at all if it is zero.
	keepFor time.Duration
	seed    maphash.Seed
	shards  [shardCount]shard
}

// NewLocal returns a gate with all budgets whole, which keeps answers so long.
func NewLocal(now func() time.Time, keepFor time.Duration) *Local {
	return newLocal(now, keepFor, mostBudgets)
}

// newLocal holds at most so many budgets in each shard.
func newLocal(now func() time.Time, keepFor time.Duration, most int) *Local {
	l := &Local{now: now, keepFor: keepFor, seed: maphash.MakeSeed()}
	for n := range l.shards {
		l.shards[n] = shard{whole: map[budget]int64{}, limit: fewBudgets, most: most, users: map[auth.Slot]*user{}}
	}
	return l
}

// shard is the part of the gate with a slot in it.
func (l *Local) shard(slot auth.Slot) *shard {
	return &l.shards[maphash.String(l.seed, string(slot))%shardCount]
}

// budget names one budget.
type budget struct {
	slot auth.Slot
	rate string
}

// shard holds the budgets of some slots, and what is remembered of them.
type shard struct {
	mu sync.Mutex
	// whole is when each budget will be whole again, in microseconds. One that
	// is missing is whole.
	whole map[budget]int64
	// limit is how many there may be before those that are whole are dropped, most
	// how many at all.
	limit, most int

	// users is what is remembered of users, bytes how much that is.
	users map[auth.Slot]*user
	bytes int
}

// Enter does in Go what enter.lua does in Redis.
func (l *Local) Enter(_ context.Context, e auth.Entry) auth.Pass {
	s := l.shard(e.Slot)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := l.now().UnixMicro()
	pass := s.spend(now, e)
	if !pass.Allowed() || l.keepFor == 0 {
		return pass
	}
	switch {
	case e.Changes:
		s.mark(e.Slot)
		pass.Mark = auth.Marked
	case e.Question != "":
		pass.Epoch, pass.Answer = s.recall(now, e)
	}
	return pass
}

// spend spends one request from each budget, or from none.
func (s *shard) spend(now int64, e auth.Entry) auth.Pass {
	allowed, owed := true, make([]int64, len(e.Rates))
	for i, r := range e.Rates {
		cost, most := r.Cost().Microseconds(), r.Whole().Microseconds()
		owed[i] = max(s.whole[budget{e.Slot, r.Name}]-now, 0)
		if owed[i] > most { // the clock was set back, or the rate lowered
			owed[i] = s.keep(budget{e.Slot, r.Name}, now, most)
		}
		allowed = allowed && owed[i]+cost <= most
	}
	for i, r := range e.Rates {
		if allowed {
			owed[i] = s.keep(budget{e.Slot, r.Name}, now, owed[i]+r.Cost().Microseconds())
		}
	}
	return passOf(e.Rates, owed, allowed)
}

// passOf is the answer about budgets that need the time owed to be whole again,
// in microseconds, after the request was allowed or refused.
func passOf(rates []auth.Rate, owed []int64, allowed bool) auth.Pass {
	p := auth.Pass{Standings: make([]auth.Standing, len(rates))}
	for i, r := range rates {
		owed := time.Duration(owed[i]) * time.Microsecond
		p.Standings[i] = auth.StandingOf(r, owed, allowed || owed+r.Cost() <= r.Whole())
	}
	return p
}

// keep remembers when a budget will be whole that owes so much.
func (s *shard) keep(b budget, now, owed int64) int64 {
	if _, known := s.whole[b]; !known && len(s.whole) >= s.limit {
		s.sweep(now)
	}
	s.whole[b] = now + owed
	return owed
}

// sweep makes room. Budgets that are whole again are dropped, which changes
// nothing. If the shard is as good as full even so, a quarter goes: those that
// would be whole soonest. So whoever floods it with new addresses, to have one
// forgotten that is used up, has that one remembered longest.
func (s *shard) sweep(now int64) {
	type entry struct {
		budget
		whole int64
	}
	var live []entry
	for b, whole := range s.whole {
		if whole > now {
			live = append(live, entry{b, whole})
		}
	}
	if len(live) > s.most*7/8 {
		slices.SortFunc(live, func(a, b entry) int { return cmp.Compare(b.whole, a.whole) })
		live = live[:s.most*3/4]
	}
	s.whole = make(map[budget]int64, len(live)+1) // a map that had grown stays large
	for _, e := range live {
		s.whole[e.budget] = e.whole
	}
	s.limit = min(max(2*len(live), fewBudgets), s.most)
}
