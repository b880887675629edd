package admission

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestBytes_BoundsEachCallerAndAll(t *testing.T) {
	t.Parallel()
	shed := 0
	b := newBytes("responses", 300<<10, 500<<10, func(string) { shed++ })
	wantAdd := func(a *Account, size int, want problem.Code) {
		t.Helper()
		err := a.Add(size)
		if want == "" && err != nil || want != "" && problem.CodeOf(err) != want {
			t.Fatalf("%d more bytes: %v, want %q", size, err, want)
		}
	}
	ann, more, ben, small := b.Open("ann"), b.Open("ann"), b.Open("ben"), b.Open("ben")
	wantAdd(&ann, 64<<10, "") // not counted
	wantAdd(&ann, 200<<10, "")
	wantAdd(&more, 164<<10, "")
	wantAdd(&more, 1, problem.RateLimited)
	wantAdd(&ben, 264<<10, "")
	wantAdd(&ben, 1, problem.Unavailable)
	wantAdd(&small, 64<<10, "") // ordinary requests pass whatever others hold
	if shed != 1 {
		t.Errorf("%d were counted as shed, want 1", shed)
	}
	ann.Close()
	ann.Close() // once more has no effect
	wantAdd(&ben, 36<<10, "")
	wantAdd(&more, 164<<10, "")
	for _, a := range []*Account{&more, &ben, &small} {
		a.Close()
	}
	if b.held != 0 || len(b.callers) != 0 {
		t.Errorf("after all: %d bytes of %v", b.held, b.callers)
	}
}

func TestBytes_ContextCountsOnItsAccount(t *testing.T) {
	t.Parallel()
	account := newBytes("responses", 100<<10, 100<<10, func(string) {}).Open("ann")
	ctx := NewContext(t.Context(), &account)
	if err := Hold(ctx, 164<<10); err != nil {
		t.Error(err)
	}
	if err := Hold(ctx, 1); problem.CodeOf(err) != problem.RateLimited {
		t.Errorf("beyond the budget: %v", err)
	}
	if err := Hold(t.Context(), 1<<40); err != nil {
		t.Errorf("without an account: %v", err)
	}
}

func TestAdmission_OneCallerHoldsHalf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter("normal", 4, func(string) {})
		acquire := func(caller string) (func(), error) { return l.AcquireFor(t.Context(), caller) }
		var releases []func()
		for range 2 {
			release, err := acquire("ann")
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		began := time.Now()
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := acquire("ann"); problem.CodeOf(err) != problem.Unavailable || time.Since(began) != shareTimeout {
				t.Errorf("beyond the half: %v after %s", err, time.Since(began))
			}
		})
		synctest.Wait()
		for range 2 { // others find slots at once
			release, err := acquire("ben")
			if err != nil || time.Since(began) != 0 {
				t.Fatalf("another caller: %v after %s", err, time.Since(began))
			}
			release()
		}
		waiting.Wait()

		// A slot that is released goes to the caller's own work that waits.
		waiting.Go(func() {
			if release, err := acquire("ann"); err != nil {
				t.Errorf("a released slot: %v", err)
			} else {
				release()
			}
		})
		synctest.Wait()
		releases[0]()
		waiting.Wait()

		// Work that is cancelled while it waits leaves nothing behind.
		ctx, cancel := context.WithCancel(t.Context())
		releases[0], _ = acquire("ann")
		waiting.Go(func() {
			if _, err := l.AcquireFor(ctx, "ann"); problem.CodeOf(err) != problem.Unavailable {
				t.Errorf("cancelled: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		waiting.Wait()
		for _, release := range releases {
			release()
		}
		if len(l.shares.callers) != 0 || len(l.slots) != 0 {
			t.Errorf("after all: %v, %d slots", l.shares.callers, len(l.slots))
		}
	})
}
