package testkit

import (
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// NewRedis returns the URL of an empty database for the test, in a Redis that other tests
// share. Without Redis the test is skipped.
func NewRedis(t testing.TB) string {
	t.Helper()
	url, err := redisserver.NewDatabase(t.Context())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("create a Redis database: %v", err)
	}
	return url
}
