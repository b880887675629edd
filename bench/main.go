// Command bench measures the cost of requests in processor time of the server, of
// PostgreSQL and of Redis, and their latency. It starts everything that it needs, and
// measures codegenapp and its peers in turns: a hand-written server (bench/reference),
// Fastify, PocketBase and Flask (bench/peers), PostgreSQL alone (pgbench), and net/http
// alone (bench/bare). With -compare it measures two builds of codegenapp.

//	go run ./bench
//	go run ./bench -only read -duration 1s -rounds 1
//	go run ./bench -scale
//	go run ./bench -compare PROGRAM -only uncached-read -connections 8,32,64
//
// docs/evidence/performance.md explains the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/bench/harness"
)

func main() {
	runtime.LockOSThread() // child processes get a signal when this thread ends
	harness.ExitWithParent()
	// On any of these signals the child processes are stopped in order.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if ctx.Err() != nil { // the error is a consequence
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	duration, warmUp time.Duration
	rounds           int
	connections      int
	// connectionCounts are measured one after the other, and connections is the current
	// or the largest.
	connectionCounts []int
	otherProgram     string
	items            int
	only             *regexp.Regexp
	peers            []string
	try              string
	markdown         string
	machine          string
	dir, memory      string
	scale            bool
	sizes, replicas  []int
}

// allPeers are the contenders besides codegenapp.
var allPeers = []string{"limits", "hand", fastify, pocketBase, flask, "pgbench", "bare"}

func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.DurationVar(&o.duration, "duration", 1500*time.Millisecond, "duration of one measurement")
	flags.DurationVar(&o.warmUp, "warm-up", 500*time.Millisecond, "duration of requests before each measurement")
	flags.IntVar(&o.rounds, "rounds", 3, "number of measurements per contender and scenario")
	flags.StringVar(&o.otherProgram, "compare", "", "the program of another build of codegenapp: measure both builds, in turns, and nothing else")
	flags.IntVar(&o.items, "items", 10_000, "number of items in the database")
	flags.StringVar(&o.try, "try", "", "settings such as GOGC=200, separated by spaces: measure codegenapp with them as well")
	flags.StringVar(&o.markdown, "markdown", "", "write the tables to this file as well, as Markdown")
	flags.StringVar(&o.machine, "machine", fmt.Sprintf("%d processors", runtime.NumCPU()), "description of the machine for the tables")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "directory for the data of PostgreSQL")
	flags.StringVar(&o.memory, "shared-buffers", "1GB", "shared_buffers of PostgreSQL")
	flags.BoolVar(&o.scale, "scale", false, "measure codegenapp alone, at several sizes and with several replicas")
	connections := flags.String("connections", "8,32,64", "numbers of concurrent requests; -scale uses the largest")
	only := flags.String("only", "", "regular expression that selects scenarios")
	peers := flags.String("peers", strings.Join(allPeers, ","), "peers to measure: some of these, or none")
	sizes := flags.String("sizes", "10000,1000000,10000000", "with -scale: numbers of items")
	replicas := flags.String("replicas", "1,2,3", "with -scale: numbers of replicas, at the first size")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if *peers != "none" {
		o.peers = strings.Split(*peers, ",")
	}
	for _, peer := range o.peers {
		if !slices.Contains(allPeers, peer) {
			return o, fmt.Errorf("-peers: unknown peer %q", peer)
		}
	}
	if o.sizes, err = numbers(*sizes); err == nil {
		o.replicas, err = numbers(*replicas)
	}
	var listErr error
	if o.connectionCounts, listErr = numbers(*connections); listErr != nil {
		return o, fmt.Errorf("-connections: %w", listErr)
	}
	o.connections = slices.Max(o.connectionCounts)
	if o.scale {
		o.connectionCounts = []int{o.connections}
	}
	if o.otherProgram != "" && o.scale {
		err = errors.Join(err, errors.New("-compare and -scale exclude each other"))
	}
	if min(o.rounds, o.items) < 1 || min(o.duration, o.warmUp) <= 0 {
		err = errors.Join(err, errors.New("rounds, connections, items and durations must be positive"))
	}
	return o, err
}

func numbers(list string) (all []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a positive number", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// bench is one run.
type bench struct {
	options
	// log gets lines of progress.
	log     io.Writer
	root    string // of the module
	harness *harness.Harness
	keys    keys
	running map[serverKey]*harness.Process
	// pgbench and node are the paths of these programs.
	pgbench, node string
	connect       map[string]cost
}

func run(ctx context.Context, o options, out, log io.Writer) (err error) {
	b := &bench{options: o, log: log, keys: newKeys(), running: map[serverKey]*harness.Process{}, connect: map[string]cost{}}
	if b.root, err = moduleRoot(ctx); err != nil {
		return err
	}
	b.logf("starting PostgreSQL and Redis")
	if b.harness, err = harness.Start(ctx, o.dir, o.memory); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.harness.Close(context.WithoutCancel(ctx))) }()
	b.logf("building the programs")
	if err := b.build(ctx); err != nil {
		return err
	}
	measure := b.measurePeers
	switch {
	case o.otherProgram != "":
		measure = b.measureBuilds
	case o.scale:
		measure = b.measureScale
	}
	doc, err := measure(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(out, doc.text())
	if o.markdown == "" {
		return nil
	}
	return os.WriteFile(o.markdown, []byte(doc.markdown()), 0o644) //nolint:gosec // a report is readable by all users
}

func (b *bench) logf(format string, args ...any) {
	fmt.Fprintf(b.log, format+"\n", args...)
}

// includes reports whether a peer was selected.
func (b *bench) includes(peer string) bool { return slices.Contains(b.peers, peer) }

func (b *bench) bin(program string) string { return filepath.Join(b.harness.Dir, "bin", program) }
