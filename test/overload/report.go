package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// goodput is the share of the capacity that succeeded under overload.
func (r *result) goodput() float64 { return float64(r.Succeeded) / r.length.Seconds() / r.capacity }

// String is the report, in Markdown.
func (r *result) String() string {
	var b strings.Builder
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	b.WriteString("\n| | |\n| --- | --- |\n")
	row("capacity", "%.0f changes a second", r.capacity)
	row("overload", "%d requests in %s, %.0f a second", r.Sent, r.length, r.rate)
	row("succeeded", "%d, %.0f a second: %.0f %% of the capacity", r.Succeeded, float64(r.Succeeded)/r.length.Seconds(), 100*r.goodput())
	row("latency", "%s median, %s p99", short(r.Served.P50), short(r.Served.P99))
	row("shed with a 503 problem", "%d, latency %s median, %s p99", r.Shed, short(r.ShedIn.P50), short(r.ShedIn.P99))
	row("other responses, or none", "%d", r.Other)
	row("health checks", "%d, %d failed, latency at most %s", r.health.sent, r.health.failed, short(r.health.slowest))
	row("logouts", "%d, %d failed, latency at most %s", r.sessions.sent, r.sessions.failed, short(r.sessions.slowest))
	row("recovered after", "%s", short(r.recovery))
	return b.String()
}

func short(d time.Duration) string { return d.Round(time.Millisecond).String() }

// verdict returns the missed goals.
func (r *result) verdict() error {
	var missed []error
	miss := func(is bool, format string, args ...any) {
		if is {
			missed = append(missed, fmt.Errorf(format, args...))
		}
	}
	miss(r.goodput() < minGoodput, "the goodput was less than %.0f %% of the capacity", 100*minGoodput)
	miss(r.Other > 0, "%d responses were neither a success nor a 503 problem, such as %s", r.Other, r.Unexpected)
	miss(r.health.failed > 0, "%d health checks failed: %s", r.health.failed, r.health.why)
	miss(r.sessions.failed > 0 || r.sessions.sent == 0, "%d of %d logouts failed: %s", r.sessions.failed, r.sessions.sent, r.sessions.why)
	miss(r.recovery > maxRecovery, "the recovery took %s", r.recovery)
	return errors.Join(missed...)
}
