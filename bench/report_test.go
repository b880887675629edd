package main

import (
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

func TestReport_ShowsFiguresAndGoals(t *testing.T) {
	t.Parallel()
	m := measurement{
		scenario: scenario{
			title: "reading", contenders: []contender{{label: product}, {label: handWritten}},
			aims: []aim{{against: handWritten, max: 1.5}, {against: flaskLabel, min: 2}, {against: plainHTTP, max: 2}},
		},
		samples: map[string][]sample{product: samplesOf(20), handWritten: samplesOf(10), flaskLabel: samplesOf(80)},
	}
	want := [][]string{
		{product, "10", "0.00", "0.00", "20.0", "0.0", "0.0", "20.0", "1"},
		{handWritten, "10", "0.00", "0.00", "10.0", "0.0", "0.0", "10.0", "2.00"},
	}
	if diff := cmp.Diff(want, m.table().rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	short := summary([]measurement{m})
	want = [][]string{{"reading", "10", "0.00", "0.00", "20.0", "0.0", "0.0", "20.0", "2.00", "", "", "", "4.00"}}
	if diff := cmp.Diff(want, short.rows); diff != "" || len(short.header) != len(want[0]) {
		t.Errorf("(-want +got)\n%s", diff)
	}
	aims := aimsTable([]measurement{m})
	want = [][]string{
		{"reading", handWritten, "at most 1.5 times as much", "2.00", "missed"},
		{"reading", flaskLabel, "2 times less", "4.00", "reached"},
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

func TestOptions_RejectsInvalidValues(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-peers=unknown", "-rounds=0", "-duration=0s", "-connections=0", "-only=(", "-sizes=1,x", "-replicas=0", "nonsense", "-items=-1",
		"-connections=8,32", "-connections=8,x", "-compare=x -scale",
	} {
		if _, err := parseOptions(strings.Fields(args), &strings.Builder{}); err == nil {
			t.Errorf("%s is accepted", args)
		}
	}
	o, err := parseOptions(strings.Fields("-peers none -sizes 1,2 -only read"), &strings.Builder{})
	if err != nil || len(o.peers) != 0 || len(o.sizes) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = parseOptions(strings.Fields("-compare x -connections 8,32,64"), &strings.Builder{})
	if err != nil || len(o.connectionCounts) != 3 {
		t.Errorf("%+v, %v", o, err)
	}
}
