package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/codegenapp/codegenapp/bench/harness"
	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/proc"
)

// cost is processor time: a total, or per request after division by their number.
type cost struct{ server, postgres, redis time.Duration }

func (c cost) total() time.Duration { return c.server + c.postgres + c.redis }

func (c cost) minus(d cost) cost {
	return cost{c.server - d.server, c.postgres - d.postgres, c.redis - d.redis}
}

func (c cost) over(n int) cost {
	d := time.Duration(n)
	return cost{c.server / d, c.postgres / d, c.redis / d}
}

// sample is the result of one measurement.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
	cost      cost // of a request
	// hits is the share of reads that came from the cache of codegenapp, 0 if it caches
	// nothing.
	hits float64
}

func sampleOf(r load.Result, c cost) sample {
	return sample{perSecond: r.PerSecond(), p50: r.Percentile(50), p99: r.Percentile(99), cost: c}
}

// processorTime is the time that the servers, PostgreSQL and Redis have used so far.
func (b *bench) processorTime(servers []int) (cost, error) {
	table, err := proc.Read()
	if err != nil {
		return cost{}, err
	}
	return cost{table.CPU(servers...), table.CPU(b.harness.Postmaster()), table.CPU(b.harness.Redis().PID())}, nil
}

// measurement has the samples of all contenders at one scenario and number of
// connections, one for each round.
type measurement struct {
	scenario    scenario
	connections int
	samples     map[string][]sample
}

// measure measures all contenders in turns, for all rounds. Each round begins with
// another contender, so that none of them is always the first.
func (b *bench) measure(ctx context.Context, s scenario, turn func(contender) (sample, error)) (measurement, error) {
	m := measurement{s, b.connections, map[string][]sample{}}
	for round := range b.rounds {
		first := round % len(s.contenders)
		for _, e := range slices.Concat(s.contenders[first:], s.contenders[:first]) {
			if ctx.Err() != nil {
				return m, ctx.Err()
			}
			found, err := turn(e)
			if err != nil {
				return m, fmt.Errorf("%s, %s: %w", s.title, e.label, err)
			}
			b.logf("  %-42s %-28s %2d connections, round %d: %8.0f/s %7.1f µs", s.title, e.label, b.connections, round+1, found.perSecond, micros(found.cost.total()))
			m.samples[e.label] = append(m.samples[e.label], found)
		}
	}
	return m, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// runTurn measures one contender at a scenario.
func (b *bench) runTurn(ctx context.Context, s scenario, e contender, w *dataset) (found sample, err error) {
	w = w.as(e.program())
	if err := b.restore(ctx, s, e, w); err != nil {
		return found, err
	}
	if len(e.servers) == 0 {
		return b.pgbenchTurn(ctx, s, e, w)
	}
	addresses, pids, err := b.startServers(ctx, s, e, w)
	if err != nil {
		return found, err
	}
	if e.servers[0].program == bare {
		if err := b.setBareResponse(ctx, s, w, addresses[0]); err != nil {
			return found, err
		}
	}
	clients, err := load.Connect(ctx, addresses, s.callers(w, b.connections))
	if err != nil {
		return found, err
	}
	defer clients.Close()
	if _, err := clients.Run(ctx, b.warmUp); err != nil {
		return found, err
	}
	return b.sampleRun(ctx, e, clients, addresses, pids)
}

// startServers starts the servers of a contender, and waits for the caches of codegenapp
// if the scenario reads from them.
func (b *bench) startServers(ctx context.Context, s scenario, e contender, w *dataset) (addresses []string, pids []int, err error) {
	var started []*harness.Process
	for _, server := range e.servers {
		p, err := b.process(ctx, server, w)
		if err != nil {
			return nil, nil, err
		}
		started, addresses, pids = append(started, p), append(addresses, p.Address), append(pids, p.PID)
	}
	if !e.ofProduct() || e.servers[0].uncached || s.script != "" {
		return addresses, pids, nil
	}
	for _, p := range started {
		if err := b.waitForCache(ctx, p, w); err != nil {
			return nil, nil, err
		}
	}
	return addresses, pids, nil
}

// sampleRun measures one run of the clients.
func (b *bench) sampleRun(ctx context.Context, e contender, clients *load.Clients, addresses []string, pids []int) (found sample, err error) {
	if !e.ofProduct() {
		addresses = nil // it has no such metrics
	}
	reads, err := readCacheMetrics(ctx, addresses)
	if err != nil {
		return found, err
	}
	before, err := b.processorTime(pids)
	if err != nil {
		return found, err
	}
	result, err := clients.Run(ctx, b.duration)
	if err != nil {
		return found, err
	}
	after, err := b.processorTime(pids)
	if err != nil {
		return found, err
	}
	found = sampleOf(result, after.minus(before).over(result.Requests))
	found.hits, err = reads.shareSince(ctx, addresses)
	return found, err
}

// restore gives a contender the rows of the seed if the scenario writes, and reads what
// its requests have to send.
func (b *bench) restore(ctx context.Context, s scenario, e contender, w *dataset) error {
	if e.program() == pocketBase {
		b.restorePocketBase(w, e, s.writes)
		return nil
	}
	if s.writes {
		if err := w.reset(ctx, e.program()); err != nil {
			return err
		}
	}
	return w.refresh(ctx, e.program())
}

// setBareResponse gives the bare server the response of codegenapp.
func (b *bench) setBareResponse(ctx context.Context, s scenario, w *dataset, address string) error {
	us, err := b.process(ctx, variant{program: codegenapp}, w)
	if err != nil {
		return err
	}
	answer, err := load.Once(ctx, us.Address, s.callers(w, 1)[0])
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+address, bytes.NewReader(answer.Body))
	if err != nil {
		return fmt.Errorf("fill the bare server: %w", err)
	}
	r.Header.Set("Bare-Status", strconv.Itoa(answer.Status))
	said, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("fill the bare server: %w", err)
	}
	return said.Body.Close()
}

