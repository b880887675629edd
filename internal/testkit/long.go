package testkit

import "os"

// Long reports whether tests run at full length, with many rounds and with the limits of
// an idle machine, as under `make test-long`.
func Long() bool { return os.Getenv("TEST_LONG") != "" }

// Repetitions is the number of repetitions of a test: few, which take seconds on a busy
// machine, or, under `make test-long`, as many as the guarantees of the contract need.
func Repetitions(few, many int) int {
	if Long() {
		return many
	}
	return few
}
