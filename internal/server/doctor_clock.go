package server

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// clockReader notes the time of whom it asks, by the Date of what is answered
// (RFC 9110, section 6.6.1), and for how long a cache has had that (RFC 9111,
// section 5.1).
type clockReader struct {
	next http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	ahead time.Duration
}

// RoundTrip asks, and notes the time.
func (c *clockReader) RoundTrip(r *http.Request) (*http.Response, error) {
	began := c.now()
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return answer, nil // without a date there is nothing to note
	}
	age, _ := strconv.Atoi(answer.Header.Get("Age")) // of what no cache had it is 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = apart(date.Add(time.Duration(age)*time.Second), began, c.now())
	return answer, nil
}

// apart is how far a clock is ahead of ours that, in whole seconds, said date
// between began and ended of ours; 0 where the two may be the same.
func apart(date, began, ended time.Time) time.Duration {
	switch latest := date.Add(time.Second); {
	case date.After(ended):
		return date.Sub(ended)
	case latest.Before(began):
		return latest.Sub(began)
	default:
		return 0
	}
}

// sign is what is to be said of the clock of who signs people in.
func (c *clockReader) sign() []sign {
	c.mu.Lock()
	defer c.mu.Unlock()
	away := c.ahead.Abs().Round(time.Second)
	switch {
	case c.ahead.Abs() > clocksMustNotDiffer:
		return []sign{{broken, "google", fmt.Sprintf("its clock is %s away from ours, and its tokens are refused: set ours by NTP", away)}}
	case c.ahead.Abs() > clocksMayDiffer:
		return []sign{{doubtful, "google", fmt.Sprintf("its clock is %s away from ours: set ours by NTP; from %s on its tokens are refused", away, clocksMustNotDiffer)}}
	default:
		return nil
	}
}
