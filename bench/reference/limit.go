package main

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limiter limits users by GCRA, in the process.
type limiter struct {
	mu sync.Mutex
	// arrivals are the theoretical arrival times of users.
	arrivals map[id]time.Time
}

// take counts a request against rate requests a second, and returns how many remain,
// less than 0 if it is above the limit.
func (l *limiter) take(user id, rate int, now time.Time) int {
	emission := time.Second / time.Duration(rate)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.arrivals == nil || len(l.arrivals) > maxCachedTokens {
		l.arrivals = map[id]time.Time{}
	}
	at := l.arrivals[user]
	if at.Before(now) {
		at = now
	}
	remaining := int((time.Second-at.Sub(now))/emission) - 1
	if remaining >= 0 {
		l.arrivals[user] = at.Add(emission)
	}
	return remaining
}

// limitScript is the same with Redis's clock, in microseconds.
const limitScript = `
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local emission = 1000000 / tonumber(ARGV[1])
local remaining = math.floor((1000000 - (at - now)) / emission) - 1
if remaining >= 0 then redis.call('SET', KEYS[1], string.format('%.0f', at + emission), 'PX', 2000) end
return remaining`

// limit counts the request and reports the limit in headers.
func (s *server) limit(ctx context.Context, h http.Header, actor caller) error {
	if s.Limit == 0 {
		return nil
	}
	if s.redis == nil {
		return s.report(h, s.limiter.take(actor.user, s.Limit, time.Now()))
	}
	_, err := s.limitAnd(ctx, h, actor)
	return err
}

// limitAnd counts the request in Redis and runs a command in the same round trip.
func (s *server) limitAnd(ctx context.Context, h http.Header, actor caller, command ...string) ([][]byte, error) {
	var commands [][]string
	if s.Limit > 0 {
		commands = append(commands, []string{"EVALSHA", s.redis.script, "1", actor.key("limit"), strconv.Itoa(s.Limit)})
	}
	if len(command) > 0 {
		commands = append(commands, command)
	}
	found, err := s.redis.doAll(ctx, commands...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if s.Limit > 0 {
		remaining, err := strconv.Atoi(string(found[0][0]))
		if err != nil {
			return nil, err
		}
		if err := s.report(h, remaining); err != nil {
			return nil, err
		}
	}
	return found[len(found)-1], nil
}

// report adds the headers of the limit.
func (s *server) report(h http.Header, remaining int) error {
	limit := strconv.Itoa(s.Limit)
	h["Ratelimit-Policy"] = []string{`"default";q=` + limit + `;w=1`}
	h["Ratelimit"] = []string{`"default";r=` + strconv.Itoa(max(0, remaining)) + `;t=1`}
	if remaining < 0 {
		h.Set("Retry-After", "1")
		return statusError(http.StatusTooManyRequests)
	}
	return nil
}
