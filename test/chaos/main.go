// Command chaos runs three replicas under load, injects faults into their dependencies,
// and counts violations: lost acknowledged writes, duplicate creations, tokens accepted
// after their session has ended, content of other users, and responses that are neither
// the expected ones nor a 503 problem. It also measures the recovery time of each fault.
//
//	go run ./test/chaos -for 3m
//
// With -upgrade-from it upgrades a large database under the same load instead.
//
// It starts everything it needs on loopback: PostgreSQL with a synchronous standby,
// Redis, an issuer, and the built program. The exit status is 1 after a violation. To
// repeat the order of the faults of a run, pass its -seed. docs/operations/reliability.md has the
// results of a long run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

func main() {
	length := flag.Duration("for", 3*time.Minute, "duration of faults; the checks at the end take extra time")
	callers := flag.Int("callers", 12, "number of concurrent users")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the order of faults")
	only := flag.String("only", "", "inject only the fault with this name")
	before := flag.String("upgrade-from", "", "inject no faults, but upgrade from this program of an older release")
	items := flag.Int("items", 10_000, "with -upgrade-from: number of items in the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o := options{*length, *callers, *seed, *only, *before, *items}
	work := run
	if o.before != "" {
		work = upgrade
	}
	err := work(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	length  time.Duration
	callers int
	seed    uint64
	only    string
	before  string
	items   int
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	fmt.Fprintf(out, "three replicas, %d callers, %s of faults, seed %d\n", o.callers, o.length, o.seed)
	w, err := fleet.Start(ctx, fleet.Config{Replicas: replicas})
	defer func() { err = errors.Join(err, w.Close()) }()
	if err != nil {
		return err
	}
	load := startLoad(ctx, w, o.callers, replicas)
	p := newProber(w, load)
	if err := p.start(ctx); err != nil {
		load.stop()
		return err
	}
	tolls, broke := injectFaults(ctx, o, w, p, out)
	if broke == nil {
		broke = p.waitReady(ctx, time.Minute) // the final check needs all replicas
	}
	load.stop()
	if broke == nil {
		broke = load.check(ctx)
	}
	fmt.Fprint(out, reportOf(load, tolls))
	if broke != nil {
		return broke
	}
	return load.tally.verdict()
}

// injectFaults injects one fault after the other, in a new order each round, until the
// time is over. It waits for recovery before the next fault.
func injectFaults(ctx context.Context, o options, w *fleet.Fleet, p *prober, out io.Writer) (recoveryTimes, error) {
	tolls, all := recoveryTimes{}, selectFaults(o.only)
	chance := rand.New(rand.NewPCG(o.seed, o.seed)) //nolint:gosec // not a secret
	for end := time.Now().Add(o.length); ; {
		chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, f := range all {
			if err := fleet.Sleep(ctx, faultInterval); err != nil {
				return tolls, err
			}
			if time.Now().After(end) {
				return tolls, nil
			}
			over, err := f.inject(ctx, w)
			if err != nil {
				return tolls, fmt.Errorf("%s: %w", f.name, err)
			}
			took, err := p.recovered(ctx, over)
			if err != nil {
				return tolls, fmt.Errorf("%s: %w", f.name, err)
			}
			tolls.add(f.name, took)
			fmt.Fprintf(out, "%s  %-40s recovered in %s\n", time.Now().Format(time.TimeOnly), f.name, took.Round(time.Millisecond))
		}
	}
}

const (
	replicas = 3
	// faultInterval is the time between two faults.
	faultInterval = 2 * time.Second
	// recoveryTimeout bounds the recovery from a fault.
	recoveryTimeout = time.Minute
)
