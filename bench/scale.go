package main

import (
	"context"
	"fmt"
	"strings"
)

// maxGrowth is the goal for the cost at the largest size, relative to the smallest.
const maxGrowth = 1.2

// measureScale measures codegenapp at several sizes, and with several replicas at the
// first of them, in turns.
func (b *bench) measureScale(ctx context.Context) (document, error) {
	b.peers = nil
	worlds, err := b.prepare(ctx, b.sizes)
	if err != nil {
		return nil, err
	}
	at := map[string]*dataset{}
	var entrants []contender
	for n, w := range worlds {
		e := withReplicas(fmt.Sprintf("%d items", b.sizes[n]), "", variant{program: codegenapp, redis: true}, 1)
		at[e.label], entrants = w, append(entrants, e)
	}
	for _, n := range b.replicas {
		if n == 1 {
			continue // it is the first size already
		}
		e := withReplicas(fmt.Sprintf("%d items, %d replicas", b.sizes[0], n), "", variant{program: codegenapp, redis: true}, n)
		at[e.label], entrants = worlds[0], append(entrants, e)
	}
	var all []measurement
	for _, s := range b.selectScenarios(scenarios()) {
		if s.key == "cached-read" || s.key == "conditional-read" {
			continue // these use the cache in the process; replicas share Redis
		}
		s.title = strings.TrimSuffix(s.title, twoReplicas)
		uncached := s.contenders[0].servers[0].uncached
		s.contenders = nil
		for _, e := range entrants {
			s.contenders = append(s.contenders, withCaching(e, !uncached))
		}
		m, err := b.measure(ctx, s, func(e contender) (sample, error) { return b.runTurn(ctx, s, e, at[e.label]) })
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return document{
		b.conditions(ctx, "items: "+joinNumbers(b.sizes)),
		scaleTable("Processor time of a request, in µs", entrants, all, func(m measurement, label string) string {
			return fmt.Sprintf("%.0f", medianOf(m.samples[label], totalCost))
		}),
		scaleTable(fmt.Sprintf("Times the cost at %s and one replica; the goal is at most %g", entrants[0].label, maxGrowth), entrants, all, func(m measurement, label string) string {
			return fmt.Sprintf("%.2f", m.ratio(label, entrants[0].label))
		}),
		scaleTable("Requests in a second", entrants, all, func(m measurement, label string) string {
			return fmt.Sprintf("%.0f", medianOf(m.samples[label], func(s sample) float64 { return s.perSecond }))
		}),
	}, nil
}

// withCaching is the contender with response caching on or off.
func withCaching(e contender, answers bool) contender {
	servers := make([]variant, len(e.servers))
	for n, s := range e.servers {
		s.uncached = !answers
		servers[n] = s
	}
	e.servers = servers
	return e
}

func scaleTable(title string, entrants []contender, all []measurement, figure func(measurement, string) string) part {
	p := part{title: title, header: []string{""}}
	for _, e := range entrants {
		p.header = append(p.header, e.label)
	}
	for _, m := range all {
		row := []string{m.scenario.title}
		for _, e := range entrants {
			row = append(row, figure(m, e.label))
		}
		p.rows = append(p.rows, row)
	}
	return p
}
