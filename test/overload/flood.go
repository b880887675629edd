package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// result is the result of the overload.
type result struct {
	counts

	capacity, rate   float64
	length, recovery time.Duration

	// health and sessions are the probes during the overload.
	health, sessions probe
}

// probe counts requests that have to succeed during the overload.
type probe struct {
	sent, failed int
	slowest      time.Duration
	why          string
}

func (b *probe) record(began time.Time, status, want int, err error) {
	b.sent++
	b.slowest = max(b.slowest, time.Since(began))
	if err != nil || status != want {
		b.failed++
		b.why = fmt.Sprintf("%d instead of %d, %v", status, want, err)
	}
}

// flood sends requests at a constant rate, independent of the responses.
func (u *users) flood(ctx context.Context, length time.Duration, rate float64) (*result, error) {
	r := &result{rate: rate, length: length}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { u.probeHealth(ctx, &r.health) })
	others.Go(func() { u.probeLogout(ctx, &r.sessions) })

	answers, err := runAttack(ctx, attack{URL: u.url, Paths: u.paths, Tokens: u.tokens, Rate: int(rate), Length: length})
	cancel()
	others.Wait()
	r.counts = answers
	return r, err
}

// probeHealth requests the health endpoints ten times a second.
func (u *users) probeHealth(ctx context.Context, b *probe) {
	repeat(ctx, 100*time.Millisecond, func(ctx context.Context) {
		for _, path := range []string{"/health/live", "/health/ready", "/health"} {
			began := time.Now()
			status, _, err := u.send(ctx, http.MethodGet, path, "", "")
			b.record(began, status, http.StatusOK, err)
		}
	})
}

// probeLogout signs in and out, twice a second. A sign-in may be shed, a logout never.
func (u *users) probeLogout(ctx context.Context, b *probe) {
	repeat(ctx, 500*time.Millisecond, func(ctx context.Context) {
		token, err := u.signIn(ctx, "leaver@example.com")
		if err != nil {
			return
		}
		began := time.Now()
		status, _, err := u.send(ctx, http.MethodPost, "/api/v1/auth/logout", token, "")
		b.record(began, status, http.StatusNoContent, err)
	})
}

// repeat calls do at each interval until ctx is done. It does not interrupt a call.
func repeat(ctx context.Context, pause time.Duration, do func(context.Context)) {
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
