package cache

import (
	"context"
	"crypto/rand"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

const (
	// DefaultMaxBytes is how much a process caches, if nothing else is set.
	DefaultMaxBytes = 32 << 20
	// localShards spreads the users, so that requests seldom wait for a lock.
	localShards = 64
	// entryBytes is what a response takes beside its texts, about; bookkeepingBytes is
	// what a user takes.
	entryBytes, bookkeepingBytes = 256, 1024
	// maxScopes and maxSessions bound the bookkeeping of a user.
	maxScopes, maxSessions = 256, 32
)

// Local caches responses in this process, for a server that is the only replica. It
// follows the rules of [Redis], without a quiet period: bookkeeping that was evicted
// starts with another identity, and that of a pending write is never evicted.
type Local struct {
	now     func() time.Time
	ttl     time.Duration
	limiter ratelimit.Limiter
	seed    maphash.Seed
	shards  [localShards]localShard
	// users are those without a pending write.
	users     *otter.Cache[auth.UserID, *bookkeeping]
	responses *otter.Cache[resource, *entry]
	nonce     string
	identity  atomic.Uint64
}

// localShard locks the bookkeeping of some users, and holds that of those with a
// pending write.
type localShard struct {
	mu     sync.Mutex
	pinned map[auth.UserID]*bookkeeping
}

// bookkeeping is what cache.lua keeps of a user.
type bookkeeping struct {
	id       string
	count    int64
	all      int64
	scopes   map[Scope]int64
	sessions map[auth.SessionID]time.Time
	pending  map[string]mark
}

// mark is a pending write. It ends at its deadline if its end gets lost.
type mark struct {
	scopes   []Scope
	deadline time.Time
}

type resource struct {
	user auth.UserID
	name string
}

// entry is a cached response.
type entry struct {
	response   Response
	scope      Scope
	scopes     []Scope // of scope
	generation Generation
	until      time.Time
}

// NewLocal returns a cache of so many bytes, about, which caches responses for ttl, and
// charges rates at a limiter.
func NewLocal(now func() time.Time, ttl time.Duration, maxBytes int, limiter ratelimit.Limiter) *Local {
	l := &Local{now: now, ttl: ttl, limiter: limiter, seed: maphash.MakeSeed(), nonce: rand.Text()}
	for n := range l.shards {
		l.shards[n].pinned = map[auth.UserID]*bookkeeping{}
	}
	l.users = otter.Must(&otter.Options[auth.UserID, *bookkeeping]{MaximumSize: max(maxBytes/4/bookkeepingBytes, 16)})
	l.responses = otter.Must(&otter.Options[resource, *entry]{
		MaximumWeight: uint64(maxBytes) * 3 / 4, //nolint:gosec // settings bound it
		Weigher: func(r resource, e *entry) uint32 {
			return uint32(entryBytes + len(r.name) + len(e.response.ETag) + len(e.response.Body)) //nolint:gosec // MaxBody bounds it
		},
	})
	return l
}

// lock locks the bookkeeping of a user. The caller unlocks the shard.
func (l *Local) lock(user auth.UserID) (*localShard, *bookkeeping) {
	s := &l.shards[maphash.Bytes(l.seed, user[:])%localShards]
	s.mu.Lock()
	b := s.pinned[user]
	if b == nil {
		var known bool
		if b, known = l.users.GetIfPresent(user); !known {
			b = &bookkeeping{id: l.newIdentity()}
			l.users.Set(user, b)
		}
	}
	return s, b
}

func (l *Local) newIdentity() string { return l.nonce + strconv.FormatUint(l.identity.Add(1), 36) }

// Lookup charges the rates and looks for a response.
func (l *Local) Lookup(ctx context.Context, q Request) Result {
	result := Result{Decision: l.limiter.Allow(ctx, userKey(q.User), q.Rates)}
	if !result.Decision.Allowed() || l.ttl == 0 {
		return result
	}
	s, b := l.lock(q.User)
	defer s.mu.Unlock()
	now := l.now()
	l.expire(s, q.User, b, now)
	result.Generation = Generation{id: b.id, count: b.count}
	e, found := l.responses.GetIfPresent(resource{q.User, q.Resource})
	switch {
	case !found || e.generation.id != b.id:
	case b.isPending(e.scopes):
		result.Generation = Generation{}
	case e.generation.count >= b.generation(e.scopes) && e.until.After(now) && b.sessions[q.Session].After(now):
		result.Response, result.Scope = &e.response, e.scope
	}
	return result
}

// Store stores the response to a lookup, and that its session was live.
func (l *Local) Store(q Request, g Generation, scope Scope, response Response) {
	if g.IsZero() || len(response.Body) > MaxBody {
		return
	}
	s, b := l.lock(q.User)
	defer s.mu.Unlock()
	if b.id != g.id {
		return
	}
	if b.sessions == nil || len(b.sessions) >= maxSessions {
		b.sessions = map[auth.SessionID]time.Time{}
	}
	b.sessions[q.Session] = l.now().Add(sessionLifetime(l.ttl))
	l.responses.Set(resource{q.User, q.Resource}, &entry{response, scope, scope.split(), g, l.now().Add(l.ttl)})
}

// Begin charges the rates, and marks a write before it starts. It returns no error.
func (l *Local) Begin(ctx context.Context, w Write) (ratelimit.Decision, Pending, error) {
	decision := l.limiter.Allow(ctx, userKey(w.User), w.Rates)
	if !decision.Allowed() {
		return decision, Pending{}, nil
	}
	p := Pending{user: w.User, scopes: w.Scopes, id: l.newIdentity(), began: time.Now()}
	s, b := l.lock(w.User)
	defer s.mu.Unlock()
	l.expire(s, w.User, b, l.now())
	l.mark(s, b, p)
	return decision, p, nil
}

// mark marks a write, and pins the bookkeeping until it ends.
func (l *Local) mark(s *localShard, b *bookkeeping, p Pending) {
	b.event(p.scopes)
	if b.pending == nil {
		b.pending = map[string]mark{}
	}
	b.pending[p.id] = mark{p.scopes, l.now().Add(maxWriteTime)}
	s.pinned[p.user] = b
}

// expire ends the writes whose deadline has passed.
func (l *Local) expire(s *localShard, user auth.UserID, b *bookkeeping, now time.Time) {
	for id, m := range b.pending {
		if !m.deadline.After(now) {
			delete(b.pending, id)
			b.event(m.scopes)
		}
	}
	l.unpin(s, user, b)
}

// unpin lets bookkeeping without a pending write be evicted.
func (l *Local) unpin(s *localShard, user auth.UserID, b *bookkeeping) {
	if len(b.pending) == 0 && s.pinned[user] != nil {
		delete(s.pinned, user)
		l.users.Set(user, b)
	}
}

// Renew marks a write anew whose start was late.
func (l *Local) Renew(_ context.Context, p Pending) (Pending, error) {
	p.began = time.Now()
	s, b := l.lock(p.user)
	defer s.mu.Unlock()
	l.mark(s, b, p)
	return p, nil
}

// End notes that a write is over.
func (l *Local) End(p Pending) {
	s, b := l.lock(p.user)
	defer s.mu.Unlock()
	delete(b.pending, p.id)
	b.event(p.scopes) // also if the mark has ended by its deadline: reads since then may be older than the write
	l.unpin(s, p.user, b)
}

// Invalidate ends all that is cached of a user. It returns no error.
func (l *Local) Invalidate(_ context.Context, user auth.UserID) error {
	s, b := l.lock(user)
	defer s.mu.Unlock()
	b.id, b.sessions = l.newIdentity(), nil
	return nil
}

// event counts a begin or an end of a write.
func (b *bookkeeping) event(scopes []Scope) {
	b.count++
	for _, s := range scopes {
		if s == All || len(b.scopes) >= maxScopes {
			b.all, b.scopes = b.count, nil
			return
		}
		if b.scopes == nil {
			b.scopes = make(map[Scope]int64)
		}
		b.scopes[s] = b.count
	}
}

// generation is the count of the last event that one of the scopes depends on.
func (b *bookkeeping) generation(scopes []Scope) int64 {
	last := b.all
	for _, s := range scopes {
		if s == All {
			return b.count
		}
		last = max(last, b.scopes[s])
	}
	return last
}

func (b *bookkeeping) isPending(scopes []Scope) bool {
	for _, m := range b.pending {
		for _, s := range m.scopes {
			if s == All || slices.Contains(scopes, All) || slices.Contains(scopes, s) {
				return true
			}
		}
	}
	return false
}
