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

// fault is a fault that can be injected.
type fault struct {
	name string
	// inject injects the fault and repairs it. It returns the time of the repair, from
	// which recovery is measured.
	inject func(context.Context, *fleet.Fleet) (time.Time, error)
}

// faultDuration is the duration of faults that have to be repaired.
const faultDuration = 3 * time.Second

func selectFaults(only string) []fault {
	all := []fault{
		{"kill -9 a replica", killReplica},
		{"kill -9 a PostgreSQL backend", killBackend},
		{"kill -9 the postmaster", killPostmaster},
		{"restart PostgreSQL (fast)", restartPostgres},
		{"fail over to the standby", failOver},
		{"cut all connections to PostgreSQL", func(_ context.Context, w *fleet.Fleet) (time.Time, error) { w.Database.Cut(); return time.Now(), nil }},
		{"drop all packets to PostgreSQL", swallow(func(w *fleet.Fleet) *fleet.Proxy { return w.Database })},
		{"delay PostgreSQL by 100 ms", slow(func(w *fleet.Fleet) *fleet.Proxy { return w.Database })},
		{"kill -9 Redis, restart empty", killRedis},
		{"flush Redis", emptyRedis},
		{"fill Redis", fillRedis},
		{"cut all connections to Redis", func(_ context.Context, w *fleet.Fleet) (time.Time, error) { w.Cache.Cut(); return time.Now(), nil }},
		{"drop all packets to Redis", swallow(func(w *fleet.Fleet) *fleet.Proxy { return w.Cache })},
		{"delay Redis by 100 ms", slow(func(w *fleet.Fleet) *fleet.Proxy { return w.Cache })},
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
	r := w.Replicas[rand.IntN(replicas)] //nolint:gosec // not a secret
	r.Kill()
	if err := fleet.Sleep(ctx, time.Second); err != nil {
		return time.Time{}, err
	}
	return time.Now(), r.Start(ctx)
}

// killBackend kills one backend of the service. PostgreSQL then ends all others and
// recovers, since shared memory may be corrupt.
func killBackend(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	var pid int
	err := w.Primary.Query(ctx, &pid, "SELECT pid FROM pg_stat_activity WHERE usename = 'service' ORDER BY random() LIMIT 1")
	if err != nil {
		return time.Time{}, err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return time.Time{}, fmt.Errorf("kill backend %d: %w", pid, err)
	}
	err = fleet.WaitUntil(ctx, 20*time.Second, "PostgreSQL recovers", func(ctx context.Context) bool { return w.Primary.Exec(ctx, "SELECT 1") == nil })
	return time.Now(), err
}

func killPostmaster(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Primary.Kill()
	err := w.Primary.Start(ctx)
	return time.Now(), err
}

func restartPostgres(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Primary.StopFast()
	err := w.Primary.Start(ctx)
	return time.Now(), err
}

// failOver kills the primary and promotes the standby. Then it makes the former primary
// a new standby.
func failOver(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Primary.Kill()
	var promoted bool
	if err := w.Standby.Query(ctx, &promoted, "SELECT pg_promote()"); err != nil || !promoted {
		return time.Time{}, fmt.Errorf("promote the standby: %w", err)
	}
	w.Primary, w.Standby = w.Standby, w.Primary
	if err := w.Primary.RequireStandby(ctx, false); err != nil {
		return time.Time{}, err
	}
	w.Database.Retarget(w.Primary.Address())
	over := time.Now()
	return over, w.StartStandby(ctx)
}

func swallow(of func(*fleet.Fleet) *fleet.Proxy) func(context.Context, *fleet.Fleet) (time.Time, error) {
	return func(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
		defer of(w).Heal()
		of(w).Blackhole()
		err := fleet.Sleep(ctx, faultDuration)
		return time.Now(), err
	}
}

func slow(of func(*fleet.Fleet) *fleet.Proxy) func(context.Context, *fleet.Fleet) (time.Time, error) {
	return func(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
		defer of(w).Heal()
		of(w).Delay(100 * time.Millisecond)
		err := fleet.Sleep(ctx, faultDuration)
		return time.Now(), err
	}
}

func killRedis(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	w.Redis.Kill()
	if err := fleet.Sleep(ctx, faultDuration); err != nil {
		return time.Time{}, err
	}
	err := w.Redis.Restart(ctx)
	return time.Now(), err
}

func emptyRedis(ctx context.Context, w *fleet.Fleet) (time.Time, error) {
	err := onRedis(w, func(c rueidis.Client) error { return c.Do(ctx, c.B().Flushall().Build()).Error() })
	return time.Now(), err
}

// fillRedis writes more than maxmemory, so that Redis evicts keys.
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
