// Package proc reads from /proc what processes have used of processor and
// memory. Processor time is the figure of a benchmark that noise spares: other
// work on the machine makes a request wait, and hardly makes it cost more.
//
// It knows Linux only; elsewhere everything in it is an error.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 on every
// architecture that Go runs Linux on.
const tick = 10 * time.Millisecond

// process is what one line of /proc/PID/stat says that we need.
type process struct {
	parent int
	// own is user and system time; waited is that of children that have ended
	// and were waited for.
	own, waited time.Duration
}

// Table is all processes at one moment.
type Table map[int]process

// Read reads the table.
func Read() (Table, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return nil, errors.New("there is no /proc with processes: this needs Linux")
	}
	table := make(Table, len(stats))
	for _, name := range stats {
		line, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		if table[pid], err = parse(line); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return table, nil
}

// parse reads a line of /proc/PID/stat. The name, in parentheses, may hold
// anything; the fields behind it are numbered from 3 in proc(5).
func parse(line []byte) (process, error) {
	end := bytes.LastIndexByte(line, ')')
	fields := strings.Fields(string(line[end+1:]))
	if end < 0 || len(fields) < 15 {
		return process{}, errors.New("not the form that proc(5) describes")
	}
	var numbers [5]int64
	for n, field := range []int{4, 14, 15, 16, 17} {
		var err error
		if numbers[n], err = strconv.ParseInt(fields[field-3], 10, 64); err != nil {
			return process{}, fmt.Errorf("field %d: %w", field, err)
		}
	}
	return process{
		parent: int(numbers[0]),
		own:    time.Duration(numbers[1]+numbers[2]) * tick,
		waited: time.Duration(numbers[3]+numbers[4]) * tick,
	}, nil
}

// CPU is the processor time that the given processes have used with everything
// that they have started: children that live, and those that have ended.
func (t Table) CPU(roots ...int) time.Duration {
	var sum time.Duration
	for pid, p := range t {
		if t.descendsFrom(pid, roots) {
			sum += p.own + p.waited
		}
	}
	return sum
}

// descendsFrom reports whether pid is one of the roots or descends from one.
func (t Table) descendsFrom(pid int, roots []int) bool {
	for range len(t) { // a table that was read while it changed might have a ring
		if slices.Contains(roots, pid) {
			return true
		}
		p, known := t[pid]
		if !known || p.parent == 0 {
			return false
		}
		pid = p.parent
	}
	return false
}

// Memory is the resident memory of one process in bytes, now and at its most.
func Memory(pid int) (now, most int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			now, err = kilobytes(value)
		case "VmHWM":
			most, err = kilobytes(value)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
	}
	return now, most, nil
}

// kilobytes reads "  123 kB".
func kilobytes(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
	return n << 10, err
}
