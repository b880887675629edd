package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func samplesOf(micros ...int) []sample {
	var all []sample
	for _, us := range micros {
		all = append(all, sample{perSecond: 10, cost: cost{server: time.Duration(us) * time.Microsecond}})
	}
	return all
}

func TestReport_RatiosAreTakenWithinRounds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		us, them []sample
		want     float64
	}{
		// Noise doubled all costs in the second round.
		"whatever the noise of a round":     {samplesOf(20, 40, 20), samplesOf(10, 20, 10), 2},
		"the median of three":               {samplesOf(20, 30, 90), samplesOf(10, 10, 10), 3},
		"the middle of two":                 {samplesOf(10, 30), samplesOf(10, 10), 2},
		"of one that was not measured":      {samplesOf(10), nil, 0},
		"of what costs nothing is no ratio": {samplesOf(10, 30), samplesOf(0, 10), 3},
	} {
		m := measurement{samples: map[string][]sample{product: tc.us, handWritten: tc.them}}
		if got := m.ratio(product, handWritten); got != tc.want {
			t.Errorf("%s: %g, want %g", name, got, tc.want)
		}
	}
}

func TestReport_ShowsFiguresAndAims(t *testing.T) {
	t.Parallel()
	m := measurement{
		connections: 8,
		scenario: scenario{
			title: "reading", contenders: []contender{{label: product}, {label: handWritten}},
			aims: []aim{
				atMost(handWritten, 1.5), timesCheaper(flaskLabel, 2), cheaperThan(fastifyLabel), atMost(plainHTTP, 2), hitsOver(0.8), p99Within(handWritten, 1.3),
			},
		},
		samples: map[string][]sample{
			product: samplesOf(20), handWritten: samplesOf(10), flaskLabel: samplesOf(80), fastifyLabel: samplesOf(19),
		},
	}
	m.samples[product][0].hits = 0.85
	m.samples[product][0].p99, m.samples[handWritten][0].p99 = 13*time.Millisecond, 10*time.Millisecond
	want := [][]string{
		{"8", product, "10", "0.00", "13.00", "20.0", "0.0", "0.0", "20.0", "1"},
		{"8", handWritten, "10", "0.00", "10.00", "10.0", "0.0", "0.0", "10.0", "2.00"},
	}
	details := table([]measurement{m})
	if diff := cmp.Diff(want, details.rows); diff != "" || len(details.header) != len(want[0]) {
		t.Errorf("(-want +got)\n%s", diff)
	}
	short := summary([]measurement{m})
	want = [][]string{{"reading", "8", "10", "0.00", "13.00", "20.0", "85 %", "2.00", "", "1.05", "", "0.25", "", "", ""}}
	if diff := cmp.Diff(want, short.rows); diff != "" || len(short.header) != len(want[0]) {
		t.Errorf("(-want +got)\n%s", diff)
	}
	aims := aimsTable([]measurement{m})
	want = [][]string{
		{"reading", "8", handWritten, "at most 1.5 times the cost", "2.00", "missed"},
		{"reading", "8", flaskLabel, "at least 2 times cheaper", "4.00 times", "reached"},
		{"reading", "8", fastifyLabel, "cheaper", "1.05", "missed"},
		{"reading", "8", product, "over 80 % of reads from the cache", "85 %", "reached"},
		{"reading", "8", handWritten, "p99 at most 1.3 times as long", "1.30", "reached"},
	}
	if diff := cmp.Diff(want, aims.rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	doc := document{details, aims}
	if text := doc.text(); strings.Count(text, "\n") != 5+9 {
		t.Errorf("the text has %d lines:\n%s", strings.Count(text, "\n"), text)
	}
	if text := doc.markdown(); !strings.Contains(text, "| reading | 8 | Flask | at least 2 times cheaper | 4.00 times | reached |\n") || !strings.Contains(text, "|"+strings.Repeat(" --- |", 10)) {
		t.Errorf("the Markdown is\n%s", text)
	}
}

func TestOptions_RejectsInvalidValues(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-peers=unknown", "-rounds=0", "-duration=0s", "-connections=0", "-only=(", "-sizes=1,x", "-replicas=0", "nonsense", "-items=-1",
		"-connections=8,x", "-compare=x -scale",
	} {
		if _, err := parseOptions(strings.Fields(args), &strings.Builder{}); err == nil {
			t.Errorf("%s is accepted", args)
		}
	}
	o, err := parseOptions(strings.Fields("-peers none -sizes 1,2 -only read"), &strings.Builder{})
	if err != nil || len(o.peers) != 0 || len(o.sizes) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for args, counts := range map[string]int{"-compare x": 3, "": 3, "-connections 32": 1, "-scale": 1} {
		o, err = parseOptions(strings.Fields(args), &strings.Builder{})
		if err != nil || len(o.connectionCounts) != counts || o.connections != slices.Max(o.connectionCounts) || o.rounds < 3 {
			t.Errorf("%s: %+v, %v", args, o, err)
		}
	}
}
