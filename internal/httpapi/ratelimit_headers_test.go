package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
)

func TestARateIsSaidInWords(t *testing.T) {
	t.Parallel()
	for want, rate := range map[string]auth.Rate{
		"100 requests a minute": {Requests: 100, Per: time.Minute},
		"1 request a second":    {Requests: 1, Per: time.Second},
		"2 requests an hour":    {Requests: 2, Per: time.Hour},
	} {
		if got := inWords(rate); got != want {
			t.Errorf("%s is said as %q, want %q", rate, got, want)
		}
	}
}

// Whoever waits until a time that was told must not be too early, so all times
// are rounded up.
func TestHeadersSpeakOfAllBudgetsAndOfTheScarcest(t *testing.T) {
	t.Parallel()
	b := &budgets{header: http.Header{}}
	now := time.Unix(1_795_367_530, 999_999_999)
	b.add(now, []auth.Standing{{Rate: auth.Rate{Name: "default", Requests: 100, Per: time.Minute}, Allowed: true, Remaining: 4, Reset: 57_600 * time.Millisecond}})
	b.add(now, []auth.Standing{
		{Rate: auth.Rate{Name: "refresh", Requests: 30, Per: time.Minute}, Allowed: true, Remaining: 3, Reset: 1},
		{Rate: auth.Rate{Name: "other", Requests: 5, Per: time.Hour}, Allowed: true, Remaining: 9, Reset: time.Hour},
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
