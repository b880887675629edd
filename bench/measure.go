package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/proc"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// cost is processor time; of a request, once divided by their number.
type cost struct{ server, postgres, redis time.Duration }

func (c cost) together() time.Duration { return c.server + c.postgres + c.redis }

func (c cost) minus(d cost) cost {
	return cost{c.server - d.server, c.postgres - d.postgres, c.redis - d.redis}
}

func (c cost) over(n int) cost {
	d := time.Duration(n)
	return cost{c.server / d, c.postgres / d, c.redis / d}
}

// sample is what one turn has shown.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
	cost      cost // of a request
}

func sampleOf(r load.Result, c cost) sample {
	return sample{r.PerSecond(), r.Percentile(50), r.Percentile(99), c}
}

// usage is what the servers, PostgreSQL and Redis have used until now.
func (b *bench) usage(servers []int) (cost, error) {
	table, err := proc.Read()
	if err != nil {
		return cost{}, err
	}
	return cost{table.CPU(servers...), table.CPU(b.stage.Postmaster()), table.CPU(b.stage.Redis().PID())}, nil
}

// measured is everybody's samples at one scenario, one for each round.
type measured struct {
	scenario scenario
	samples  map[string][]sample
}

// measure lets everybody have a turn, again and again. Each round begins with
// another one, so that nobody always has the first turn.
func (b *bench) measure(ctx context.Context, s scenario, turn func(entrant) (sample, error)) (measured, error) {
	m := measured{s, map[string][]sample{}}
	for round := range b.rounds {
		first := round % len(s.entrants)
		for _, e := range slices.Concat(s.entrants[first:], s.entrants[:first]) {
			if ctx.Err() != nil {
				return m, ctx.Err()
			}
			found, err := turn(e)
			if err != nil {
				return m, fmt.Errorf("%s, %s: %w", s.title, e.label, err)
			}
			b.say("  %-42s %-28s round %d: %8.0f/s %7.1f µs", s.title, e.label, round+1, found.perSecond, micros(found.cost.together()))
			m.samples[e.label] = append(m.samples[e.label], found)
		}
	}
	return m, nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// turn is one entrant's turn at a scenario.
func (b *bench) turn(ctx context.Context, s scenario, e entrant, w *world) (found sample, err error) {
	if s.writes {
		if err := seed.Reset(ctx, w.db.Superuser); err != nil {
			return found, err
		}
	}
	if len(e.servers) == 0 {
		return b.pgbenchTurn(ctx, s, e, w)
	}
	if err := w.look(ctx); err != nil {
		return found, err
	}
	var addresses []string
	var pids []int
	for _, server := range e.servers {
		p, err := b.process(ctx, server, w.db)
		if err != nil {
			return found, err
		}
		addresses, pids = append(addresses, p.Address), append(pids, p.PID)
	}
	if e.servers[0].program == bare {
		if err := b.fillBare(ctx, s, w, addresses[0]); err != nil {
			return found, err
		}
	}
	crowd, err := load.Connect(ctx, addresses, s.callers(w, b.connections))
	if err != nil {
		return found, err
	}
	defer crowd.Close()
	if _, err := crowd.Run(ctx, b.warmUp); err != nil {
		return found, err
	}
	before, err := b.usage(pids)
	if err != nil {
		return found, err
	}
	result, err := crowd.Run(ctx, b.duration)
	if err != nil {
		return found, err
	}
	after, err := b.usage(pids)
	return sampleOf(result, after.minus(before).over(result.Requests)), err
}

// fillBare gives the bare server the answer that codegenapp gives.
func (b *bench) fillBare(ctx context.Context, s scenario, w *world, address string) error {
	us, err := b.process(ctx, variant{program: codegenapp}, w.db)
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

// asksRedis finds out whether codegenapp asks Redis for each request where it may,
// so that the one by hand does what it does.
func (b *bench) asksRedis(ctx context.Context, w *world, uncached bool) (bool, error) {
	at, err := b.process(ctx, variant{program: codegenapp, redis: true, uncached: uncached}, w.db)
	if err != nil {
		return false, err
	}
	const requests = 100
	before, err := b.stage.Redis().Commands(ctx)
	if err != nil {
		return false, err
	}
	caller := newStroller(w, 0, readSpecification)
	for range requests {
		if _, err := load.Once(ctx, at.Address, caller); err != nil {
			return false, err
		}
	}
	after, err := b.stage.Redis().Commands(ctx)
	return after-before >= requests, err
}

// prepare makes databases with so many items each, and everything that turns
// need. What cannot be measured here is said, and left out.
func (b *bench) prepare(ctx context.Context, sizes []int) ([]*world, error) {
	names := make([]string, len(sizes))
	for n, items := range sizes {
		names[n] = "bench_" + strconv.Itoa(items)
	}
	databases, err := b.stage.Provision(ctx, names...)
	if err != nil {
		return nil, err
	}
	var worlds []*world
	for n, items := range sizes {
		w, err := b.load(ctx, databases[n], items)
		if err != nil {
			return nil, err
		}
		if len(w.spots) < 2*b.connections {
			return nil, fmt.Errorf("%d items are %d specifications, too few for %d connections", items, len(w.spots), b.connections)
		}
		worlds = append(worlds, w)
	}
	for _, uncached := range []bool{false, true} {
		if b.usesRedis[uncached], err = b.asksRedis(ctx, worlds[0], uncached); err != nil {
			return nil, err
		}
	}
	b.say("codegenapp asks Redis for each request: %t with a cache, %t without", b.usesRedis[false], b.usesRedis[true])
	return worlds, nil
}

// chosen is the scenarios that were asked for, with whom was asked for.
func (b *bench) chosen(all []scenario) []scenario {
	var some []scenario
	for _, s := range all {
		if !b.only.MatchString(s.key) {
			continue
		}
		s.entrants = slices.DeleteFunc(slices.Clone(s.entrants), func(e entrant) bool {
			return e.peer != "" && !b.with(e.peer) || e.peer == "pgbench" && (s.script == "" || b.pgbench == "") || e.peer == flask && !b.python
		})
		if b.try != "" {
			s.entrants = slices.Insert(s.entrants, 1, trying(s.entrants[0], b.try))
		}
		some = append(some, s)
	}
	return some
}

// trying is the entrant with other settings.
func trying(e entrant, settings string) entrant {
	e.label += ", " + settings
	var servers []variant
	for _, s := range e.servers {
		s.try = settings
		servers = append(servers, s)
	}
	e.servers = servers
	return e
}
