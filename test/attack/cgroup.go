package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroup is a memory cgroup; the zero one bounds nothing.
type cgroup struct{ dir, usage string }

// limitMemory moves a process into a new memory cgroup with this limit.
func limitMemory(pid int, limit int64) (cgroup, error) {
	name := "codegenapp-attack-" + strconv.Itoa(pid)
	for _, version := range []struct{ root, limit, usage string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.peak"},
	} {
		if _, err := os.Stat(version.root + "/cgroup.procs"); err != nil {
			continue
		}
		g := cgroup{dir: filepath.Join(version.root, name), usage: version.usage}
		err := os.Mkdir(g.dir, 0o755) //nolint:gosec // the kernel's file system
		for _, w := range []struct{ file, text string }{{version.limit, strconv.FormatInt(limit, 10)}, {"cgroup.procs", strconv.Itoa(pid)}} {
			if err == nil {
				err = os.WriteFile(filepath.Join(g.dir, w.file), []byte(w.text), 0o600)
			}
		}
		if err == nil {
			return g, nil
		}
		_ = os.Remove(g.dir) // it may not exist
		return cgroup{}, fmt.Errorf("make a memory cgroup: %w", err)
	}
	return cgroup{}, errors.New("the system has none")
}

// peak returns the greatest memory of the process so far, in bytes.
func (g cgroup) peak(pid int) int64 {
	if g.dir == "" {
		return residentPeak(pid)
	}
	text, _ := os.ReadFile(filepath.Join(g.dir, g.usage)) // without it the peak is 0
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	_ = os.WriteFile(filepath.Join(g.dir, g.usage), []byte("0"), 0o600) // begins anew, where the kernel can
	return n
}

// residentPeak is VmHWM, in bytes; 0 on systems without it.
func residentPeak(pid int) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

// remove removes the group, after its process has ended.
func (g cgroup) remove() {
	if g.dir != "" {
		_ = os.Remove(g.dir) // the kernel removes it with the system at the latest
	}
}
