// Package admission bounds how many operations work at the same time, so that a
// server with too much to do sheds requests instead of finishing none in time.
//
// All bounds share the connections to the database. [New] divides them into a normal
// part and a reserved one, which ends of sessions use: they have to succeed under any
// load. It depends on neither HTTP nor SQL.
package admission

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// queueTimeout is how long a request waits in the queue.
	queueTimeout = 500 * time.Millisecond
	// queuePerSlot is the length of the queue for each slot. A longer one would hold
	// requests that time out anyway.
	queuePerSlot = 8
	// reservedQueue and reservedTimeout are those of ends of sessions, which are quick.
	// They wait longer, because a logout that is shed may not be repeated.
	reservedQueue, reservedTimeout = 256, 3 * time.Second
	// A request that was shed is to be repeated after minRetryAfter at the earliest, and
	// within retryJitter more: if all came at once, they would overload the server again.
	minRetryAfter, retryJitter = 500 * time.Millisecond, 2500 * time.Millisecond
	// One of reservedShare connections is reserved, if there are at least minToReserve.
	reservedShare, minToReserve = 8, 4
	// Exports hold a connection for as long as their clients read: they get one of
	// exportShare normal slots.
	exportShare = 3

	// The budgets of bytes fit into a process with GOMEMLIMIT=400MiB. One caller can
	// have two of the largest responses at once, a specification with 500 items of
	// 10,000 characters, or ten full pages.
	maxBodies, maxBodiesPerCaller       = 48 << 20, 8 << 20
	maxResponses, maxResponsesPerCaller = 128 << 20, 48 << 20
)

// Limits are the limiters of a server.
type Limits struct {
	// Normal is for everything that uses the database, Reserved for ends of sessions.
	Normal, Reserved *Limiter
	// SignIns bounds sign-ins, which wait for Google. They hold a normal slot only
	// while they use the database.
	SignIns *Limiter
	// MaxExports is the number of exports at the same time. Each holds a normal slot.
	MaxExports int
	// Bodies and Responses bound the bytes that requests hold at the same time.
	Bodies, Responses *Bytes
}

// New divides the connections to a database. The function is called with the name of
// the limiter for each request that is shed.
func New(connections int, shed func(limiter string)) *Limits {
	connections = max(connections, 1)
	reserved := 0
	if connections >= minToReserve {
		reserved = max(connections/reservedShare, 1)
	}
	l := &Limits{
		Normal:     newLimiter("normal", connections-reserved, shed),
		Reserved:   newLimiter("reserved", max(reserved, 1), shed),
		SignIns:    newLimiter("sign_ins", connections, shed),
		MaxExports: max((connections-reserved)/exportShare, 1),
		Bodies:     newBytes("bodies", maxBodiesPerCaller, maxBodies, shed),
		Responses:  newBytes("responses", maxResponsesPerCaller, maxResponses, shed),
	}
	l.Reserved.shared, l.Reserved.queueLimit, l.Reserved.queueTimeout = l.Normal.slots, reservedQueue, reservedTimeout
	// Without an access token, the callers are addresses: an office may log out at once.
	l.Reserved.shares = newShares(connections, reservedQueue)
	return l
}

// Limiter is a bounded semaphore with a queue. A slot is held only while there is work
// to do, neither while a body is read nor while a response is written: those are as
// slow as the client.
type Limiter struct {
	name  string
	slots chan struct{}
	// shared are the slots of another limiter that may be used too; nil for none.
	shared       chan struct{}
	queueLimit   int64
	queueTimeout time.Duration
	// shares are what single callers may hold.
	shares *shares
	// queued are waiting for a slot; arriving will need one soon.
	queued, arriving atomic.Int64
	shed             func(limiter string)
}

func newLimiter(name string, slots int, shed func(string)) *Limiter {
	return &Limiter{
		name: name, slots: make(chan struct{}, slots), queueLimit: int64(queuePerSlot * slots), queueTimeout: queueTimeout, shed: shed,
		shares: newShares(max(slots/2, 1), queuePerSlot*slots),
	}
}

// Arrive counts a request that will need a slot soon, until the function that it
// returns is called. Its error is Unavailable: there is a queue, and with the arriving
// requests it is full. Without a queue, arriving requests are slow in a step before the
// slot, and none is shed.
func (l *Limiter) Arrive() (arrived func(), err error) {
	queued := l.queued.Load()
	if queued >= int64(cap(l.slots)) && queued+l.arriving.Load() >= l.queueLimit {
		return nil, l.overloaded()
	}
	l.arriving.Add(1)
	return func() { l.arriving.Add(-1) }, nil
}

// AcquireFor is Acquire for a caller. Work of one caller holds at most half of the
// slots, so others do not wait for it. The rest of it waits apart from the queue.
func (l *Limiter) AcquireFor(ctx context.Context, caller string) (release func(), err error) {
	mine, err := l.shares.acquire(ctx, caller)
	if err != nil {
		l.shed(l.name)
		return nil, err
	}
	slot, err := l.Acquire(ctx)
	if err != nil {
		mine()
		return nil, err
	}
	return func() {
		slot()
		mine()
	}, nil
}

// Acquire takes a slot, which release gives back. Its error is Unavailable.
func (l *Limiter) Acquire(ctx context.Context) (release func(), err error) {
	free := func(slots chan struct{}) func() { return func() { <-slots } }
	select {
	case l.slots <- struct{}{}:
		return free(l.slots), nil
	case l.shared <- struct{}{}:
		return free(l.shared), nil
	default:
	}
	defer l.queued.Add(-1)
	if l.queued.Add(1) > l.queueLimit {
		return nil, l.overloaded()
	}
	timeout := time.NewTimer(l.queueTimeout)
	defer timeout.Stop()
	select {
	case l.slots <- struct{}{}:
		return free(l.slots), nil
	case l.shared <- struct{}{}:
		return free(l.shared), nil
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "The request was cancelled.").Because(ctx.Err())
	case <-timeout.C:
		return nil, l.overloaded()
	}
}

// overloaded is the problem of a request that is shed.
func (l *Limiter) overloaded() error {
	l.shed(l.name)
	return overloaded()
}

func overloaded() error {
	p := problem.New(problem.Unavailable, "The server is overloaded. Repeat the request after the time in Retry-After.")
	p.RetryAfter = minRetryAfter + rand.N(retryJitter) //nolint:gosec // spreads load, keeps no secret
	return p
}
