package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

const (
	// probeEvery is how often each replica is asked to write something.
	probeEvery = 25 * time.Millisecond
	// probeFor is how long a probe waits.
	probeFor = 2 * time.Second
	// mostProbes is how many probes there are at once at a replica. Each has a thing
	// of its own to change: at the same one they would wait for each other.
	mostProbes = 8
)

// prober asks every replica to change something, many times a second, to see when
// callers get through again.
type prober struct {
	w    *fleet.Fleet
	load *load
	me   *caller
	// free are the things that no probe is changing, by replica.
	free [replicas]chan string

	mu sync.Mutex
	// through is when those probes began and ended that got through, by replica.
	through [replicas][]span
}

type span struct{ began, ended time.Time }

func newProber(w *fleet.Fleet, l *load) *prober {
	return &prober{w: w, load: l, me: newCaller(l, "prober")}
}

// begin makes what is changed, and lets the probes begin.
func (p *prober) begin(ctx context.Context) error {
	if err := p.await(ctx, time.Minute); err != nil {
		return err
	}
	for n := range p.w.Replicas {
		p.free[n] = make(chan string, mostProbes)
		for range mostProbes {
			thing := p.me.create(ctx, "/api/v1/projects", `{"title":"probe"}`)
			if thing == "" {
				return errors.New("nothing could be made for the probes")
			}
			p.free[n] <- thing
		}
		p.load.running.Go(func() { p.probe(n) })
	}
	return nil
}

func (p *prober) probe(n int) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	var under sync.WaitGroup
	defer under.Wait()
	for !p.load.over.Load() {
		<-tick.C
		thing := <-p.free[n]
		under.Go(func() {
			defer func() { p.free[n] <- thing }()
			ctx, cancel := context.WithTimeout(context.Background(), probeFor)
			defer cancel()
			began := time.Now()
			got := p.load.ask(ctx, n, http.MethodPatch, "/api/v1/projects/"+thing, p.me.token, `{"title":"probe"}`, "")
			if got.status == http.StatusOK {
				p.mu.Lock()
				p.through[n] = append(p.through[n], span{began, time.Now()})
				p.mu.Unlock()
			}
		})
	}
}

// recovered waits until a probe has got through at each replica that began when a
// fault was over, and returns how long that took.
func (p *prober) recovered(ctx context.Context, over time.Time) (time.Duration, error) {
	var last time.Time
	err := fleet.Until(ctx, recoverWithin, "every replica answers again", func(context.Context) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		last = over
		for n := range p.through {
			first := firstAfter(p.through[n], over)
			if first.IsZero() {
				return false
			}
			if first.After(last) {
				last = first
			}
		}
		return true
	})
	if err != nil {
		return 0, p.why(err)
	}
	p.forget(over)
	return last.Sub(over), nil
}

// forget keeps the memory small.
func (p *prober) forget(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.through {
		var kept []span
		for _, s := range p.through[n] {
			if s.ended.After(before) {
				kept = append(kept, s)
			}
		}
		p.through[n] = kept
	}
}

// firstAfter is when the first ended of those that began after a moment.
func firstAfter(all []span, moment time.Time) (first time.Time) {
	for _, s := range all {
		if !s.began.Before(moment) && (first.IsZero() || s.ended.Before(first)) {
			first = s.ended
		}
	}
	return first
}

// await waits until every replica is ready and its database there.
func (p *prober) await(ctx context.Context, within time.Duration) error {
	err := fleet.Until(ctx, within, "every replica is ready", func(ctx context.Context) bool {
		for n := range p.w.Replicas {
			for _, path := range []string{"/health/ready", "/health/db"} {
				if p.load.ask(ctx, n, http.MethodGet, path, "", "", "").status != http.StatusOK {
					return false
				}
			}
		}
		return true
	})
	if err != nil {
		return p.why(err)
	}
	return nil
}

func (p *prober) why(err error) error {
	for n, r := range p.w.Replicas {
		err = fmt.Errorf("%w\nreplica %d: %s", err, n, r.Said())
	}
	return err
}
