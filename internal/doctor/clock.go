package doctor

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// maxClockSkew is the skew without a warning.
	maxClockSkew = 2 * time.Second
	// tokenClockSkew is the leeway that package google grants: beyond it tokens are
	// rejected.
	tokenClockSkew = 30 * time.Second
)

// clockReader is a RoundTripper that measures the skew of the responding server's
// clock. It uses the Date of the response (RFC 9110, section 6.6.1), and its Age in
// caches (RFC 9111, section 5.1).
type clockReader struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	skew time.Duration
}

// RoundTrip sends the request and measures the skew.
func (c *clockReader) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := c.now()
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return response, nil // without a date there is nothing to measure
	}
	age, _ := strconv.Atoi(response.Header.Get("Age")) // 0 if it comes from no cache
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = skew(date.Add(time.Duration(age)*time.Second), sent, c.now())
	return response, nil
}

// skew returns how far a remote clock is ahead of the local one. The remote clock read date, in
// whole seconds, at a time between sent and received on the local clock. The result is 0 if
// both clocks may agree.
func skew(date, sent, received time.Time) time.Duration {
	switch latest := date.Add(time.Second); {
	case date.After(received):
		return date.Sub(received)
	case latest.Before(sent):
		return latest.Sub(sent)
	default:
		return 0
	}
}

// results reports a clock of the identity provider that is off.
func (c *clockReader) results() []result {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := c.skew.Abs().Round(time.Second)
	switch {
	case c.skew.Abs() > tokenClockSkew:
		return []result{{fail, "google", fmt.Sprintf("its clock differs from ours by %s, so its tokens are rejected: set our clock by NTP", off)}}
	case c.skew.Abs() > maxClockSkew:
		return []result{{warn, "google", fmt.Sprintf("its clock differs from ours by %s: set our clock by NTP; beyond %s its tokens are rejected", off, tokenClockSkew)}}
	default:
		return nil
	}
}
