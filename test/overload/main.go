// Command overload sends five times the capacity of a replica, in an open model: the
// rate does not depend on the responses, and clients ignore Retry-After. It measures the
// capacity first. It reports the goodput under overload, whether health checks and
// logouts succeeded meanwhile, and the time to recover.
//
//	go run ./test/overload -for 5m
//
// The database has a latency of a few milliseconds, like one on another machine. So
// database connections are the bottleneck, and not the processors, which the load
// generator uses too. The exit status is 1 if a goal was missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

func main() {
	length := flag.Duration("for", 5*time.Minute, "duration of the overload")
	times := flag.Float64("times", 5, "load as a multiple of the capacity")
	late := flag.Duration("late", 5*time.Millisecond, "latency to the database, in each direction")
	without := flag.Bool("without-redis", false, "run without Redis")
	attacks := flag.Bool("attack", false, "internal: read an attack from standard input and run it")
	flag.Parse()
	if *attacks {
		os.Exit(exitStatus(serveAttack(os.Stdin, os.Stdout)))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{*length, *times, *late, *without}, os.Stdout)
	stop()
	os.Exit(exitStatus(err))
}

// exitStatus prints an error, and returns the exit status.
func exitStatus(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "overload:", err)
	return 1
}

const (
	// capacityDuration and callers are the duration and the concurrency of the
	// measurement of the capacity.
	capacityDuration = 10 * time.Second
	callers          = 64
	// minGoodput is the goal for the share of the capacity under overload, maxRecovery
	// that for the recovery after it.
	minGoodput  = 0.9
	maxRecovery = 10 * time.Second
)

// options are the flags.
type options struct {
	length       time.Duration
	times        float64
	late         time.Duration
	withoutRedis bool
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	f, err := fleet.Start(ctx, fleet.Config{Replicas: 1, Settings: []string{"LOG_LEVEL=ERROR"}})
	defer func() { err = errors.Join(err, f.Close()) }()
	if err != nil {
		return err
	}
	u, err := signUp(ctx, f)
	if err != nil {
		return err
	}
	f.Database.Delay(o.late)
	if o.withoutRedis {
		f.Redis.Kill()
	}
	_, _ = u.closedLoop(ctx, capacityDuration/2) // warm-up; some requests may fail
	capacity, err := u.closedLoop(ctx, capacityDuration)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "capacity: %.0f changes a second by %d callers\n", capacity, callers)
	r, err := u.flood(ctx, o.length, o.times*capacity)
	if err != nil {
		return err
	}
	r.capacity = capacity
	if r.recovery, err = u.waitForRecovery(ctx, capacity); err != nil {
		return err
	}
	fmt.Fprint(out, r)
	return r.verdict()
}
