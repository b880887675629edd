package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
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

// The figures of a sample, times in µs or ms.
func totalCost(s sample) float64 { return micros(s.cost.total()) }
func p50(s sample) float64       { return float64(s.p50) / float64(time.Millisecond) }
func p99(s sample) float64       { return float64(s.p99) / float64(time.Millisecond) }
func hitShare(s sample) float64  { return s.hits }

// ratio is the cost of one contender relative to another.
func (m measurement) ratio(one, other string) float64 { return m.ratioOf(one, other, totalCost) }

// ratioOf is a figure of one contender relative to another: the median over the rounds,
// since both had the same noise within a round.
func (m measurement) ratioOf(one, other string, figure func(sample) float64) float64 {
	var all []float64
	for n := range min(len(m.samples[one]), len(m.samples[other])) {
		if divisor := figure(m.samples[other][n]); divisor > 0 {
			all = append(all, figure(m.samples[one][n])/divisor)
		}
	}
	return median(all, mean)
}

// figures are the columns of a row.
var figures = []string{"requests/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", "Redis µs", "total µs"}

func row(first string, samples []sample) []string {
	row := []string{first, fmt.Sprintf("%.0f", medianOf(samples, func(s sample) float64 { return s.perSecond }))}
	for _, figure := range []func(sample) float64{p50, p99} {
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

// table has all contenders at one scenario, for each number of connections.
func table(all []measurement) part {
	p := part{title: all[0].scenario.title, header: slices.Concat([]string{"connections", ""}, figures, []string{product + " ÷ this"})}
	for _, m := range all {
		for _, e := range m.scenario.contenders {
			ratio := "1"
			if e.label != product {
				ratio = formatRatio(m.ratio(product, e.label))
			}
			p.rows = append(p.rows, slices.Concat([]string{strconv.Itoa(m.connections)}, row(e.label, m.samples[e.label]), []string{ratio}))
		}
	}
	return p
}

// compared are the contenders with a column in the summary.
var compared = []string{handWritten, handUncached, fastifyLabel, pocketLabel, flaskLabel, pgbenchPlain, pgbenchRLS, plainHTTP}

// summary has the cost of codegenapp at every scenario, divided by that of the others.
func summary(all []measurement) part {
	p := part{
		title: product, words: "The last columns are the cost of codegenapp divided by that of the other: less than 1 is cheaper.",
		header: []string{"", "connections", "requests/s", "p50 ms", "p99 ms", "total µs", "reads from the cache"},
	}
	for _, label := range compared {
		p.header = append(p.header, "÷ "+label)
	}
	for _, m := range all {
		samples := m.samples[product]
		line := []string{
			m.scenario.title, strconv.Itoa(m.connections), fmt.Sprintf("%.0f", medianOf(samples, func(s sample) float64 { return s.perSecond })),
			fmt.Sprintf("%.2f", medianOf(samples, p50)), fmt.Sprintf("%.2f", medianOf(samples, p99)), fmt.Sprintf("%.1f", medianOf(samples, totalCost)), "",
		}
		if hits := medianOf(samples, hitShare); hits > 0 {
			line[len(line)-1] = fmt.Sprintf("%.0f %%", 100*hits)
		}
		for _, label := range compared {
			line = append(line, formatRatio(m.ratio(product, label)))
		}
		p.rows = append(p.rows, line)
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
