// Package race tells whether the race detector is on. It makes pools forget by
// chance, so who counts allocations has to know.
package race

import "testing"

// Skip skips a test that counts allocations while the race detector is on. `make
// test` runs those tests once more without it.
func Skip(t *testing.T) {
	t.Helper()
	if enabled {
		t.Skip("allocations are not counted under the race detector; make test counts them without it")
	}
}
