package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// writes is what was written, write by write.
type writes struct {
	mu  sync.Mutex
	all []string
	err error
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(bytes.Clone(b)))
	return len(b), w.err
}

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

func TestLinesAreWrittenTogetherWithinATenthOfASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		log := telemetry.NewLogger(telemetry.NewLines(w), telemetry.LogConfig{})
		for round := 1; round <= 3; round++ {
			for range 10 {
				log.InfoContext(t.Context(), "said")
			}
			time.Sleep(99 * time.Millisecond)
			if got := w.count(); got != round-1 {
				t.Errorf("after 99 ms of round %d there were %d writes", round, got)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if got := w.count(); got != round || strings.Count(w.all[got-1], "\n") != 10 {
				t.Errorf("after 100 ms of round %d: %q", round, w.all)
			}
		}
	})
}

func TestAWarningIsWrittenAtOnceBehindWhatWasBefore(t *testing.T) {
	t.Parallel()
	for _, text := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &writes{}
			log := telemetry.NewLogger(telemetry.NewLines(w), telemetry.LogConfig{Text: text}).With("by", "us")
			log.InfoContext(t.Context(), "first")
			log.WarnContext(t.Context(), "second")
			if len(w.all) != 1 || strings.Index(w.all[0], "first") > strings.Index(w.all[0], "second") || strings.Count(w.all[0], "\n") != 2 {
				t.Errorf("with text %t: %q", text, w.all)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if len(w.all) != 1 {
				t.Errorf("with text %t it wrote later %q", text, w.all[1:])
			}
		})
	}
}

func TestManyLinesDoNotWaitForTheTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		lines := telemetry.NewLines(w)
		for range 1000 {
			if _, err := lines.Write(bytes.Repeat([]byte("x"), 100)); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.count(); got != 1000*100/(16<<10) {
			t.Errorf("100,000 bytes were written in %d writes", got)
		}
		if err := lines.Flush(); err != nil || len(strings.Join(w.all, "")) != 100_000 {
			t.Errorf("after a flush %d bytes, %v", len(strings.Join(w.all, "")), err)
		}
	})
}

func TestNoLineIsLostOrTorn(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 2000
	w := &writes{}
	lines := telemetry.NewLines(w)
	var running sync.WaitGroup
	for n := range writers {
		running.Go(func() {
			for m := range each {
				fmt.Fprintf(lines, "%d %d end\n", n, m)
			}
		})
	}
	running.Wait()
	if err := lines.Flush(); err != nil {
		t.Fatal(err)
	}
	next := [writers]int{}
	for _, part := range w.all {
		for text := range strings.Lines(part) {
			var n, m int
			if _, err := fmt.Sscanf(text, "%d %d end\n", &n, &m); err != nil || next[n] != m {
				t.Fatalf("%q after line %d of its writer: %v", text, next[n]-1, err)
			}
			next[n]++
		}
	}
	for n, got := range next {
		if got != each {
			t.Errorf("%d of %d lines of writer %d came", got, each, n)
		}
	}
}

func TestAFailureToWriteLinesIsTold(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	lines := telemetry.NewLines(&writes{err: full})
	if _, err := lines.Write([]byte("line\n")); err != nil {
		t.Errorf("before it was written: %v", err)
	}
	if err := lines.Flush(); !errors.Is(err, full) {
		t.Errorf("flushed: %v", err)
	}
	if err := lines.Flush(); err != nil {
		t.Errorf("flushed with nothing to write: %v", err)
	}
}
