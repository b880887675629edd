package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestRateLimit_FollowsSettings(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	for name, tc := range map[string]struct {
		env   []string
		tries int
		want  string // of RateLimit-Policy
	}{
		"those of the contract": {[]string{"RATELIMIT_ENABLED=true"}, 100, `"default";q=100;w=60`},
		"others":                {[]string{"RATELIMIT_ENABLED=true", "RATELIMIT_DEFAULT=3/hour"}, 3, `"default";q=3;w=3600`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, serveEnv(db.Service, google.URL, tc.env...)).waitReady()
			for range tc.tries {
				if got := get(t, s.URL+"/nothing", ""); got.Status != http.StatusNotFound || got.Header.Get("RateLimit-Policy") != tc.want {
					t.Fatalf("answered %d with RateLimit-Policy %s", got.Status, got.Header.Get("RateLimit-Policy"))
				}
			}
			// A limit of 100 per minute may allow a few more meanwhile.
			waitUntil(t, "the budget is used up", func() bool { return get(t, s.URL+"/nothing", "").Status == http.StatusTooManyRequests })
		})
	}
}

// A server starts without its Redis, reports that in /health, and works.
func TestRedisOutage_ServeContinues(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL, "RATELIMIT_ENABLED=true", "REDIS_URL=redis://:canary-password@127.0.0.1:1/0")).waitReady()
	token := s.signIn(google, "ann@example.com")
	if got := get(t, s.URL+"/api/v1/projects", token); got.Status != http.StatusOK || got.Header.Get("X-RateLimit-Remaining") != "99" {
		t.Errorf("answered %d with X-RateLimit-Remaining %s", got.Status, got.Header.Get("X-RateLimit-Remaining"))
	}
	if got := get(t, s.URL+"/health", ""); got.Status != http.StatusOK || !strings.Contains(got.Body, `"degraded"`) {
		t.Errorf("/health answers %d: %s", got.Status, got.Body)
	}
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
	if got := strings.Count(s.logs.String(), "Redis does not respond"); got != 1 {
		t.Errorf("the log says %d times that Redis does not respond", got)
	}
	wantNone(t, s.logs.String(), "canary")
}
