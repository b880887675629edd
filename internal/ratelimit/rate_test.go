package ratelimit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRate_ParsesAndPrints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{
		"100/minute":     {Name: "default", Requests: 100, Per: time.Minute},
		"1/second":       {Name: "default", Requests: 1, Per: time.Second},
		"1000000/hour":   {Name: "default", Requests: 1_000_000, Per: time.Hour},
		"1000000/second": {Name: "default", Requests: 1_000_000, Per: time.Second},
	} {
		got := Rate{Name: "default"}
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is parsed as %+v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q is printed as %q", text, got)
		}
	}
	for _, text := range []string{
		"", "/", "100", "100/", "/minute", "0/minute", "-1/minute", "+1/minute", "1.5/minute", "1e3/minute", " 1/minute", "1/minute ",
		"1 / minute", "1/Minute", "1/minutes", "1/day", "1/min", "1/60s", "1/minute/2", "1000001/hour", "99999999999999999999/hour", "many/hour", "1,000/hour",
	} {
		if err := new(Rate).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as a rate", text)
		}
	}
}

func TestRate_LosesAtMostAMicrosecondPerRequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			Requests: rapid.IntRange(1, maxRequests).Draw(t, "requests"),
			Per:      rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "per"),
		}
		over := r.Burst() - r.Per
		if over < 0 || over >= time.Duration(r.Requests)*time.Microsecond {
			t.Errorf("%s: an exhausted limit needs %s", r, r.Burst())
		}
	})
}

func TestDecision_AllowedOnlyByAllLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		each []bool
		want bool
	}{{nil, true}, {[]bool{true}, true}, {[]bool{true, true}, true}, {[]bool{true, false}, false}, {[]bool{false}, false}} {
		var d Decision
		for _, allowed := range tc.each {
			d = append(d, LimitState{Allowed: allowed})
		}
		if got := d.Allowed(); got != tc.want {
			t.Errorf("%v allows: %t", tc.each, got)
		}
	}
}
