package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

func TestRateLimit_SaysRatesInWords(t *testing.T) {
	t.Parallel()
	for want, rate := range map[string]ratelimit.Rate{
		"100 requests a minute": {Requests: 100, Per: time.Minute},
		"1 request a second":    {Requests: 1, Per: time.Second},
		"2 requests an hour":    {Requests: 2, Per: time.Hour},
	} {
		if got := rateInWords(rate); got != want {
			t.Errorf("%s is written as %q, want %q", rate, got, want)
		}
	}
}

// A client that waits until one of these times must not be too early, so all are
// rounded up.
func TestRateLimit_HeadersShowAllLimitsAndTheScarcest(t *testing.T) {
	t.Parallel()
	b := &rateLimitHeaders{header: http.Header{}}
	now := time.Unix(1_795_367_530, 999_999_999)
	b.add(now, ratelimit.Decision{{Rate: ratelimit.Rate{Name: "default", Requests: 100, Per: time.Minute}, Allowed: true, Remaining: 4, Reset: 57_600 * time.Millisecond}})
	b.add(now, ratelimit.Decision{
		{Rate: ratelimit.Rate{Name: "refresh", Requests: 30, Per: time.Minute}, Allowed: true, Remaining: 3, Reset: 1},
		{Rate: ratelimit.Rate{Name: "other", Requests: 5, Per: time.Hour}, Allowed: true, Remaining: 9, Reset: time.Hour},
	})
	want := http.Header{
		"Ratelimit-Policy":      {`"default";q=100;w=60, "refresh";q=30;w=60, "other";q=5;w=3600`},
		"Ratelimit":             {`"default";r=4;t=58, "refresh";r=3;t=1, "other";r=9;t=3600`},
		"X-Ratelimit-Limit":     {"30"},
		"X-Ratelimit-Remaining": {"3"},
		"X-Ratelimit-Reset":     {"1795367531"},
	}
	if diff := cmp.Diff(want, b.header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}
