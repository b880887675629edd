// Command attack lets one address, or one user, do the worst to a replica that runs
// within the shipped limits: 512 MiB of memory, GOMEMLIMIT=400MiB and the default rate
// limits. Beside each attack good clients measure their latencies.
//
//	go run ./test/attack
//
// The exit status is 1 if the replica has ended or came near its limit of memory, or if
// a good client was rejected. With -ratio it is 1 as well if the 95th percentile of the
// good clients rose beyond that multiple of the one before. As root on Linux the
// replica runs in a memory cgroup, so the kernel kills it at the limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

const (
	// memoryLimit is that of the deployment files, in bytes.
	memoryLimit = 512 << 20
	// minBaseline is the least p95 that ratios are computed with. Below it a busy
	// machine alone makes a multiple.
	minBaseline = 10 * time.Millisecond
)

func main() {
	length := flag.Duration("for", 8*time.Second, "duration of each attack")
	ratio := flag.Float64("ratio", 0, "the greatest p95 of good clients, as a multiple of the one before; 0 for no bound")
	only := flag.String("only", "", "regular expression that selects attacks by name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{*length, *ratio, *only}, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	length time.Duration
	ratio  float64
	only   string
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	selected, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	f, err := fleet.Start(ctx, fleet.Config{Replicas: 1, Settings: []string{
		"GOMEMLIMIT=400MiB", "RATELIMIT_DEFAULT=100/minute", "RATELIMIT_AUTH=10/minute", "RATELIMIT_REFRESH=30/minute",
		"LOG_LEVEL=ERROR", "TRUSTED_PROXIES=127.0.0.1/32", // so that each client has an address of its own
	}})
	defer func() { err = errors.Join(err, f.Close()) }()
	if err != nil {
		return err
	}
	group, err := limitMemory(f.Replicas[0].PID(), memoryLimit)
	if err != nil {
		fmt.Fprintln(out, "no memory cgroup, so the memory is only watched:", err)
	}
	defer group.remove()
	t, err := newTarget(ctx, f)
	if err != nil {
		return err
	}
	if err := t.fill(ctx); err != nil {
		return err
	}
	before := t.goodClients(ctx, o.length)
	fmt.Fprintf(out, "%-46s %8s %10s %10s %9s %s\n", "attack", "good", "p50", "p95", "memory", "responses to the attack")
	fmt.Fprintln(out, row("none", before, group.peak(f.Replicas[0].PID()), ""))
	var failed []error
	for _, a := range attacks {
		if !selected.MatchString(a.name) {
			continue
		}
		responses := newTally()
		attackCtx, end := context.WithTimeout(ctx, o.length)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			a.run(attackCtx, t, responses)
		}()
		during := t.goodClients(ctx, o.length)
		end()
		<-ended
		peak := group.peak(f.Replicas[0].PID())
		fmt.Fprintln(out, row(a.name, during, peak, responses.String()))
		failed = append(failed, judge(a.name, o, before, during, peak, t.alive(ctx)))
	}
	return errors.Join(failed...)
}

func row(name string, g latencies, peak int64, responses string) string {
	return fmt.Sprintf("%-46s %8d %10s %10s %6d MiB %s", name, len(g.times), g.percentile(50).Round(100*time.Microsecond),
		g.percentile(95).Round(100*time.Microsecond), peak>>20, responses)
}

// judge returns what an attack did that it must not be able to do.
func judge(name string, o options, before, during latencies, peak int64, alive bool) error {
	limit := time.Duration(o.ratio * float64(max(before.percentile(95), minBaseline)))
	switch {
	case !alive:
		return fmt.Errorf("%s: the replica does not respond any more", name)
	case peak > memoryLimit*9/10:
		return fmt.Errorf("%s: the replica used %d MiB", name, peak>>20)
	case during.rejected != "":
		return fmt.Errorf("%s: a good client got %s", name, during.rejected)
	case o.ratio > 0 && during.percentile(95) > limit:
		return fmt.Errorf("%s: the p95 of good clients is %s, more than %s", name, during.percentile(95), limit)
	}
	return nil
}
