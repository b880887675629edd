package ratelimit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// behaviours are what every limiter does. The clock stands unless a case moves it. Rates
// are by the hour, so that no key of Redis expires meanwhile, whose clock runs on.
var behaviours = map[string]func(t *testing.T, f fixture){
	"a limit allows as many requests as its rate": func(t *testing.T, f fixture) {
		if got := allowed(t, f, 50, "ann", rate("default", 20, time.Hour)); got != 20 {
			t.Errorf("%d of 50 requests were allowed, want 20", got)
		}
	},
	"a rate of one allows one request": func(t *testing.T, f fixture) {
		if got := allowed(t, f, 3, "ann", rate("default", 1, time.Hour)); got != 1 {
			t.Errorf("%d of 3 requests were allowed, want 1", got)
		}
	},
	"a limit regains requests evenly": func(t *testing.T, f fixture) {
		default4 := rate("default", 4, time.Hour)
		allowed(t, f, 4, "ann", default4)
		f.move(15*time.Minute - time.Microsecond)
		if got := allowed(t, f, 1, "ann", default4); got != 0 {
			t.Error("a request was allowed a microsecond too early")
		}
		f.move(time.Microsecond)
		if got := allowed(t, f, 2, "ann", default4); got != 1 {
			t.Errorf("%d requests were allowed after a quarter of the time, want 1", got)
		}
		f.move(30 * time.Minute)
		if got := allowed(t, f, 9, "ann", default4); got != 2 {
			t.Errorf("%d requests were allowed after half of the time, want 2", got)
		}
	},
	"a limit never allows more than its burst": func(t *testing.T, f fixture) {
		allowed(t, f, 2, "ann", rate("default", 4, time.Hour))
		f.move(1000 * time.Hour)
		if got := allowed(t, f, 9, "ann", rate("default", 4, time.Hour)); got != 4 {
			t.Errorf("%d requests were allowed after a long time, want 4", got)
		}
	},
	"each key has its own limits": func(t *testing.T, f fixture) {
		for _, key := range []Key{"ann", "ben", "203.0.113.7", "2001:db8::/64", ""} {
			if got := allowed(t, f, 5, key, rate("default", 3, time.Hour)); got != 3 {
				t.Errorf("%d requests of %q passed, want 3", got, key)
			}
		}
	},
	"each rate of a key has its own limit": func(t *testing.T, f fixture) {
		for _, name := range []string{"default", "login", "refresh"} {
			if got := allowed(t, f, 5, "ann", rate(name, 3, time.Hour)); got != 3 {
				t.Errorf("%d requests by %s passed, want 3", got, name)
			}
		}
	},
	"the scarcer of two limits decides": func(t *testing.T, f fixture) {
		if got := allowed(t, f, 9, "ann", rate("default", 7, time.Hour), rate("refresh", 3, time.Hour)); got != 3 {
			t.Errorf("%d requests were allowed, want 3", got)
		}
	},
	"a request that one limit refuses is not charged to the other": func(t *testing.T, f fixture) {
		both := []Rate{rate("default", 4, time.Hour), rate("refresh", 1, time.Hour)}
		allowed(t, f, 9, "ann", both...)
		got := allow(t, f, "ann", both...)
		want := Decision{
			{Rate: both[0], Allowed: true, Remaining: 3, Reset: 15 * time.Minute},
			{Rate: both[1], Allowed: false, Remaining: 0, Reset: time.Hour, RetryAfter: time.Hour},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decision (-want +got):\n%s", diff)
		}
	},
	"a decision shows the state of the limit": func(t *testing.T, f fixture) {
		r := rate("default", 3, time.Hour)
		want := []LimitState{
			{Rate: r, Allowed: true, Remaining: 2, Reset: 20 * time.Minute},
			{Rate: r, Allowed: true, Remaining: 1, Reset: 40 * time.Minute},
			{Rate: r, Allowed: true, Remaining: 0, Reset: time.Hour, RetryAfter: 20 * time.Minute},
			{Rate: r, Allowed: false, Remaining: 0, Reset: time.Hour, RetryAfter: 20 * time.Minute},
		}
		for n, want := range want {
			if diff := cmp.Diff(Decision{want}, allow(t, f, "ann", r)); diff != "" {
				t.Errorf("request %d (-want +got):\n%s", n+1, diff)
			}
		}
		f.move(19 * time.Minute)
		refused := LimitState{Rate: r, Reset: 41 * time.Minute, RetryAfter: time.Minute}
		if diff := cmp.Diff(Decision{refused}, allow(t, f, "ann", r)); diff != "" {
			t.Errorf("after 19 minutes (-want +got):\n%s", diff)
		}
	},
	"a request after RetryAfter is allowed": func(t *testing.T, f fixture) {
		r := rate("default", 7, time.Hour) // of which the cost is no whole number
		allowed(t, f, 7, "ann", r)
		for range 20 {
			refused := allow(t, f, "ann", r)
			if refused.Allowed() {
				t.Fatal("a request was allowed too early")
			}
			f.move(refused[0].RetryAfter)
			if !allow(t, f, "ann", r).Allowed() {
				t.Fatal("a request was refused after RetryAfter")
			}
		}
	},
	"without a rate every request is allowed": func(t *testing.T, f fixture) {
		if got := allowed(t, f, 3, "ann"); got != 3 {
			t.Errorf("%d of 3 requests were allowed", got)
		}
	},
	"a lowered rate holds at once, and forgives what exceeds its burst": func(t *testing.T, f fixture) {
		allowed(t, f, 100, "ann", rate("default", 100, 1000*time.Hour))
		lowered := rate("default", 4, time.Hour)
		if got := allowed(t, f, 9, "ann", lowered); got != 0 {
			t.Errorf("%d requests were allowed at once", got)
		}
		f.move(30 * time.Minute)
		if got := allowed(t, f, 9, "ann", lowered); got != 2 {
			t.Errorf("%d requests were allowed after half of the time, want 2", got)
		}
	},
	"a clock that is set back costs one burst at most": func(t *testing.T, f fixture) {
		r := rate("default", 4, time.Hour)
		allow(t, f, "ann", r)
		f.move(-1000 * time.Hour)
		if got := allow(t, f, "ann", r)[0]; got.Allowed || got.RetryAfter != 15*time.Minute {
			t.Errorf("at once: %+v", got)
		}
		f.move(15 * time.Minute)
		if got := allow(t, f, "ann", r)[0]; !got.Allowed {
			t.Errorf("after RetryAfter: %+v", got)
		}
	},
	"rates of a million and of one are exact": func(t *testing.T, f fixture) {
		for name, r := range map[string]Rate{
			"many": rate("many", 1_000_000, time.Second), "few": rate("few", 1, 100*time.Hour),
		} {
			if !allow(t, f, "ann", r).Allowed() {
				t.Errorf("the first request by %s was refused", name)
			}
		}
	},
}

func TestRateLimit_ImplementationsAgree(t *testing.T) {
	t.Parallel()
	for name, behaviour := range behaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachLimiter(t, behaviour)
		})
	}
}
