package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/codegenapp/codegenapp/bench/seed"
	"github.com/codegenapp/codegenapp/test/fleet"
)

const (
	// oldReplicas run the release before, as many others this one.
	oldReplicas = 2
	// phase is how long each state of an upgrade is under load.
	phase = 10 * time.Second
)

// upgrade migrates a database under load while the release before serves, starts this
// release beside it, and ends the release before. Every request has to succeed.
func upgrade(ctx context.Context, o options, out io.Writer) (err error) {
	w, err := fleet.Start(ctx, fleet.Config{Replicas: 2 * oldReplicas, Alone: true, Before: o.before, OldReplicas: oldReplicas})
	defer func() { err = errors.Join(err, w.Close()) }()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := seed.Product.Load(ctx, w.Primary.URL("postgres", "codegenapp"), w.IssuerURL(), seed.Users(o.items), began); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d items were loaded in %s; %d callers\n", o.items, time.Since(began).Round(time.Second), o.callers)
	u := upgrading{fleet: w, out: out}
	if err := u.waitReady(ctx, 0, oldReplicas); err != nil {
		return err
	}
	u.load = startLoad(ctx, w, o.callers, oldReplicas)
	err = u.phases(ctx)
	u.load.stop()
	if err == nil {
		err = u.load.check(ctx)
	}
	fmt.Fprint(out, reportOf(u.load, nil))
	t := &u.load.tally
	if failed := t.unavailable.Load() + t.unanswered.Load(); err == nil && failed > 0 {
		err = fmt.Errorf("%d requests failed", failed)
	}
	return errors.Join(err, t.verdict())
}

type upgrading struct {
	fleet *fleet.Fleet
	load  *load
	out   io.Writer
}

// phases is the upgrade.
func (u upgrading) phases(ctx context.Context) error {
	under := func(name string, do func() error) error {
		t := &u.load.tally
		requests, start := t.requests.Load(), time.Now()
		t.slowest.Store(0)
		if err := do(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(u.out, "%-44s %8s, %6d requests, the slowest %s\n", name, time.Since(start).Round(time.Millisecond),
			t.requests.Load()-requests, time.Duration(t.slowest.Load()).Round(time.Millisecond))
		return nil
	}
	serve := func() error { return fleet.Sleep(ctx, phase) }
	return errors.Join(
		under("the release before, before the migration", serve),
		under("the release before, during migrate up", func() error { return u.fleet.Migrate(ctx) }),
		under("the release before, after the migration", serve),
		under("the release before, while this one starts", func() error { return u.startThis(ctx) }),
		under("both releases", serve),
		under("both, while the release before ends", func() error { return u.stopBefore(ctx) }),
		under("this release", serve),
	)
}

// startThis starts this release beside the one before.
func (u upgrading) startThis(ctx context.Context) error {
	for _, r := range u.fleet.Replicas[oldReplicas:] {
		if err := r.Start(ctx); err != nil {
			return err
		}
	}
	if err := u.waitReady(ctx, oldReplicas, 2*oldReplicas); err != nil {
		return err
	}
	u.load.use(0, 2*oldReplicas)
	return nil
}

// stopBefore ends the release before, after callers have left it.
func (u upgrading) stopBefore(ctx context.Context) error {
	u.load.use(oldReplicas, 2*oldReplicas)
	if err := fleet.Sleep(ctx, time.Second); err != nil {
		return err
	}
	for _, r := range u.fleet.Replicas[:oldReplicas] {
		r.Stop()
	}
	return nil
}

func (u upgrading) waitReady(ctx context.Context, first, end int) error {
	client := http.Client{Timeout: probeTimeout}
	return fleet.WaitUntil(ctx, time.Minute, "every replica is ready", func(ctx context.Context) bool {
		for _, r := range u.fleet.Replicas[first:end] {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/health/ready", http.NoBody)
			if err != nil {
				return false
			}
			answer, err := client.Do(request)
			if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
				return false
			}
		}
		return true
	})
}
