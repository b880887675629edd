package admission

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func mustAcquire(t *testing.T, l *Limiter) (release func()) {
	t.Helper()
	release, err := l.Acquire(t.Context())
	if err != nil {
		t.Fatalf("a free slot: %v", err)
	}
	return release
}

func TestAdmission_ShedsWhatFindsTheQueueFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var shed atomic.Int64
		l := newLimiter("normal", 2, func(string) { shed.Add(1) })
		release := mustAcquire(t, l)
		mustAcquire(t, l)

		// The queue is bounded, and so is the wait in it.
		var queued sync.WaitGroup
		began := time.Now()
		for range 2 * queuePerSlot {
			queued.Go(func() {
				_, err := l.Acquire(t.Context())
				p, ok := errors.AsType[*problem.Error](err)
				if !ok || p.Code != problem.Unavailable || p.RetryAfter < minRetryAfter || p.RetryAfter > minRetryAfter+retryJitter {
					t.Errorf("a wait in vain ended with %v", err)
				}
				if waited := time.Since(began); waited != queueTimeout {
					t.Errorf("it took %s", waited)
				}
			})
		}
		synctest.Wait()
		if _, err := l.Arrive(); problem.CodeOf(err) != problem.Unavailable {
			t.Errorf("the queue is full, and a request that arrives gets %v", err)
		}
		if _, err := l.Acquire(t.Context()); problem.CodeOf(err) != problem.Unavailable || time.Since(began) != 0 {
			t.Errorf("beyond the queue: %v after %s", err, time.Since(began))
		}
		queued.Wait()
		if got, want := shed.Load(), int64(2*queuePerSlot+2); got != want {
			t.Errorf("%d were counted as shed, want %d", got, want)
		}

		// A slot that is released goes to the queue.
		queued.Go(func() { mustAcquire(t, l) })
		synctest.Wait()
		release()
		queued.Wait()
		if n := l.queued.Load(); n != 0 {
			t.Errorf("%d are still queued", n)
		}
	})
}

// Requests that arrive count as queued if there is a queue, so that Redis is not queried
// for requests that the full queue then rejects. A slow Redis alone sheds no request.
func TestAdmission_CountsArrivingRequestsIfThereIsAQueue(t *testing.T) {
	t.Parallel()
	l := newLimiter("normal", 2, func(string) {})
	for _, at := range []struct {
		queued, arriving int64
		saturated        bool
	}{
		{0, 1000, false}, {1, 1000, false}, {2, 13, false}, {2, 14, true}, {15, 0, false}, {15, 1, true}, {16, 0, true},
	} {
		l.queued.Store(at.queued)
		l.arriving.Store(at.arriving)
		arrived, err := l.Arrive()
		if (err != nil) != at.saturated {
			t.Errorf("%d are queued for two slots and %d arrive: %v", at.queued, at.arriving, err)
		}
		if err == nil {
			if l.arriving.Load() != at.arriving+1 {
				t.Errorf("%d arrive, and one more is not counted", at.arriving)
			}
			arrived()
		}
		if n := l.arriving.Load(); n != at.arriving {
			t.Errorf("%d arrive afterwards, want %d", n, at.arriving)
		}
	}
}

func TestAdmission_ReservesConnectionsForEndsOfSessions(t *testing.T) {
	t.Parallel()
	for connections, want := range map[int]struct{ normal, reserved, exports int }{
		0: {1, 1, 1}, 1: {1, 1, 1}, 3: {3, 1, 1}, 4: {3, 1, 1}, 15: {14, 1, 4}, 16: {14, 2, 4}, 40: {35, 5, 11},
	} {
		l := New(connections, func(string) {})
		if n, r := cap(l.Normal.slots), cap(l.Reserved.slots); n != want.normal || r != want.reserved || l.MaxExports != want.exports {
			t.Errorf("of %d connections %d are normal, %d reserved, %d for exports; want %+v", connections, n, r, l.MaxExports, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		l := New(8, func(string) {})
		for range 7 {
			mustAcquire(t, l.Normal)
		}
		release := mustAcquire(t, l.Reserved)
		if _, err := l.Reserved.Acquire(t.Context()); err == nil {
			t.Error("there are nine slots for eight connections")
		}
		if _, err := l.Normal.Acquire(t.Context()); err == nil {
			t.Error("normal work takes a reserved slot")
		}
		release()
		mustAcquire(t, l.Reserved)
	})
}

func TestAdmission_EndsOfSessionsUseIdleNormalSlots(t *testing.T) {
	t.Parallel()
	l := New(8, func(string) {})
	var releases []func()
	for range 8 {
		releases = append(releases, mustAcquire(t, l.Reserved))
	}
	for _, release := range releases {
		release()
	}
	for range 7 {
		mustAcquire(t, l.Normal)
	}
}
