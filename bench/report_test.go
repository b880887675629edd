package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func costing(micros ...int) []sample {
	var all []sample
	for _, us := range micros {
		all = append(all, sample{perSecond: 10, cost: cost{server: time.Duration(us) * time.Microsecond}})
	}
	return all
}

func TestARatioIsTakenWithinARound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		us, them []sample
		want     float64
	}{
		// Noise doubled what everybody cost in the second round.
		"whatever the noise of a round":     {costing(20, 40, 20), costing(10, 20, 10), 2},
		"the median of three":               {costing(20, 30, 90), costing(10, 10, 10), 3},
		"the middle of two":                 {costing(10, 30), costing(10, 10), 2},
		"of whom nothing is known":          {costing(10), nil, 0},
		"of what costs nothing is no ratio": {costing(10, 30), costing(0, 10), 3},
	} {
		m := measured{samples: map[string][]sample{us: tc.us, hand: tc.them}}
		if got := m.ratio(us, hand); got != tc.want {
			t.Errorf("%s: %g, want %g", name, got, tc.want)
		}
	}
}

func TestTheTableSaysWhatWasMeasuredAndWhatWasReached(t *testing.T) {
	t.Parallel()
	m := measured{
		scenario: scenario{
			title: "reading", entrants: []entrant{{label: us}, {label: hand}},
			aims: []aim{{against: hand, most: 1.5}, {against: inFlask, least: 2}, {against: plainHTTP, most: 2}},
		},
		samples: map[string][]sample{us: costing(20), hand: costing(10), inFlask: costing(80)},
	}
	want := [][]string{
		{us, "10", "0.00", "0.00", "20.0", "0.0", "0.0", "20.0", "1"},
		{hand, "10", "0.00", "0.00", "10.0", "0.0", "0.0", "10.0", "2.00"},
	}
	if diff := cmp.Diff(want, m.table().rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	short := summary([]measured{m})
	want = [][]string{{"reading", "10", "0.00", "0.00", "20.0", "0.0", "0.0", "20.0", "2.00", "", "", "", "4.00"}}
	if diff := cmp.Diff(want, short.rows); diff != "" || len(short.header) != len(want[0]) {
		t.Errorf("(-want +got)\n%s", diff)
	}
	aims := aimsTable([]measured{m})
	want = [][]string{
		{"reading", hand, "at most 1.5 times as much", "2.00", "missed"},
		{"reading", inFlask, "2 times less", "4.00", "reached"},
	}
	if diff := cmp.Diff(want, aims.rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	doc := document{m.table(), aims}
	if text := doc.text(); strings.Count(text, "\n") != 5+5 {
		t.Errorf("the text has %d lines:\n%s", strings.Count(text, "\n"), text)
	}
	if text := doc.markdown(); !strings.Contains(text, "| reading | Flask | 2 times less | 4.00 | reached |\n") || !strings.Contains(text, "|"+strings.Repeat(" --- |", 9)) {
		t.Errorf("the Markdown is\n%s", text)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-peers=nobody", "-rounds=0", "-duration=0s", "-connections=0", "-only=(", "-sizes=1,x", "-replicas=0", "nonsense", "-items=-1",
	} {
		if _, err := parseOptions(strings.Fields(args), &strings.Builder{}); err == nil {
			t.Errorf("%s passes", args)
		}
	}
	o, err := parseOptions(strings.Fields("-peers none -sizes 1,2 -only read"), &strings.Builder{})
	if err != nil || len(o.peers) != 0 || len(o.sizes) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}
