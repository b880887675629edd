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

// tally counts what happens, and what must not.
type tally struct {
	asked, silent, away, writes, keyed, reads, deadTried, foreignTried, stale atomic.Int64
	lost, twice, dead, foreign, other                                         atomic.Int64

	mu    sync.Mutex
	first []string
}

// note counts something that must not be, and keeps the first few of them.
func (t *tally) note(of *atomic.Int64, format string, args ...any) {
	of.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.first) < 20 {
		t.first = append(t.first, time.Now().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
	}
}

func (t *tally) strange(format string, args ...any) { t.note(&t.other, format, args...) }

func (t *tally) verdict() error {
	if n := t.lost.Load() + t.twice.Load() + t.dead.Load() + t.foreign.Load() + t.other.Load(); n > 0 {
		return fmt.Errorf("%d things happened that must not:\n%w", n, errors.New(strings.Join(t.first, "\n")))
	}
	return nil
}

// tolls is how long it took to recover from each fault.
type tolls map[string][]time.Duration

func (t tolls) add(fault string, took time.Duration) { t[fault] = append(t[fault], took) }

// reportOf is the report, in Markdown.
func reportOf(l *load, tolls tolls) string {
	var b strings.Builder
	t := &l.tally
	fmt.Fprintf(&b, "\n| what must not happen | times | of |\n| --- | --- | --- |\n")
	row := func(what string, n *atomic.Int64, of int64, unit string) {
		fmt.Fprintf(&b, "| %s | %d | %d %s |\n", what, n.Load(), of, unit)
	}
	row("acknowledged writes lost", &t.lost, t.writes.Load(), "acknowledged writes")
	row("keyed creations that happened twice", &t.twice, t.keyed.Load(), "keyed creations, each repeated until it was answered")
	row("tokens accepted after their session had ended", &t.dead, t.deadTried.Load(), "tries")
	row("answers with somebody else's content", &t.foreign, t.reads.Load()+t.foreignTried.Load(), "reads")
	row("answers other than what was asked for or a 503 problem", &t.other, t.asked.Load(), "requests")
	fmt.Fprintf(&b, "\nOf the requests %d were answered 503, and %d not at all, because their connection or their replica was gone. %d reads showed what was so before the last acknowledged write.\n", t.away.Load(), t.silent.Load(), t.stale.Load())
	fmt.Fprintf(&b, "\n| fault | times | recovered in, median | at most |\n| --- | --- | --- | --- |\n")
	for _, f := range faultsOf("") {
		if all := tolls[f.name]; len(all) > 0 {
			slices.Sort(all)
			fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", f.name, len(all), inMillis(all[len(all)/2]), inMillis(all[len(all)-1]))
		}
	}
	return b.String()
}

func inMillis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
