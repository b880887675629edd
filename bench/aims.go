package main

import (
	"fmt"
	"strconv"
)

// aim is a bound for a figure of codegenapp, most of them relative to another contender.
type aim struct {
	against string
	// wanted describes the bound.
	wanted string
	// measured returns the figure in words, and whether it is within the bound.
	measured func(measurement) (string, bool)
}

// atMost is an aim for the cost: at most so many times that of another contender.
func atMost(against string, most float64) aim {
	return ratioAim(against, fmt.Sprintf("at most %g times the cost", most), totalCost, most)
}

// cheaperThan is an aim for the cost: that of another contender is higher.
func cheaperThan(against string) aim { return ratioAim(against, "cheaper", totalCost, 1) }

// timesCheaper is an aim for the cost: that of another contender is at least times higher.
func timesCheaper(against string, times float64) aim {
	return aim{against, fmt.Sprintf("at least %g times cheaper", times), func(m measurement) (string, bool) {
		ratio := m.ratio(against, product)
		return fmt.Sprintf("%.2f times", ratio), ratio >= times
	}}
}

// p99Within is an aim for the latency: its 99th percentile is at most so many times that of
// another contender.
func p99Within(against string, most float64) aim {
	return ratioAim(against, fmt.Sprintf("p99 at most %g times as long", most), p99, most)
}

func ratioAim(against, wanted string, figure func(sample) float64, most float64) aim {
	return aim{against, wanted, func(m measurement) (string, bool) {
		ratio := m.ratioOf(product, against, figure)
		return fmt.Sprintf("%.2f", ratio), ratio > 0 && ratio <= most
	}}
}

// hitsOver is an aim for the share of reads that the cache responds to.
func hitsOver(share float64) aim {
	return aim{product, fmt.Sprintf("over %g %% of reads from the cache", 100*share), func(m measurement) (string, bool) {
		hits := medianOf(m.samples[product], hitShare)
		return fmt.Sprintf("%.0f %%", 100*hits), hits > share
	}}
}

// aimsTable compares aims and figures.
func aimsTable(all []measurement) part {
	p := part{
		title: "Aims", words: "A plain number is codegenapp divided by the other.",
		header: []string{"", "connections", "against", "aim", "measured", ""},
	}
	for _, m := range all {
		for _, a := range m.scenario.aims {
			if len(m.samples[a.against]) == 0 {
				continue
			}
			got, reached := a.measured(m)
			p.rows = append(p.rows, []string{m.scenario.title, strconv.Itoa(m.connections), a.against, a.wanted, got, verdict(reached)})
		}
	}
	return p
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "missed"
}
