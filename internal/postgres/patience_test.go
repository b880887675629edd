package postgres_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestWhoWaitsTooLongForAPipelineIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	before := s.store.PoolStats()
	release := s.hold()
	began := time.Now()
	wait := s.queue(s.answers("Project", problem.Unavailable), s.answers("Items", problem.Unavailable))
	wait()
	if took := time.Since(began); took < 400*time.Millisecond || took > 1500*time.Millisecond {
		t.Errorf("they waited %v, want half a second", took)
	}
	if _, waiting := s.store.Shared(); waiting > 0 {
		t.Errorf("%d still wait", waiting)
	}
	now := s.store.PoolStats()
	if failures := now.Failures - before.Failures; failures != 2 {
		t.Errorf("%d waited in vain, want 2", failures)
	}
	release()
	s.settled()
	s.answers("Project", "")()
}

func TestACallerWhoLeavesTheQueueIsNotAskedFor(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	s.says("one")()
	s.says("two")()
	before := s.store.PoolStats()
	release := s.hold()
	ctx, leave := context.WithCancel(t.Context())
	leaves := func() {
		err := s.store.Ask(ctx, s.actor, func(string) { t.Error("who has left was answered") }, "SELECT 'three'")
		wantCode(t, "a caller who leaves", err, problem.Unavailable)
	}
	wait := s.queue(leaves, s.says("one"), leaves, s.says("two"), leaves)
	leave()
	eventually(t, "those who leave are gone", func() bool { _, waiting := s.store.Shared(); return waiting == 2 })
	if flights := tap.count(func() { release(); wait() }); flights != 1 {
		t.Errorf("those who stayed took %d flights, want 1", flights)
	}
	s.settled()
	now := s.store.PoolStats()
	if failures := now.Failures - before.Failures; failures != 3 {
		t.Errorf("%d waited in vain, want 3", failures)
	}
}

// The leader's caller leaves at the worst moment: when PostgreSQL is at work for all.
func TestALeaderWhoseCallerLeavesStillBringsTheOthersTheirAnswers(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	s.says("one")()
	s.says("two")()
	const nap = "SELECT 'slept' || pg_sleep(1.5)::text"
	if err := s.store.Ask(t.Context(), s.actor, deaf, nap); err != nil {
		t.Fatal(err)
	}
	asleep := s.waitsIn("PgSleep")
	ctx, leave := context.WithCancel(t.Context())
	release := s.hold()
	wait := s.queue(func() { _ = s.store.Ask(ctx, s.actor, deaf, nap) }, s.says("one"), s.says("two"))
	flights := tap.count(func() {
		release()
		eventually(t, "the leader's statement runs", asleep)
		leave()
		wait()
	})
	if flights != 1 {
		t.Errorf("they took %d flights, want 1", flights)
	}
	s.settled()
	s.free()
}

// Whatever comes and leaves when, in the end nobody waits and nothing is under way.
func TestNobodyIsForgottenHoweverTheyComeAndLeave(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t, pooled(5)))
	statements := []string{"SELECT 'one'", "SELECT 'two'", "SELECT (1 / (random() * 0)::int)::text", "SELECT 'slept' || pg_sleep(0.001)::text"}
	until := time.Now().Add(2 * time.Second)
	var running sync.WaitGroup
	for range 100 {
		running.Go(func() {
			for time.Now().Before(until) {
				ctx, leave := context.WithCancel(t.Context())
				if rand.IntN(3) == 0 {
					time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, leave)
				}
				n := rand.IntN(len(statements))
				err := s.store.Ask(ctx, s.actor, deaf, statements[n])
				if code := problem.CodeOf(err); err != nil && code != problem.Unavailable && (n != 2 || code != problem.Internal) {
					t.Errorf("%s: %v", statements[n], err)
				}
				leave()
			}
		})
	}
	within(t, soon, "all reads", running.Wait)
	s.settled()
	s.answers("Project", "")()
}
