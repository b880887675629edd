// Package ratelimit limits how often a key may call. [Redis] counts for all
// replicas together, in one round trip. [Local] counts in this process, also while
// Redis does not respond.
//
// The algorithm is GCRA, the generic cell rate algorithm. A limit is one number, the
// theoretical arrival time (TAT): the time at which the limit has all its requests
// again. Each request moves the TAT forward by the emission interval. A request is
// rejected if the TAT would then be further away than the burst. A limit whose TAT
// has passed needs no memory.
//
// The package depends on neither HTTP nor users: a key is a string, and the rates come
// with each request.
package ratelimit

import (
	"context"
	"time"
)

// Key names what is limited: a user, a session or an address. In Redis all limits
// of one key have the same hash tag, so that one call reaches them.
type Key string

// Limiter limits requests.
type Limiter interface {
	// Allow charges one request to each rate, or to none if one of them is
	// exhausted. It always decides, and soon.
	Allow(ctx context.Context, key Key, rates []Rate) Decision
}

var (
	_ Limiter = (*Local)(nil)
	_ Limiter = (*Redis)(nil)
)

// Decision is the state of each limit of a request, in the order of its rates.
type Decision []LimitState

// Allowed reports whether no limit was exhausted.
func (d Decision) Allowed() bool {
	for _, s := range d {
		if !s.Allowed {
			return false
		}
	}
	return true
}

// LimitState is the state of one limit after a request.
type LimitState struct {
	Rate Rate
	// Allowed is false if the limit was exhausted.
	Allowed bool
	// Remaining is the number of further requests that are allowed at once.
	Remaining int
	// Reset is the time until the limit has all its requests again, RetryAfter the
	// time until it has one; zero if it has one.
	Reset, RetryAfter time.Duration
}

// decide returns the decision for rates whose TATs are the given microseconds in
// the future.
func decide(rates []Rate, ahead []int64, allowed bool) Decision {
	d := make(Decision, len(rates))
	for i, r := range rates {
		interval, burst, ahead := r.EmissionInterval(), r.Burst(), time.Duration(ahead[i])*time.Microsecond
		d[i] = LimitState{
			Rate: r, Allowed: allowed || ahead+interval <= burst, Reset: ahead,
			Remaining:  int((burst - ahead) / interval),
			RetryAfter: max(0, ahead+interval-burst),
		}
	}
	return d
}
