package testkit

import "os"

// Long reports whether tests take their full length: many rounds, judged as on a
// machine that does nothing else, which is what `make test-long` has.
func Long() bool { return os.Getenv("TEST_LONG") != "" }

// Repetitions is how often a test repeats itself: some times, which a busy machine
// does in seconds, or as many as the contract's guarantees ask for.
func Repetitions(some, many int) int {
	if Long() {
		return many
	}
	return some
}
