package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/test/fleet"
)

// fault is something that breaks.
type fault struct {
	name string
	// make breaks it and mends it again. It returns the moment at which it was
	// mended: from then on everything may be expected to work again.
	make func(context.Context, *fleet.Fleet) (time.Time, error)
}

// lasts is how long what does not mend itself stays broken.
const lasts = 3 * time.Second

func faultsOf(only string) []fault {
	all := []fault{
		{"kill -9 a replica", killReplica},
		{"kill -9 a PostgreSQL backend", killBackend},
		{"kill -9 the postmaster", killPostmaster},
		{"restart PostgreSQL (fast)", restartPostgres},
		{"fail over to the standby", failOver},
		{"cut all connections to PostgreSQL", func(_ context.Context, w *fleet.Fleet) (time.Time, error) { w.Database.Cut(); return time.Now(), nil }},
		{"PostgreSQL's network loses everything", swallow(func(w *fleet.Fleet) *fleet.Proxy { return w.Database })},
		{"PostgreSQL answers 100 ms later", slow(func(w *fleet.Fleet) *fleet.Proxy { return w.Database })},
		{"kill -9 Redis, started again empty", killRedis},
		{"empty Redis", emptyRedis},
		{"fill Redis", fillRedis},
		{"cut all connections to Redis", func(_ context.Context, w *fleet.Fleet) (time.Time, error) { w.Cache.Cut(); return time.Now(), nil }},
		{"Redis's network loses everything", swallow(func(w *fleet.Fleet) *fleet.Proxy { return w.Cache })},
		{"Redis answers 100 ms later", slow(func(w *fleet.Fleet) *fleet.Proxy { return w.Cache })},
	}
	if only == "" {
		return all
	}
	for _, f := range all {
		if f.name == only {
			return []fault{f}
		}
	}
	return nil
}

func killReplica(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	r := w.Replicas[rand.IntN(replicas)] //nolint:gosec // chance, no secret
	r.Kill()
	if err := fleet.Sleep(ctx, time.Second); err != nil {
		return time.Time{}, err
	}
	return time.Now(), r.Start(ctx)
}

// killBackend kills one process that serves a connection of ours. PostgreSQL then
// ends all the others and recovers, since shared memory may be spoilt.
func killBackend(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	var pid int
	err := w.Primary.Query(ctx, &pid, "SELECT pid FROM pg_stat_activity WHERE usename = 'service' ORDER BY random() LIMIT 1")
	if err != nil {
		return time.Time{}, err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return time.Time{}, fmt.Errorf("kill backend %d: %w", pid, err)
	}
	err = fleet.Until(ctx, 20*time.Second, "PostgreSQL recovers", func(ctx context.Context) bool { return w.Primary.Exec(ctx, "SELECT 1") == nil })
	return time.Now(), err
}

func killPostmaster(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Primary.Kill()
	err := w.Primary.Start(ctx)
	return time.Now(), err
}

func restartPostgres(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Primary.Fast()
	err := w.Primary.Start(ctx)
	return time.Now(), err
}

// failOver kills the primary for good and lets the standby take its place. Then it
// makes a new standby of what was the primary.
func failOver(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Primary.Kill()
	var promoted bool
	if err := w.Standby.Query(ctx, &promoted, "SELECT pg_promote()"); err != nil || !promoted {
		return time.Time{}, fmt.Errorf("promote the standby: %w", err)
	}
	w.Primary, w.Standby = w.Standby, w.Primary
	if err := w.Primary.DemandStandby(ctx, false); err != nil {
		return time.Time{}, err
	}
	w.Database.Lead(w.Primary.Address())
	over := time.Now()
	return over, w.Follow(ctx)
}

func swallow(of func(*fleet.Fleet) *fleet.Proxy) func(context.Context, *fleet.Fleet) (time.Time, error) {
	return func(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
		defer of(w).Heal()
		of(w).Swallow()
		err := fleet.Sleep(ctx, lasts)
		return time.Now(), err
	}
}

func slow(of func(*fleet.Fleet) *fleet.Proxy) func(context.Context, *fleet.Fleet) (time.Time, error) {
	return func(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
		defer of(w).Heal()
		of(w).HoldUp(100 * time.Millisecond)
		err := fleet.Sleep(ctx, lasts)
		return time.Now(), err
	}
}

func killRedis(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Redis.Kill()
	if err := fleet.Sleep(ctx, lasts); err != nil {
		return time.Time{}, err
	}
	err := w.Redis.Restart(ctx)
	return time.Now(), err
}

func emptyRedis(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	err := onRedis(w, func(c rueidis.Client) error { return c.Do(ctx, c.B().Flushall().Build()).Error() })
	return time.Now(), err
}

// fillRedis writes more than it may hold, so that it throws away what it likes.
func fillRedis(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	ballast := string(bytes.Repeat([]byte("x"), 20<<10))
	err := onRedis(w, func(c rueidis.Client) error {
		for n := range 3000 {
			set := c.B().Set().Key("ballast:" + strconv.Itoa(n)).Value(ballast).Ex(time.Minute).Build()
			if err := c.Do(ctx, set).Error(); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Now(), err
}

func onRedis(w *fleet.Fleet, do func(rueidis.Client) error) error {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{w.Redis.Address}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}
