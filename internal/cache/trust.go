package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// notifyTimeout bounds a notification, receiptTimeout the wait for its receipt.
	notifyTimeout, receiptTimeout = time.Second, 100 * time.Millisecond
	// detachedTTL is how long a notification counts for the writes of this replica.
	detachedTTL = time.Second
	// detachedPayload begins the payload of such a notification.
	detachedPayload = "detached "
)

var errNoNotifier = errors.New("Redis does not respond, and other replicas cannot be notified")

// trust decides whether this replica may serve what is cached in Redis.
//
// A replica that cannot reach Redis cannot mark its writes. Before it writes it
// notifies the others, by PostgreSQL, that it is detached. Each of them then serves
// and stores nothing for a period: as long as a response is cached, and the quiet
// period, in which the write is over. What is stored when they begin to serve again is
// younger than the write. So one notification is enough for all writes of a second.
//
// A replica that is not listening misses notifications, so it serves nothing, and for
// the same period after it listens again.
type trust struct {
	period    time.Duration
	nonce     string
	listening atomic.Bool
	received  chan struct{}

	mu sync.Mutex
	// from is when this replica may serve again.
	from time.Time

	// detaching is held while a notification is sent; detached is when the last one
	// was, and failed why it was not received.
	detaching sync.Mutex
	detached  time.Time
	failed    error
}

// ok reports whether this replica may serve.
func (t *trust) ok(now time.Time) bool {
	if !t.listening.Load() {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !now.Before(t.from)
}

// suspend serves nothing for the period.
func (t *trust) suspend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.from = time.Now().Add(t.period)
}

// Listening notes whether notifications are received from now on.
func (r *Redis) Listening(on bool) {
	r.trust.suspend()
	r.trust.listening.Store(on)
}

// Received processes a notification of any replica.
func (r *Redis) Received(payload string) {
	if len(payload) < len(detachedPayload) || payload[:len(detachedPayload)] != detachedPayload {
		return
	}
	r.trust.suspend()
	if payload[len(detachedPayload):] == r.trust.nonce {
		select {
		case r.trust.received <- struct{}{}:
		default:
		}
	}
}

// detach notifies all replicas that this one writes without Redis. It returns when
// this one has received that, since the others have by then, unless they are slower.
func (r *Redis) detach(ctx context.Context) error {
	t := &r.trust
	t.suspend()
	if r.config.Notify == nil {
		return errNoNotifier
	}
	arrived := time.Now()
	t.detaching.Lock()
	defer t.detaching.Unlock()
	began := time.Now()
	// The writes that waited for a notification share its result.
	if t.detached.After(arrived) || t.failed == nil && began.Sub(t.detached) < detachedTTL {
		return t.failed
	}
	t.failed = r.notifyDetached(ctx)
	t.detached = began
	return t.failed
}

// notifyDetached sends the notification, and waits for its receipt.
func (r *Redis) notifyDetached(ctx context.Context) error {
	t := &r.trust
	select {
	case <-t.received: // late, of an earlier notification
	default:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyTimeout)
	defer cancel()
	if err := r.config.Notify(ctx, detachedPayload+t.nonce); err != nil {
		return errors.Join(errNoNotifier, err)
	}
	if t.listening.Load() {
		late := time.NewTimer(receiptTimeout)
		defer late.Stop()
		select {
		case <-t.received:
		case <-late.C:
		}
	}
	return nil
}
