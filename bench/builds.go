package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// otherLabel is the label of the program of -compare.
const otherLabel = "other build"

// compareBuilds measures this build of codegenapp and another one at each scenario and
// each number of connections, in turns. Both use the schema of this build, and the
// responses are not compared: two builds may differ in them on purpose.
func (b *bench) measureBuilds(ctx context.Context) (document, error) {
	b.peers, b.try = nil, ""
	worlds, err := b.prepare(ctx, []int{b.items})
	if err != nil {
		return nil, err
	}
	doc := document{b.conditions(ctx, fmt.Sprintf("%d items", b.items))}
	for _, s := range b.selectScenarios(scenarios()) {
		s.contenders = []contender{s.contenders[0], withOtherBuild(s.contenders[0])}
		table := part{title: s.title, header: slices.Concat([]string{"connections", "build"}, figures, []string{"÷ " + otherLabel})}
		for _, n := range b.connectionCounts {
			b.connections = n
			b.logf("%s at %d connections", s.title, n)
			m, err := b.measure(ctx, s, func(e contender) (sample, error) { return b.runTurn(ctx, s, e, worlds[0]) })
			if err != nil {
				return nil, err
			}
			for _, e := range s.contenders {
				line := slices.Concat([]string{strconv.Itoa(n)}, row(e.label, m.samples[e.label]), []string{fmt.Sprintf("%.2f", m.ratio(e.label, otherLabel))})
				table.rows = append(table.rows, line)
			}
		}
		doc = append(doc, table)
	}
	return doc, nil
}

// fromOtherBuild is the entrant with the program of -compare.
func withOtherBuild(e contender) contender {
	servers := slices.Clone(e.servers)
	for n := range servers {
		servers[n].program = otherBuild
	}
	return contender{label: otherLabel, servers: servers}
}
