// Command bench measures what a request costs, in processor time of the server,
// of PostgreSQL and of Redis, and how fast it is answered. It starts everything
// that it needs, and measures codegenapp in turns with others: the same written
// by hand (bench/reference), net/http alone (bench/bare), PostgreSQL alone
// (pgbench), and the same in Flask (bench/peers/flask).
//
//	go run ./bench
//	go run ./bench -only read -duration 1s -rounds 1
//	go run ./bench -scale
//
// docs/evidence/performance.md says what the figures mean.
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

	"github.com/codegenapp/codegenapp/bench/stage"
)

func main() {
	runtime.LockOSThread() // whoever shall die with us is watched by this thread
	stage.DieWithParent()
	// Whatever ends it, what it has started is to end in order.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if ctx.Err() != nil { // what failed then failed because of that
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options is what can be chosen.
type options struct {
	duration, warmUp time.Duration
	rounds           int
	connections      int
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

// peers are those that codegenapp may be measured with.
var allPeers = []string{"limits", "hand", "bare", "pgbench", "flask"}

func parseOptions(args []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.DurationVar(&o.duration, "duration", 1500*time.Millisecond, "how long one turn is measured")
	flags.DurationVar(&o.warmUp, "warm-up", 500*time.Millisecond, "how long requests are made before that")
	flags.IntVar(&o.rounds, "rounds", 3, "how many turns everybody has at each scenario")
	flags.IntVar(&o.connections, "connections", 64, "how many requests are under way at once")
	flags.IntVar(&o.items, "items", 10_000, "how many items there are in the database")
	flags.StringVar(&o.try, "try", "", "settings such as GOGC=200, to measure codegenapp with them, too; several by spaces")
	flags.StringVar(&o.markdown, "markdown", "", "a file that the tables are written to as Markdown, too")
	flags.StringVar(&o.machine, "machine", fmt.Sprintf("%d processors", runtime.NumCPU()), "what the tables say of the machine")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "where PostgreSQL keeps its data meanwhile")
	flags.StringVar(&o.memory, "shared-buffers", "1GB", "how much memory PostgreSQL has")
	flags.BoolVar(&o.scale, "scale", false, "measure codegenapp alone, at several sizes and with several replicas")
	only := flags.String("only", "", "a regular expression: which scenarios")
	peers := flags.String("peers", strings.Join(allPeers, ","), "whom to measure beside it: some of these, or none")
	sizes := flags.String("sizes", "10000,1000000,10000000", "with -scale: numbers of items")
	replicas := flags.String("replicas", "1,2,3", "with -scale: numbers of replicas, at the first size")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("there is no argument %q", flags.Arg(0))
	}
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if *peers != "none" {
		o.peers = strings.Split(*peers, ",")
	}
	for _, peer := range o.peers {
		if !slices.Contains(allPeers, peer) {
			return o, fmt.Errorf("-peers: there is no %q", peer)
		}
	}
	if o.sizes, err = numbers(*sizes); err == nil {
		o.replicas, err = numbers(*replicas)
	}
	if min(o.rounds, o.connections, o.items) < 1 || min(o.duration, o.warmUp) <= 0 {
		err = errors.Join(err, errors.New("rounds, connections, items and durations are more than nothing"))
	}
	return o, err
}

func numbers(list string) (all []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of something", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// bench is one run.
type bench struct {
	options
	// log is where it says what it does.
	log     io.Writer
	root    string // of the module
	stage   *stage.Stage
	keys    keys
	running map[placed]*stage.Process
	// usesRedis tells whether codegenapp asks Redis for each request when it keeps
	// no answers, and when it does.
	usesRedis map[bool]bool
	// pgbench is the program, and python says that Flask can be run.
	pgbench string
	python  bool
	connect map[string]cost
}

func run(ctx context.Context, o options, out, log io.Writer) (err error) {
	b := &bench{options: o, log: log, keys: newKeys(), running: map[placed]*stage.Process{}, connect: map[string]cost{}, usesRedis: map[bool]bool{}}
	if b.root, err = moduleRoot(ctx); err != nil {
		return err
	}
	b.say("starting PostgreSQL and Redis")
	if b.stage, err = stage.Open(ctx, o.dir, o.memory); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stage.Close(context.WithoutCancel(ctx))) }()
	b.say("building the programs")
	if err := b.build(ctx); err != nil {
		return err
	}
	measure := b.compare
	if o.scale {
		measure = b.grow
	}
	doc, err := measure(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(out, doc.text())
	if o.markdown == "" {
		return nil
	}
	return os.WriteFile(o.markdown, []byte(doc.markdown()), 0o644) //nolint:gosec // it is for everybody to read
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.log, format+"\n", args...)
}

// with tells whether a peer was asked for.
func (b *bench) with(peer string) bool { return slices.Contains(b.peers, peer) }

func (b *bench) bin(program string) string { return filepath.Join(b.stage.Dir, "bin", program) }