// prepare creates databases with the given numbers of items, and all that measurements
// need. It reports what cannot be measured here.
func (b *bench) prepare(ctx context.Context, sizes []int) ([]*dataset, error) {
	var names []string
	for _, items := range sizes {
		names = append(names, "bench_"+strconv.Itoa(items))
	}
	hasPeers := len(b.peers) > 0
	if hasPeers {
		names = append(names, "bench_reference") // peers are measured at one size
	}
	databases, err := b.harness.Provision(ctx, names...)
	if err != nil {
		return nil, err
	}
	var worlds []*dataset
	for n, items := range sizes {
		var reference harness.Database
		if hasPeers {
			reference = databases[len(sizes)]
		}
		w, err := b.loadDataset(ctx, databases[n], reference, items)
		if err != nil {
			return nil, err
		}
		if len(w.specs) < 2*b.connections {
			return nil, fmt.Errorf("%d items make %d specifications, too few for %d connections", items, len(w.specs), b.connections)
		}
		worlds = append(worlds, w)
	}
	return worlds, nil
}

// selectScenarios returns the selected scenarios with the selected contenders.
func (b *bench) selectScenarios(all []scenario) []scenario {
	var some []scenario
	for _, s := range all {
		if !b.only.MatchString(s.key) {
			continue
		}
		s.contenders = slices.DeleteFunc(slices.Clone(s.contenders), func(e contender) bool {
			return e.peer != "" && !b.includes(e.peer) || e.peer == "pgbench" && s.script == ""
		})
		if b.try != "" {
			s.contenders = slices.Insert(s.contenders, 1, withSettings(s.contenders[0], b.try))
		}
		some = append(some, s)
	}
	return some
}

// withSettings is the contender with other settings.
func withSettings(e contender, settings string) contender {
	e.label += ", " + settings
	var servers []variant
	for _, s := range e.servers {
		s.try = settings
		servers = append(servers, s)
	}
	e.servers = servers
	return e
}
