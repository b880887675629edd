package proc

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

func TestProc_ParsesAnyProcessName(t *testing.T) {
	t.Parallel()
	p, err := parse([]byte("7 (a) b (c) S 3 7 7 0 -1 4194304 9 8 7 6 11 22 33 44 20 0 1 0"))
	want := process{parent: 3, own: 330 * time.Millisecond, waited: 770 * time.Millisecond}
	if err != nil || p != want {
		t.Errorf("parse = %+v, %v; want %+v", p, err, want)
	}
	for _, broken := range []string{"", "7 (a", "7 (a) S 3", "7 (a) S x 7 7 0 -1 4194304 9 8 7 6 11 22 33 44 20 0"} {
		if p, err := parse([]byte(broken)); err == nil {
			t.Errorf("parse(%q) = %+v without an error", broken, p)
		}
	}
}

func TestProc_CPUIncludesDescendants(t *testing.T) {
	t.Parallel()
	table := Table{
		1: {parent: 0, own: 1},
		2: {parent: 1, own: 10, waited: 100},
		3: {parent: 2, own: 1000},
		4: {parent: 3, own: 10000, waited: 100000},
		5: {parent: 1, own: 1000000},
	}
	for name, tc := range map[string]struct {
		roots []int
		want  time.Duration
	}{
		"with children that live and that have ended": {[]int{2}, 111110},
		"of a leaf":                     {[]int{5}, 1000000},
		"of two, each counted once":     {[]int{2, 3, 5}, 1111110},
		"of a process that is no more":  {[]int{9}, 0},
		"of no process":                 {nil, 0},
		"of the first process is a sum": {[]int{1}, 1111111},
	} {
		if got := table.CPU(tc.roots...); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

func TestProc_CPUIncludesEndedChildren(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	before := cpu(t)
	if err := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	if used := cpu(t) - before; used < 5*tick {
		t.Errorf("a child that counted to 200,000 used %s", used)
	}
	now, most, err := Memory(os.Getpid())
	if err != nil || now < 1<<20 || most < now/2 {
		t.Errorf("Memory = %d, %d, %v", now, most, err)
	}
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	table, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	return table.CPU(os.Getpid())
}
