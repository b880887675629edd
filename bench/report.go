package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// document is a list of tables with their captions.
type document []part

type part struct {
	title, words string
	header       []string
	rows         [][]string
}

// text is the document for a terminal.
func (d document) text() string {
	var out strings.Builder
	for _, p := range d {
		fmt.Fprintf(&out, "\n%s\n", p.title)
		if p.words != "" {
			fmt.Fprintf(&out, "%s\n", p.words)
		}
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, row := range slices.Concat([][]string{p.header}, p.rows) {
			fmt.Fprintln(table, strings.Join(row, "\t"))
		}
		_ = table.Flush() // it writes to memory
	}
	return trailing.ReplaceAllString(out.String(), "")
}

var trailing = regexp.MustCompile(`(?m) +$`)

// markdown is the document for docs/evidence/performance.md.
func (d document) markdown() string {
	var out strings.Builder
	for _, p := range d {
		fmt.Fprintf(&out, "### %s\n\n", p.title)
		if p.words != "" {
			fmt.Fprintf(&out, "%s\n\n", p.words)
		}
		fmt.Fprintf(&out, "| %s |\n|%s\n", strings.Join(p.header, " | "), strings.Repeat(" --- |", len(p.header)))
		for _, row := range p.rows {
			fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// median is the middle value, or one between the two middle values.
func median[T cmp.Ordered](values []T, between func(a, b T) T) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return between(sorted[middle-1], sorted[middle])
}

func mean(a, b float64) float64 { return (a + b) / 2 }

// medianOf is the median of one figure over all samples.
func medianOf(samples []sample, figure func(sample) float64) float64 {
	var all []float64
	for _, s := range samples {
		all = append(all, figure(s))
	}
	return median(all, mean)
}

func totalCost(s sample) float64 { return micros(s.cost.total()) }

// ratio is the cost of one contender relative to another: the median over the rounds,
// since both had the same noise within a round.
func (m measurement) ratio(one, other string) float64 {
	var all []float64
	for n := range min(len(m.samples[one]), len(m.samples[other])) {
		if costs := totalCost(m.samples[other][n]); costs > 0 {
			all = append(all, totalCost(m.samples[one][n])/costs)
		}
	}
	return median(all, mean)
}

// figures are the columns of a row.
var figures = []string{"requests/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", "Redis µs", "together µs"}

func row(first string, samples []sample) []string {
	row := []string{first, fmt.Sprintf("%.0f", medianOf(samples, func(s sample) float64 { return s.perSecond }))}
	for _, figure := range []func(sample) float64{
		func(s sample) float64 { return float64(s.p50) / float64(time.Millisecond) },
		func(s sample) float64 { return float64(s.p99) / float64(time.Millisecond) },
	} {
		row = append(row, fmt.Sprintf("%.2f", medianOf(samples, figure)))
	}
	for _, figure := range []func(sample) float64{
		func(s sample) float64 { return micros(s.cost.server) },
		func(s sample) float64 { return micros(s.cost.postgres) },
		func(s sample) float64 { return micros(s.cost.redis) },
		totalCost,
	} {
		row = append(row, fmt.Sprintf("%.1f", medianOf(samples, figure)))
	}
	return row
}

// table has all contenders at one scenario.
func (m measurement) table() part {
	p := part{title: m.scenario.title, header: slices.Concat([]string{""}, figures, []string{product + " ÷ this"})}
	for _, e := range m.scenario.contenders {
		ratio := "1"
		if e.label != product {
			ratio = fmt.Sprintf("%.2f", m.ratio(product, e.label))
		}
		p.rows = append(p.rows, append(row(e.label, m.samples[e.label]), ratio))
	}
	return p
}

// summary has codegenapp at every scenario, relative to the others.
func summary(all []measurement) part {
	p := part{title: product, header: slices.Concat([]string{""}, figures,
		[]string{"÷ " + handWritten, "÷ " + plainHTTP, "÷ " + pgbenchPlain, "÷ " + pgbenchRLS, flaskLabel + " ÷ " + product})}
	for _, m := range all {
		line := row(m.scenario.title, m.samples[product])
		for _, peer := range []string{handWritten, plainHTTP, pgbenchPlain, pgbenchRLS} {
			line = append(line, formatRatio(m.ratio(product, peer)))
		}
		p.rows = append(p.rows, append(line, formatRatio(m.ratio(flaskLabel, product))))
	}
	return p
}

// formatRatio formats a ratio; it is empty if one of the two was not measured.
func formatRatio(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// aimsTable compares goals and figures.
func aimsTable(all []measurement) part {
	p := part{title: "Goals", header: []string{"", "against", "goal", "measured", ""}}
	for _, m := range all {
		for _, a := range m.scenario.aims {
			if len(m.samples[a.against]) == 0 {
				continue
			}
			wanted, got := fmt.Sprintf("at most %g times as much", a.max), m.ratio(product, a.against)
			reached := got <= a.max
			if a.min > 0 {
				wanted, got = fmt.Sprintf("%g times less", a.min), m.ratio(a.against, product)
				reached = got >= a.min
			}
			p.rows = append(p.rows, []string{m.scenario.title, a.against, wanted, fmt.Sprintf("%.2f", got), verdict(reached)})
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
