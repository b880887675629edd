package postgres_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestOnePersonWhoSignsInForTheFirstTimeManyTimesAtOnceIsOneUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pooled(8))
	p := profile()
	ids := make([]auth.UserID, 8)
	var wg sync.WaitGroup
	for n := range ids {
		wg.Go(func() {
			actor, err := signIn(t.Context(), w.store, again(p))
			if problem.CodeOf(err) == problem.Unavailable {
				return // the machine is busy
			}
			wantCode(t, "a first sign-in", err, "")
			ids[n] = actor.User
		})
	}
	wg.Wait()
	ids = slices.DeleteFunc(ids, auth.UserID.IsZero)
	if all := slices.Compact(slices.Clone(ids)); len(all) != 1 {
		t.Errorf("one person is %d users", len(all))
	}
}

func TestAnIDTokenSignsInOnceHoweverOftenItIsSentAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pooled(8))
	p := profile()
	codes := make(chan problem.Code, 8)
	var wg sync.WaitGroup
	for range cap(codes) {
		wg.Go(func() {
			_, err := signIn(t.Context(), w.store, p)
			if err == nil {
				codes <- ""
				return
			}
			codes <- problem.CodeOf(err)
		})
	}
	wg.Wait()
	close(codes)
	got := map[problem.Code]int{}
	for code := range codes {
		got[code]++
	}
	// A busy machine may keep somebody waiting for too long; nobody gets in twice.
	if got[""] != 1 || got[""]+got[problem.GoogleTokenInvalid]+got[problem.Unavailable] != cap(codes) {
		t.Errorf("the sign-ins ended with %v, want one success and no error but %s", got, problem.GoogleTokenInvalid)
	}
}
