package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// event is one line of go test -json; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// packageRun is a package whose tests run.
type packageRun struct {
	startedAt time.Time
	// pending is the output of top-level tests that have not ended, by name. Output
	// of subtests belongs to their top-level test.
	pending map[string]*bytes.Buffer
	// failed is the output of tests that failed; own is that of no test.
	failed, own bytes.Buffer
}

// report turns events into lines.
type report struct {
	out      io.Writer
	now      func() time.Time
	running  map[string]*packageRun
	ended    int
	failures []string
	started  time.Time
	printed  time.Time
}

func newReport(out io.Writer, now func() time.Time) *report {
	return &report{out: out, now: now, running: map[string]*packageRun{}, started: now(), printed: now()}
}

// add handles one line of go test -json.
func (r *report) add(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil { // a message of the go command itself
		r.print(string(line))
		return
	}
	if e.Package == "" { // build-output and build-fail have an import path instead
		r.print(e.Output)
		return
	}
	p := r.running[e.Package]
	if p == nil {
		p = &packageRun{startedAt: r.now(), pending: map[string]*bytes.Buffer{}}
		r.running[e.Package] = p
	}
	top, _, isSubtest := strings.Cut(e.Test, "/")
	switch e.Action {
	case "output":
		p.write(top, e.Output)
	case "pass", "skip":
		if e.Test == "" {
			r.end(e.Package, p, false)
		} else if !isSubtest {
			delete(p.pending, top)
		}
	case "fail":
		if e.Test == "" {
			r.end(e.Package, p, true)
		} else if !isSubtest && p.pending[top] != nil {
			p.failed.Write(p.pending[top].Bytes())
			delete(p.pending, top)
		}
	}
}

// write keeps a line of output. Lines that only report the progress of a test are
// dropped, as go test drops them without -v.
func (p *packageRun) write(test, line string) {
	if strings.HasPrefix(line, "=== ") || strings.HasPrefix(strings.TrimLeft(line, " "), "--- PASS") {
		return
	}
	if test == "" {
		p.own.WriteString(line)
		return
	}
	if p.pending[test] == nil {
		p.pending[test] = &bytes.Buffer{}
	}
	p.pending[test].WriteString(line)
}

// end prints the result of a package.
func (r *report) end(name string, p *packageRun, failed bool) {
	delete(r.running, name)
	r.ended++
	if failed {
		r.print(p.failed.String())
		for _, test := range slices.Sorted(maps.Keys(p.pending)) { // a panic or a timeout ended them
			r.print(p.pending[test].String())
		}
	}
	for line := range strings.Lines(p.own.String()) {
		if line == "PASS\n" || strings.Contains(line, "[no test files]") {
			continue
		}
		r.print(line)
		if failed && strings.HasPrefix(line, "FAIL\t") {
			r.failures = append(r.failures, line)
		}
	}
}

// finish repeats the lines of failed packages, which may be far above.
func (r *report) finish() {
	if len(r.failures) > 0 {
		r.print("\n" + strings.Join(r.failures, "") + "FAIL\n")
	}
}

func (r *report) print(text string) {
	if text != "" {
		_, _ = io.WriteString(r.out, text)
		r.printed = r.now()
	}
}

// progress returns a line about what runs, if nothing was printed for the interval.
func (r *report) progress(interval time.Duration) string {
	now := r.now()
	if now.Sub(r.printed) < interval {
		return ""
	}
	r.printed = now
	var running []string
	for _, name := range slices.Sorted(maps.Keys(r.running)) {
		running = append(running, fmt.Sprintf("%s (%.0f s)", name[strings.LastIndex(name, "/")+1:], now.Sub(r.running[name].startedAt).Seconds()))
	}
	if len(running) == 0 {
		running = []string{"the compiler"}
	}
	return fmt.Sprintf("# after %.0f s: %d packages have ended; running: %s", now.Sub(r.started).Seconds(), r.ended, strings.Join(running, ", "))
}
