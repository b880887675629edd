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

// document is tables, with a sentence before each.
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

// median is the one in the middle, or between the two in the middle.
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

// middle collects one figure of all samples, and takes the median.
func middle(samples []sample, figure func(sample) float64) float64 {
	var all []float64
	for _, s := range samples {
		all = append(all, figure(s))
	}
	return median(all, mean)
}

func together(s sample) float64 { return micros(s.cost.together()) }

// ratio is how many times as much one costs as another: the median over the
// rounds, in each of which they have met the same noise.
func (m measured) ratio(one, other string) float64 {
	var all []float64
	for n := range min(len(m.samples[one]), len(m.samples[other])) {
		if costs := together(m.samples[other][n]); costs > 0 {
			all = append(all, together(m.samples[one][n])/costs)
		}
	}
	return median(all, mean)
}

// figures are what a row says of somebody.
var figures = []string{"requests/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", "Redis µs", "together µs"}

func row(first string, samples []sample) []string {
	row := []string{first, fmt.Sprintf("%.0f", middle(samples, func(s sample) float64 { return s.perSecond }))}
	for _, figure := range []func(sample) float64{
		func(s sample) float64 { return float64(s.p50) / float64(time.Millisecond) },
		func(s sample) float64 { return float64(s.p99) / float64(time.Millisecond) },
	} {
		row = append(row, fmt.Sprintf("%.2f", middle(samples, figure)))
	}
	for _, figure := range []func(sample) float64{
		func(s sample) float64 { return micros(s.cost.server) },
		func(s sample) float64 { return micros(s.cost.postgres) },
		func(s sample) float64 { return micros(s.cost.redis) },
		together,
	} {
		row = append(row, fmt.Sprintf("%.1f", middle(samples, figure)))
	}
	return row
}

// table is everybody at one scenario.
func (m measured) table() part {
	p := part{title: m.scenario.title, header: slices.Concat([]string{""}, figures, []string{us + " ÷ this"})}
	for _, e := range m.scenario.entrants {
		ratio := "1"
		if e.label != us {
			ratio = fmt.Sprintf("%.2f", m.ratio(us, e.label))
		}
		p.rows = append(p.rows, append(row(e.label, m.samples[e.label]), ratio))
	}
	return p
}

// summary is codegenapp at every scenario, and how it stands to the others.
func summary(all []measured) part {
	p := part{title: us, header: slices.Concat([]string{""}, figures,
		[]string{"÷ " + hand, "÷ " + plainHTTP, "÷ " + sqlPlain, "÷ " + sqlWalled, inFlask + " ÷ " + us})}
	for _, m := range all {
		line := row(m.scenario.title, m.samples[us])
		for _, peer := range []string{hand, plainHTTP, sqlPlain, sqlWalled} {
			line = append(line, orNothing(m.ratio(us, peer)))
		}
		p.rows = append(p.rows, append(line, orNothing(m.ratio(inFlask, us))))
	}
	return p
}

// orNothing is a ratio, or nothing to whom was not measured.
func orNothing(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// aimsTable is what was to be reached, and what was.
func aimsTable(all []measured) part {
	p := part{title: "Aims", header: []string{"", "against", "aim", "measured", ""}}
	for _, m := range all {
		for _, a := range m.scenario.aims {
			if len(m.samples[a.against]) == 0 {
				continue
			}
			wanted, got := fmt.Sprintf("at most %g times as much", a.most), m.ratio(us, a.against)
			reached := got <= a.most
			if a.least > 0 {
				wanted, got = fmt.Sprintf("%g times less", a.least), m.ratio(a.against, us)
				reached = got >= a.least
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
