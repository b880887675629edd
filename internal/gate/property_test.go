package gate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// model is what a rate means, said in another way than the gates count: in no
// stretch of time may more requests pass than a whole budget and what grew in
// that time. It remembers every request that has passed.
type model map[string][]time.Time

// allows reports whether one more request may pass now: whether every stretch
// that ends now and begins with a request stays within the rate.
func (m model) allows(slot auth.Slot, r auth.Rate, now time.Time) bool {
	passed := m[string(slot)+r.Name]
	for first, began := range passed {
		if cost(r, len(passed)-first+1) > r.Whole()+now.Sub(began) {
			return false
		}
	}
	return r.Requests > 0
}

// cost is how long it takes to grow so many requests.
func cost(r auth.Rate, requests int) time.Duration {
	return r.Cost() * time.Duration(requests)
}

func (m model) enter(slot auth.Slot, rates []auth.Rate, now time.Time) bool {
	for _, r := range rates {
		if !m.allows(slot, r, now) {
			return false
		}
	}
	for _, r := range rates {
		m[string(slot)+r.Name] = append(m[string(slot)+r.Name], now)
	}
	return true
}

func TestNoStretchOfTimeHoldsMoreThanTheRateSays(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		now, run := begin, 0
		rapid.Check(t, func(rt *rapid.T) {
			run++ // a gate remembers, so each run has rates of its own name
			rates := []auth.Rate{
				rate("first", rapid.IntRange(1, 12).Draw(rt, "requests of the first rate"), time.Hour),
				rate("second", rapid.IntRange(1, 12).Draw(rt, "requests of the second rate"), 10*time.Hour),
			}
			m := model{}
			for range rapid.IntRange(1, 40).Draw(rt, "requests") {
				by := time.Duration(rapid.OneOf(
					rapid.Just(int64(0)), rapid.Int64Range(0, 1000), rapid.Int64Range(0, time.Hour.Microseconds()),
				).Draw(rt, "microseconds later")) * time.Microsecond
				now = now.Add(by)
				w.move(by)
				slot := auth.Slot(rapid.SampledFrom([]string{"ann", "ben"}).Draw(rt, "slot") + time.Duration(run).String())
				spent := rapid.SampledFrom([][]auth.Rate{rates[:1], rates[1:], rates}).Draw(rt, "rates")
				got, want := enter(t, w, slot, spent...), m.enter(slot, spent, now)
				if got.Allowed() != want {
					rt.Fatalf("%s by %v: allowed %t, want %t", slot, spent, got.Allowed(), want)
				}
				for i, r := range spent {
					if diff := cmp.Diff(m.standing(slot, r, now, want), got.Standings[i]); diff != "" {
						rt.Fatalf("%s by %v: standing (-want +got):\n%s", slot, r, diff)
					}
				}
			}
		})
	})
}

// standing looks how many requests could follow at once, and how long one would
// have to wait, by trying.
func (m model) standing(slot auth.Slot, r auth.Rate, now time.Time, passed bool) auth.Standing {
	s := auth.Standing{Rate: r, Allowed: passed || m.allows(slot, r, now)}
	try := model{string(slot) + r.Name: append([]time.Time(nil), m[string(slot)+r.Name]...)}
	for try.enter(slot, []auth.Rate{r}, now) {
		s.Remaining++
	}
	s.RetryAfter = m.wait(slot, r, now, 1)
	s.Reset = m.wait(slot, r, now, r.Requests)
	return s
}

// wait is how long it takes until so many requests may pass at once: as long as
// the tightest stretch wants.
func (m model) wait(slot auth.Slot, r auth.Rate, now time.Time, more int) time.Duration {
	passed, wait := m[string(slot)+r.Name], time.Duration(0)
	for first, began := range passed {
		wait = max(wait, cost(r, len(passed)-first+more)-r.Whole()-now.Sub(began))
	}
	return wait
}
