// Package race reports whether the race detector is on. The detector makes sync.Pool drop
// items at random, so allocations cannot be counted under it.
package race

import "testing"

// Skip skips a test that counts allocations under the race detector. `make check` runs
// these tests without it as well.
func Skip(t *testing.T) {
	t.Helper()
	if enabled {
		t.Skip("allocations are not counted under the race detector")
	}
}
