package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// goodput is how much of the capacity was done under the flood.
func (r *result) goodput() float64 { return float64(r.Done) / r.length.Seconds() / r.capacity }

// String is the report, in Markdown.
func (r *result) String() string {
	var b strings.Builder
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	b.WriteString("\n| | |\n| --- | --- |\n")
	row("capacity", "%.0f changes a second", r.capacity)
	row("the flood", "%d requests in %s, %.0f a second", r.Asked, r.length, r.rate)
	row("done under it", "%d, %.0f a second: %.0f %% of the capacity", r.Done, float64(r.Done)/r.length.Seconds(), 100*r.goodput())
	row("in", "%s median, %s p99", short(r.Served.P50), short(r.Served.P99))
	row("shed with a 503 problem", "%d, in %s median, %s p99", r.Shed, short(r.ShedIn.P50), short(r.ShedIn.P99))
	row("answered otherwise, or not", "%d", r.Other)
	row("health asked for", "%d times, %d in vain, in %s at most", r.health.asked, r.health.failed, short(r.health.slowest))
	row("sessions ended", "%d, %d in vain, in %s at most", r.sessions.asked, r.sessions.failed, short(r.sessions.slowest))
	row("as much as before again after", "%s", short(r.well))
	return b.String()
}

func short(d time.Duration) string { return d.Round(time.Millisecond).String() }

// verdict names the aims that were missed.
func (r *result) verdict() error {
	var missed []error
	miss := func(is bool, format string, args ...any) {
		if is {
			missed = append(missed, fmt.Errorf(format, args...))
		}
	}
	miss(r.goodput() < leastGoodput, "less than %.0f %% of the capacity was done", 100*leastGoodput)
	miss(r.Other > 0, "%d answers were neither success nor a 503 problem, such as %s", r.Other, r.Strange)
	miss(r.health.failed > 0, "health was asked for in vain %d times: %s", r.health.failed, r.health.why)
	miss(r.sessions.failed > 0 || r.sessions.asked == 0, "%d of %d sessions could not be ended: %s", r.sessions.failed, r.sessions.asked, r.sessions.why)
	miss(r.well > wellWithin, "it took %s until all was well", r.well)
	return errors.Join(missed...)
}
