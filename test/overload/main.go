// Command overload asks a replica for five times as much as it can do, in an open
// model: requests come at their rate whether or not those before are answered, and
// nobody heeds Retry-After. It finds the capacity first, and tells what was done of
// it under the flood, whether health was answered and sessions could be ended
// meanwhile, and how soon all was well again.
//
//	go run ./test/overload -for 5m
//
// The database answers a few milliseconds later than it would, as one on another
// machine does, so that the connections to it are what is short, and not the
// processors that the flood comes from. The exit status is 1 if an aim was missed.
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
	length := flag.Duration("for", 5*time.Minute, "how long the flood lasts")
	times := flag.Float64("times", 5, "how many times the capacity it is")
	late := flag.Duration("late", 5*time.Millisecond, "how much later what is sent to the database arrives, and its answer")
	without := flag.Bool("without-redis", false, "lets Redis be away for all of it")
	attacks := flag.Bool("attack", false, "reads an attack from standard input, and makes it: what the program starts itself as")
	flag.Parse()
	if *attacks {
		os.Exit(complain(attackFor(os.Stdin, os.Stdout)))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{*length, *times, *late, *without}, os.Stdout)
	stop()
	os.Exit(complain(err))
}

// complain tells what went wrong, and returns the exit status.
func complain(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "overload:", err)
	return 1
}

const (
	// measureFor is how long the capacity is measured, callers how many ask then.
	measureFor = 10 * time.Second
	callers    = 64
	// leastGoodput is how much of the capacity has to be done under the flood, and
	// wellWithin how soon all has to be well after it.
	leastGoodput = 0.9
	wellWithin   = 10 * time.Second
)

// options is what can be chosen.
type options struct {
	length       time.Duration
	times        float64
	late         time.Duration
	withoutRedis bool
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	f, err := fleet.Open(ctx, fleet.Config{Replicas: 1, Settings: []string{"LOG_LEVEL=ERROR"}})
	defer func() { err = errors.Join(err, f.Close()) }()
	if err != nil {
		return err
	}
	u, err := signUp(ctx, f)
	if err != nil {
		return err
	}
	f.Database.HoldUp(o.late)
	if o.withoutRedis {
		f.Redis.Kill()
	}
	_, _ = u.closedLoop(ctx, measureFor/2) // warms up, in which something may be refused
	capacity, err := u.closedLoop(ctx, measureFor)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "capacity: %.0f changes a second by %d callers\n", capacity, callers)
	r, err := u.flood(ctx, o.length, o.times*capacity)
	if err != nil {
		return err
	}
	r.capacity = capacity
	if r.well, err = u.untilWell(ctx, capacity); err != nil {
		return err
	}
	fmt.Fprint(out, r)
	return r.verdict()
}
