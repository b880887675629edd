package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// result is what came of the flood.
type result struct {
	capacity, rate float64
	length, well   time.Duration
	asked, done    int
	shed, other    int
	served, shedIn vegeta.LatencyMetrics
	strange        string

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
func (u *users) flood(ctx context.Context, length time.Duration, rate float64) *result {
	r := &result{rate: rate, length: length}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { u.askForHealth(ctx, &r.health) })
	others.Go(func() { u.endSessions(ctx, &r.sessions) })

	attacker := vegeta.NewAttacker(vegeta.Workers(callers), vegeta.MaxWorkers(4096), vegeta.Connections(4096), vegeta.Timeout(10*time.Second))
	go func() {
		<-ctx.Done()
		attacker.Stop()
	}()
	target := func(t *vegeta.Target) error {
		path, token, body := u.change(rand.IntN(len(u.paths))) //nolint:gosec // chance, no secret
		t.Method, t.URL, t.Body = http.MethodPatch, u.url+path, []byte(body)
		t.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}
		return nil
	}
	var served, shed vegeta.Metrics
	for answer := range attacker.Attack(target, vegeta.Rate{Freq: int(rate), Per: time.Second}, length, "flood") {
		r.asked++
		switch answer.Code {
		case http.StatusOK:
			r.done++
			served.Add(answer)
		case http.StatusServiceUnavailable:
			r.shed++
			shed.Add(answer)
		default:
			r.other++
			r.strange = fmt.Sprintf("%d %s %s", answer.Code, answer.Error, answer.Body)
		}
	}
	cancel()
	others.Wait()
	served.Close()
	shed.Close()
	r.served, r.shedIn = served.Latencies, shed.Latencies
	return r
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
