package testkit

import (
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// NewRedis lends the URL of an empty database of the test's own, in a Redis that
// other tests use too. Where Redis is not installed the test is skipped.
func NewRedis(t testing.TB) string {
	t.Helper()
	url, err := redisserver.NewDatabase(t.Context())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("lend a Redis: %v", err)
	}
	return url
}
