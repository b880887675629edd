package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestAdmission_ExcessRequestsAreShed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var shed atomic.Int64
		p := newPlaces("work", 2, func(string) { shed.Add(1) })
		for range 2 {
			if err := p.take(t.Context()); err != nil {
				t.Fatalf("a free slot: %v", err)
			}
		}

		// The queue and the time in the queue are both bounded.
		var waiting sync.WaitGroup
		began := time.Now()
		for range 2 * waitingForEach {
			waiting.Go(func() {
				err := p.take(t.Context())
				f, ok := errors.AsType[*problem.Error](err)
				if !ok || f.Code != problem.Unavailable || f.RetryAfter < retryFrom || f.RetryAfter > retryFrom+retryOver {
					t.Errorf("the queued request ended with %v", err)
				}
				if waited := time.Since(began); waited != placeWait {
					t.Errorf("it took %s", waited)
				}
			})
		}
		synctest.Wait()
		if !p.crowded() {
			t.Error("the queue is full, and another request is admitted")
		}
		if err := p.take(t.Context()); problem.CodeOf(err) != problem.Unavailable || time.Since(began) != 0 {
			t.Errorf("beyond the queue: %v after %s", err, time.Since(began))
		}
		waiting.Wait()
		if got, want := shed.Load(), int64(2*waitingForEach+1); got != want {
			t.Errorf("%d are counted as shed, want %d", got, want)
		}

		// A released slot goes to a queued request.
		waiting.Go(func() {
			if err := p.take(t.Context()); err != nil {
				t.Errorf("a slot was released, but: %v", err)
			}
		})
		synctest.Wait()
		p.leave()
		waiting.Wait()
		if p.crowded() || p.waiting.Load() != 0 {
			t.Errorf("%d are still queued", p.waiting.Load())
		}
	})
}

// Requests that wait for the cache lookup count as queued, so that no lookup
// is made for requests that will be shed. A slow lookup alone sheds nothing.
func TestAdmission_ArrivingRequestsCountAsQueued(t *testing.T) {
	t.Parallel()
	p := newPlaces("work", 2, func(string) {})
	for _, at := range []struct {
		waiting, coming int64
		crowded         bool
	}{
		{0, 1000, false}, {1, 1000, false}, {2, 13, false}, {2, 14, true}, {15, 0, false}, {15, 1, true}, {16, 0, true},
	} {
		p.waiting.Store(at.waiting)
		p.coming.Store(at.coming)
		if p.crowded() != at.crowded {
			t.Errorf("%d queued for two slots, %d arriving: saturated %t", at.waiting, at.coming, p.crowded())
		}
	}
}

// gateThatLooks observes how many requests are arriving during a lookup.
type gateThatLooks struct {
	auth.Gate

	look func()
}

func (g gateThatLooks) Enter(context.Context, auth.Entry) auth.Pass {
	g.look()
	return auth.Pass{}
}

func TestAdmission_CacheLookupCountsAsArriving(t *testing.T) {
	t.Parallel()
	p := newPlaces("work", 1, func(string) {})
	var during []int64
	a := &API{Config: Config{Gate: gateThatLooks{look: func() { during = append(during, p.coming.Load()) }}}}
	ask := func(r route) error {
		_, _, err := a.approach(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		return err
	}
	for _, r := range []route{{places: p}, {places: p, kept: true}, {}} {
		if err := ask(r); err != nil || p.coming.Load() != 0 {
			t.Errorf("%+v: %v, and %d are still arriving", r, err, p.coming.Load())
		}
	}
	p.waiting.Store(p.room())
	if err := ask(route{places: p}); problem.CodeOf(err) != problem.Unavailable {
		t.Errorf("with a full queue: %v", err)
	}
	if !slices.Equal(during, []int64{1, 0, 0}) {
		t.Errorf("during the lookups %v requests were arriving", during)
	}
}
