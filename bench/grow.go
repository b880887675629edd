package main

import (
	"context"
	"fmt"
	"strings"
)

// mostGrowth is how many times the cost of the smallest size a request may cost
// at the largest.
const mostGrowth = 1.2

// grow measures codegenapp at several sizes, and with several replicas at the
// first of them: in turns, like everything.
func (b *bench) grow(ctx context.Context) (document, error) {
	b.peers = nil
	worlds, err := b.prepare(ctx, b.sizes)
	if err != nil {
		return nil, err
	}
	at := map[string]*world{}
	var entrants []entrant
	for n, w := range worlds {
		e := withReplicas(fmt.Sprintf("%d items", b.sizes[n]), "", variant{program: codegenapp, redis: true}, 1)
		at[e.label], entrants = w, append(entrants, e)
	}
	for _, n := range b.replicas {
		if n == 1 {
			continue // it is the first size
		}
		e := withReplicas(fmt.Sprintf("%d items, %d replicas", b.sizes[0], n), "", variant{program: codegenapp, redis: true}, n)
		at[e.label], entrants = worlds[0], append(entrants, e)
	}
	var all []measured
	for _, s := range b.chosen(scenarios()) {
		if s.key == "cached-read" || s.key == "conditional-read" {
			continue // replicas share Redis
		}
		s.title = strings.TrimSuffix(s.title, twoReplicas)
		uncached := s.entrants[0].servers[0].uncached
		s.entrants = nil
		for _, e := range entrants {
			s.entrants = append(s.entrants, keeping(e, !uncached))
		}
		m, err := b.measure(ctx, s, func(e entrant) (sample, error) { return b.turn(ctx, s, e, at[e.label]) })
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	sizes := strings.Trim(fmt.Sprint(b.sizes), "[]")
	return document{
		b.conditions(ctx, "items: "+strings.ReplaceAll(sizes, " ", ", ")),
		growthTable("Processor time of a request, in µs", entrants, all, func(m measured, label string) string {
			return fmt.Sprintf("%.0f", middle(m.samples[label], together))
		}),
		growthTable(fmt.Sprintf("Times the cost at %s and one replica; at most %g is the aim", entrants[0].label, mostGrowth), entrants, all, func(m measured, label string) string {
			return fmt.Sprintf("%.2f", m.ratio(label, entrants[0].label))
		}),
		growthTable("Requests in a second", entrants, all, func(m measured, label string) string {
			return fmt.Sprintf("%.0f", middle(m.samples[label], func(s sample) float64 { return s.perSecond }))
		}),
	}, nil
}

// keeping is the entrant whose servers keep answers, or do not.
func keeping(e entrant, answers bool) entrant {
	servers := make([]variant, len(e.servers))
	for n, s := range e.servers {
		s.uncached = !answers
		servers[n] = s
	}
	e.servers = servers
	return e
}

func growthTable(title string, entrants []entrant, all []measured, figure func(measured, string) string) part {
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
