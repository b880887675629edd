package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// result is what came of the flood.
type result struct {
	answers

	capacity, rate float64
	length, well   time.Duration

	// beside it: questions for health, and ends of sessions.
	health, sessions beside
}

// beside counts what has to succeed whatever else goes on.
type beside struct {
	asked, failed int
	slowest       time.Duration
	why           string
}

func (b *beside) note(began time.Time, status, want int, err error) {
	b.asked++
	b.slowest = max(b.slowest, time.Since(began))
	if err != nil || status != want {
		b.failed++
		b.why = fmt.Sprintf("%d instead of %d, %v", status, want, err)
	}
}

// flood asks at a rate, whatever is answered.
func (u *users) flood(ctx context.Context, length time.Duration, rate float64) (*result, error) {
	r := &result{rate: rate, length: length}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { u.askForHealth(ctx, &r.health) })
	others.Go(func() { u.endSessions(ctx, &r.sessions) })

	answers, err := attackFromOutside(ctx, attack{URL: u.url, Paths: u.paths, Tokens: u.tokens, Rate: int(rate), Length: length})
	cancel()
	others.Wait()
	r.answers = answers
	return r, err
}

// askForHealth asks ten times a second whether the server lives and how it is.
func (u *users) askForHealth(ctx context.Context, b *beside) {
	every(ctx, 100*time.Millisecond, func(ctx context.Context) {
		for _, path := range []string{"/health/live", "/health/ready", "/health"} {
			began := time.Now()
			status, _, err := u.ask(ctx, http.MethodGet, path, "", "")
			b.note(began, status, http.StatusOK, err)
		}
	})
}

// endSessions signs in and out, twice a second. A sign-in may be refused, a logout
// never.
func (u *users) endSessions(ctx context.Context, b *beside) {
	every(ctx, 500*time.Millisecond, func(ctx context.Context) {
		token, err := u.signIn(ctx, "leaver@example.com")
		if err != nil {
			return
		}
		began := time.Now()
		status, _, err := u.ask(ctx, http.MethodPost, "/api/v1/auth/logout", token, "")
		b.note(began, status, http.StatusNoContent, err)
	})
}

// every does something again and again until ctx is done, and ends what it has
// begun.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(context.WithoutCancel(ctx))
		}
	}
}
