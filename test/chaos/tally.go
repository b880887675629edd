package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts requests and violations.
type tally struct {
	requests, unanswered, unavailable, writes, keyed, reads, revokedTries, foreignReads, stale atomic.Int64
	lost, duplicated, revokedAccepted, leaked, other                                           atomic.Int64
	// slowest is the longest time of a request, in nanoseconds.
	slowest atomic.Int64

	mu    sync.Mutex
	first []string
}

// record counts a violation, and keeps the first 20.
func (t *tally) record(of *atomic.Int64, format string, args ...any) {
	of.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.first) < 20 {
		t.first = append(t.first, time.Now().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
	}
}

// took notes how long a request took.
func (t *tally) took(d time.Duration) {
	for known := t.slowest.Load(); int64(d) > known && !t.slowest.CompareAndSwap(known, int64(d)); known = t.slowest.Load() {
	}
}

func (t *tally) unexpected(format string, args ...any) { t.record(&t.other, format, args...) }

func (t *tally) verdict() error {
	if n := t.lost.Load() + t.duplicated.Load() + t.revokedAccepted.Load() + t.leaked.Load() + t.other.Load(); n > 0 {
		return fmt.Errorf("%d violations:\n%w", n, errors.New(strings.Join(t.first, "\n")))
	}
	return nil
}

// recoveryTimes are the times to recover from each fault.
type recoveryTimes map[string][]time.Duration

func (t recoveryTimes) add(fault string, took time.Duration) { t[fault] = append(t[fault], took) }

// reportOf is the report, in Markdown.
func reportOf(l *load, tolls recoveryTimes) string {
	var b strings.Builder
	t := &l.tally
	fmt.Fprintf(&b, "\n| violation | count | of |\n| --- | --- | --- |\n")
	row := func(what string, n *atomic.Int64, of int64, unit string) {
		fmt.Fprintf(&b, "| %s | %d | %d %s |\n", what, n.Load(), of, unit)
	}
	row("acknowledged writes lost", &t.lost, t.writes.Load(), "acknowledged writes")
	row("duplicate creations with one key", &t.duplicated, t.keyed.Load(), "creations with a key, each repeated until it got a response")
	row("tokens accepted after the end of their session", &t.revokedAccepted, t.revokedTries.Load(), "tries")
	row("responses with content of another user", &t.leaked, t.reads.Load()+t.foreignReads.Load(), "reads")
	row("responses other than the expected one or a 503 problem", &t.other, t.requests.Load(), "requests")
	fmt.Fprintf(&b, "\n%d requests got a 503 problem. %d got no response, since their connection or replica was gone. %d reads were older than the last acknowledged write.\n", t.unavailable.Load(), t.unanswered.Load(), t.stale.Load())
	fmt.Fprintf(&b, "\n| fault | count | recovery, median | maximum |\n| --- | --- | --- | --- |\n")
	for _, f := range selectFaults("") {
		if all := tolls[f.name]; len(all) > 0 {
			slices.Sort(all)
			fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", f.name, len(all), inMillis(all[len(all)/2]), inMillis(all[len(all)-1]))
		}
	}
	return b.String()
}

func inMillis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
