package ratelimit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is the meaning of a rate, written in another way than the limiters: in no
// period may more requests be allowed than the burst and what was regained in that
// time. It stores every request that was allowed.
type model map[string][]time.Time

// allows reports whether one more request is allowed now: whether every period that
// ends now and starts with a request stays within the rate.
func (m model) allows(key Key, r Rate, now time.Time) bool {
	passed := m[string(key)+r.Name]
	for first, began := range passed {
		if cost(r, len(passed)-first+1) > r.Burst()+now.Sub(began) {
			return false
		}
	}
	return r.Requests > 0
}

// cost is the time in which so many requests are regained.
func cost(r Rate, requests int) time.Duration {
	return r.EmissionInterval() * time.Duration(requests)
}

func (m model) allow(key Key, rates []Rate, now time.Time) bool {
	for _, r := range rates {
		if !m.allows(key, r, now) {
			return false
		}
	}
	for _, r := range rates {
		m[string(key)+r.Name] = append(m[string(key)+r.Name], now)
	}
	return true
}

func TestRateLimit_NoPeriodExceedsItsRate(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, f fixture) {
		now, run := start, 0
		rapid.Check(t, func(rt *rapid.T) {
			run++ // limits outlive a run, so each run has keys of its own
			rates := []Rate{
				rate("first", rapid.IntRange(1, 12).Draw(rt, "requests of the first rate"), time.Hour),
				rate("second", rapid.IntRange(1, 12).Draw(rt, "requests of the second rate"), 10*time.Hour),
			}
			m := model{}
			for range rapid.IntRange(1, 40).Draw(rt, "requests") {
				by := time.Duration(rapid.OneOf(
					rapid.Just(int64(0)), rapid.Int64Range(0, 1000), rapid.Int64Range(0, time.Hour.Microseconds()),
				).Draw(rt, "microseconds later")) * time.Microsecond
				now = now.Add(by)
				f.move(by)
				key := Key(rapid.SampledFrom([]string{"ann", "ben"}).Draw(rt, "key") + time.Duration(run).String())
				spent := rapid.SampledFrom([][]Rate{rates[:1], rates[1:], rates}).Draw(rt, "rates")
				got, want := allow(t, f, key, spent...), m.allow(key, spent, now)
				if got.Allowed() != want {
					rt.Fatalf("%s by %v: allowed %t, want %t", key, spent, got.Allowed(), want)
				}
				for i, r := range spent {
					if diff := cmp.Diff(m.state(key, r, now, want), got[i]); diff != "" {
						rt.Fatalf("%s by %v: state (-want +got):\n%s", key, r, diff)
					}
				}
			}
		})
	})
}

// state finds by trial how many requests could follow at once, and how long one would
// have to wait.
func (m model) state(key Key, r Rate, now time.Time, passed bool) LimitState {
	s := LimitState{Rate: r, Allowed: passed || m.allows(key, r, now)}
	try := model{string(key) + r.Name: append([]time.Time(nil), m[string(key)+r.Name]...)}
	for try.allow(key, []Rate{r}, now) {
		s.Remaining++
	}
	s.RetryAfter = m.wait(key, r, now, 1)
	s.Reset = m.wait(key, r, now, r.Requests)
	return s
}

// wait is the time until so many requests are allowed at once, by the tightest period.
func (m model) wait(key Key, r Rate, now time.Time, more int) time.Duration {
	passed, wait := m[string(key)+r.Name], time.Duration(0)
	for first, began := range passed {
		wait = max(wait, cost(r, len(passed)-first+more)-r.Burst()-now.Sub(began))
	}
	return wait
}
