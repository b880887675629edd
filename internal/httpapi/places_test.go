package httpapi

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
)

func TestWhoFindsNoPlaceIsShed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var shed atomic.Int64
		p := newPlaces("work", 2, func(string) { shed.Add(1) })
		for range 2 {
			if err := p.take(t.Context()); err != nil {
				t.Fatalf("a free place: %v", err)
			}
		}

		// The queue is bounded, and so is the wait in it.
		var waiting sync.WaitGroup
		began := time.Now()
		for range 2 * waitingForEach {
			waiting.Go(func() {
				err := p.take(t.Context())
				f, ok := errors.AsType[*fault.Error](err)
				if !ok || f.Code != fault.Unavailable || f.RetryAfter < retryFrom || f.RetryAfter > retryFrom+retryOver {
					t.Errorf("waiting in vain ended with %v", err)
				}
				if waited := time.Since(began); waited != placeWait {
					t.Errorf("it took %s", waited)
				}
			})
		}
		synctest.Wait()
		if !p.full() {
			t.Error("the queue is not full")
		}
		if err := p.take(t.Context()); fault.CodeOf(err) != fault.Unavailable || time.Since(began) != 0 {
			t.Errorf("beyond the queue: %v after %s", err, time.Since(began))
		}
		waiting.Wait()
		if got, want := shed.Load(), int64(2*waitingForEach+1); got != want {
			t.Errorf("%d were counted as shed, not %d", got, want)
		}

		// A place that is given back goes to who waits.
		waiting.Go(func() {
			if err := p.take(t.Context()); err != nil {
				t.Errorf("a place was given back, and: %v", err)
			}
		})
		synctest.Wait()
		p.leave()
		waiting.Wait()
		if p.full() || p.waiting.Load() != 0 {
			t.Errorf("%d still wait", p.waiting.Load())
		}
	})
}
