package gate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// What both gates do. The clock stands but for what a case says; rates are by the
// hour, so that no key of Redis, whose own clock runs on, expires meanwhile.
var behaviours = map[string]func(t *testing.T, w world){
	"a budget is what its rate says": func(t *testing.T, w world) {
		if got := allowed(t, w, 50, "ann", rate("default", 20, time.Hour)); got != 20 {
			t.Errorf("%d of 50 requests passed, want 20", got)
		}
	},
	"a rate of one lets one pass": func(t *testing.T, w world) {
		if got := allowed(t, w, 3, "ann", rate("default", 1, time.Hour)); got != 1 {
			t.Errorf("%d of 3 requests passed, want 1", got)
		}
	},
	"a budget grows evenly": func(t *testing.T, w world) {
		default4 := rate("default", 4, time.Hour)
		allowed(t, w, 4, "ann", default4)
		w.move(15*time.Minute - time.Microsecond)
		if got := allowed(t, w, 1, "ann", default4); got != 0 {
			t.Error("a request passed a microsecond too early")
		}
		w.move(time.Microsecond)
		if got := allowed(t, w, 2, "ann", default4); got != 1 {
			t.Errorf("%d requests passed after a quarter of the time, want 1", got)
		}
		w.move(30 * time.Minute)
		if got := allowed(t, w, 9, "ann", default4); got != 2 {
			t.Errorf("%d requests passed after half of the time, want 2", got)
		}
	},
	"a budget never holds more than it is": func(t *testing.T, w world) {
		allowed(t, w, 2, "ann", rate("default", 4, time.Hour))
		w.move(1000 * time.Hour)
		if got := allowed(t, w, 9, "ann", rate("default", 4, time.Hour)); got != 4 {
			t.Errorf("%d requests passed after a long time, want 4", got)
		}
	},
	"slots have budgets of their own": func(t *testing.T, w world) {
		for _, slot := range []auth.Slot{"ann", "ben", "203.0.113.7", "2001:db8::/64", ""} {
			if got := allowed(t, w, 5, slot, rate("default", 3, time.Hour)); got != 3 {
				t.Errorf("%d requests of %q passed, want 3", got, slot)
			}
		}
	},
	"rates of one slot have budgets of their own": func(t *testing.T, w world) {
		for _, name := range []string{"default", "login", "refresh"} {
			if got := allowed(t, w, 5, "ann", rate(name, 3, time.Hour)); got != 3 {
				t.Errorf("%d requests by %s passed, want 3", got, name)
			}
		}
	},
	"the scarcer of two rates decides": func(t *testing.T, w world) {
		if got := allowed(t, w, 9, "ann", rate("default", 7, time.Hour), rate("refresh", 3, time.Hour)); got != 3 {
			t.Errorf("%d requests passed, want 3", got)
		}
	},
	"a request that one rate refuses costs the other nothing": func(t *testing.T, w world) {
		both := []auth.Rate{rate("default", 4, time.Hour), rate("refresh", 1, time.Hour)}
		allowed(t, w, 9, "ann", both...)
		got := enter(t, w, "ann", both...)
		want := auth.Pass{Standings: []auth.Standing{
			{Rate: both[0], Allowed: true, Remaining: 3, Reset: 15 * time.Minute},
			{Rate: both[1], Allowed: false, Remaining: 0, Reset: time.Hour, RetryAfter: time.Hour},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pass (-want +got):\n%s", diff)
		}
	},
	"a pass tells how the budget stands": func(t *testing.T, w world) {
		r := rate("default", 3, time.Hour)
		want := []auth.Standing{
			{Rate: r, Allowed: true, Remaining: 2, Reset: 20 * time.Minute},
			{Rate: r, Allowed: true, Remaining: 1, Reset: 40 * time.Minute},
			{Rate: r, Allowed: true, Remaining: 0, Reset: time.Hour, RetryAfter: 20 * time.Minute},
			{Rate: r, Allowed: false, Remaining: 0, Reset: time.Hour, RetryAfter: 20 * time.Minute},
		}
		for n, want := range want {
			if diff := cmp.Diff([]auth.Standing{want}, enter(t, w, "ann", r).Standings); diff != "" {
				t.Errorf("request %d (-want +got):\n%s", n+1, diff)
			}
		}
		w.move(19 * time.Minute)
		refused := auth.Standing{Rate: r, Reset: 41 * time.Minute, RetryAfter: time.Minute}
		if diff := cmp.Diff([]auth.Standing{refused}, enter(t, w, "ann", r).Standings); diff != "" {
			t.Errorf("after 19 minutes (-want +got):\n%s", diff)
		}
	},
	"who waits as long as they are told is let through": func(t *testing.T, w world) {
		r := rate("default", 7, time.Hour) // of which the cost is no whole number
		allowed(t, w, 7, "ann", r)
		for range 20 {
			refused := enter(t, w, "ann", r)
			if refused.Allowed() {
				t.Fatal("a request passed that was to wait")
			}
			w.move(refused.Standings[0].RetryAfter)
			if !enter(t, w, "ann", r).Allowed() {
				t.Fatal("a request was refused that had waited")
			}
		}
	},
	"no rate refuses nobody": func(t *testing.T, w world) {
		if got := allowed(t, w, 3, "ann"); got != 3 {
			t.Errorf("%d of 3 requests passed", got)
		}
	},
	"a rate that was lowered holds at once, and forgives what is more than a whole budget": func(t *testing.T, w world) {
		allowed(t, w, 100, "ann", rate("default", 100, 1000*time.Hour))
		lowered := rate("default", 4, time.Hour)
		if got := allowed(t, w, 9, "ann", lowered); got != 0 {
			t.Errorf("%d requests passed at once", got)
		}
		w.move(30 * time.Minute)
		if got := allowed(t, w, 9, "ann", lowered); got != 2 {
			t.Errorf("%d requests passed after half of the time, want 2", got)
		}
	},
	"a clock that is set back costs a budget at most": func(t *testing.T, w world) {
		r := rate("default", 4, time.Hour)
		enter(t, w, "ann", r)
		w.move(-1000 * time.Hour)
		if got := enter(t, w, "ann", r).Standings[0]; got.Allowed || got.RetryAfter != 15*time.Minute {
			t.Errorf("at once: %+v", got)
		}
		w.move(15 * time.Minute)
		if got := enter(t, w, "ann", r).Standings[0]; !got.Allowed {
			t.Errorf("after the wait it was told: %+v", got)
		}
	},
	"rates of a million and of one": func(t *testing.T, w world) {
		for name, r := range map[string]auth.Rate{
			"many": rate("many", 1_000_000, time.Second), "few": rate("few", 1, 100*time.Hour),
		} {
			if !enter(t, w, "ann", r).Allowed() {
				t.Errorf("the first request by %s was refused", name)
			}
		}
	},
}

func TestBothGatesBehaveAlike(t *testing.T) {
	t.Parallel()
	for name, behaviour := range behaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, behaviour)
		})
	}
}
