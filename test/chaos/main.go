// Command chaos runs three replicas under load, breaks what they depend on again
// and again, and counts what must never happen: acknowledged writes that are lost,
// creations that happened twice, tokens accepted after their session has ended,
// somebody else's content, and answers that are neither what was asked for nor a
// 503 problem. It also measures how soon each fault is over for callers.
//
//	go run ./test/chaos -for 3m
//
// It starts everything it needs on loopback (PostgreSQL with a synchronous standby,
// Redis, an issuer, the built program), and ends it. The exit status is 1 if
// anything happened that must not. docs/operations/reliability.md has the results of a long
// run.
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
	length := flag.Duration("for", 3*time.Minute, "how long faults are made; the checks at the end come on top")
	callers := flag.Int("callers", 12, "how many users work at the same time")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "begins the order of the faults")
	only := flag.String("only", "", "makes this fault alone, by its name in the report")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{*length, *callers, *seed, *only}, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// options is what can be chosen.
type options struct {
	length  time.Duration
	callers int
	seed    uint64
	only    string
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	fmt.Fprintf(out, "three replicas, %d callers, %s of faults, seed %d\n", o.callers, o.length, o.seed)
	w, err := fleet.Open(ctx, fleet.Config{Replicas: replicas})
	defer func() { err = errors.Join(err, w.Close()) }()
	if err != nil {
		return err
	}
	load := startLoad(ctx, w, o.callers)
	p := newProber(w, load)
	if err := p.begin(ctx); err != nil {
		load.end()
		return err
	}
	tolls, broke := breakThings(ctx, o, w, p, out)
	if broke == nil {
		broke = p.await(ctx, time.Minute) // the check needs the servers
	}
	load.end()
	if broke == nil {
		broke = load.check(ctx)
	}
	fmt.Fprint(out, reportOf(load, tolls))
	if broke != nil {
		return broke
	}
	return load.tally.verdict()
}

// breakThings makes one fault after the other, in a new order each round, until the
// time is over. Each ends before the next begins.
func breakThings(ctx context.Context, o options, w *fleet.Fleet, p *prober, out io.Writer) (tolls, error) {
	tolls, all := tolls{}, faultsOf(o.only)
	chance := rand.New(rand.NewPCG(o.seed, o.seed)) //nolint:gosec // chance, no secret
	for end := time.Now().Add(o.length); ; {
		chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, f := range all {
			if err := fleet.Sleep(ctx, calm); err != nil {
				return tolls, err
			}
			if time.Now().After(end) {
				return tolls, nil
			}
			over, err := f.make(ctx, w)
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
	// calm is the time between two faults.
	calm = 2 * time.Second
	// recoverWithin is the longest that is not called dead.
	recoverWithin = time.Minute
)
