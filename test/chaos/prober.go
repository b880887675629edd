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
	// probeInterval is the time between two probes of a replica.
	probeInterval = 25 * time.Millisecond
	// probeTimeout bounds a probe.
	probeTimeout = 2 * time.Second
	// maxProbes bounds the concurrent probes of a replica. Each changes a project of its
	// own, since writes to the same one wait for each other.
	maxProbes = 8
)

// prober sends writes to every replica, many times a second, to measure when requests
// succeed again.
type prober struct {
	fleet  *fleet.Fleet
	load   *load
	caller *caller
	// idle are the projects that no probe is changing, by replica.
	idle [replicas]chan string

	mu sync.Mutex
	// successes are the start and end of successful probes, by replica.
	successes [replicas][]span
}

type span struct{ startedAt, endedAt time.Time }

func newProber(w *fleet.Fleet, l *load) *prober {
	return &prober{fleet: w, load: l, caller: newCaller(l, "prober")}
}

// start creates the projects, and starts the probes.
func (p *prober) start(ctx context.Context) error {
	if err := p.waitReady(ctx, time.Minute); err != nil {
		return err
	}
	for n := range p.fleet.Replicas {
		p.idle[n] = make(chan string, maxProbes)
		for range maxProbes {
			project := p.caller.create(ctx, "/api/v1/projects", `{"title":"probe"}`)
			if project == "" {
				return errors.New("the projects for the probes could not be created")
			}
			p.idle[n] <- project
		}
		p.load.running.Go(func() { p.probe(n) })
	}
	return nil
}

func (p *prober) probe(n int) {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	var under sync.WaitGroup
	defer under.Wait()
	for !p.load.stopping.Load() {
		<-tick.C
		project := <-p.idle[n]
		under.Go(func() {
			defer func() { p.idle[n] <- project }()
			ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
			defer cancel()
			began := time.Now()
			got := p.load.send(ctx, n, http.MethodPatch, "/api/v1/projects/"+project, p.caller.token, `{"title":"probe"}`, "")
			if got.status == http.StatusOK {
				p.mu.Lock()
				p.successes[n] = append(p.successes[n], span{began, time.Now()})
				p.mu.Unlock()
			}
		})
	}
}

// recovered waits until a probe that began after the repair has succeeded at each
// replica, and returns the time since the repair.
func (p *prober) recovered(ctx context.Context, over time.Time) (time.Duration, error) {
	var last time.Time
	err := fleet.WaitUntil(ctx, recoveryTimeout, "every replica answers again", func(context.Context) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		last = over
		for n := range p.successes {
			first := firstAfter(p.successes[n], over)
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
		return 0, p.withLogs(err)
	}
	p.dropBefore(over)
	return last.Sub(over), nil
}

// dropBefore removes old successes, to bound memory.
func (p *prober) dropBefore(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.successes {
		var kept []span
		for _, s := range p.successes[n] {
			if s.endedAt.After(before) {
				kept = append(kept, s)
			}
		}
		p.successes[n] = kept
	}
}

// firstAfter is the end of the first success that began after the given time.
func firstAfter(all []span, moment time.Time) (first time.Time) {
	for _, s := range all {
		if !s.startedAt.Before(moment) && (first.IsZero() || s.endedAt.Before(first)) {
			first = s.endedAt
		}
	}
	return first
}

// waitReady waits until every replica is ready and reaches its database.
func (p *prober) waitReady(ctx context.Context, within time.Duration) error {
	err := fleet.WaitUntil(ctx, within, "every replica is ready", func(ctx context.Context) bool {
		for n := range p.fleet.Replicas {
			for _, path := range []string{"/health/ready", "/health/db"} {
				if p.load.send(ctx, n, http.MethodGet, path, "", "", "").status != http.StatusOK {
					return false
				}
			}
		}
		return true
	})
	if err != nil {
		return p.withLogs(err)
	}
	return nil
}

func (p *prober) withLogs(err error) error {
	for n, r := range p.fleet.Replicas {
		err = fmt.Errorf("%w\nreplica %d: %s", err, n, r.LogTail())
	}
	return err
}
