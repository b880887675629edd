package httpapi_test

import (
	"os"
	"testing"
)

// long skips a test that floods the server and judges waits of a second: it
// needs a machine that does nothing else, and has one in `make test-long`.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_LONG") == "" {
		t.Skip("needs a machine of its own; run by make test-long")
	}
}

// rounds is how often a race is run: a few times, and in `make test-long` as
// often as it takes to believe it.
func rounds(few, many int) int {
	if os.Getenv("TEST_LONG") == "" {
		return few
	}
	return many
}
