package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// budgets tells the caller, in the headers of the answer, how the budgets stand
// that the request was paid from.
type budgets struct {
	header    http.Header
	standings []auth.Standing
}

// add writes all headers anew, with these standings too. RateLimit-Policy and
// RateLimit are those of draft-ietf-httpapi-ratelimit-headers; the older ones
// speak of the budget that has the least left.
func (b *budgets) add(now time.Time, standings []auth.Standing) {
	b.standings = append(b.standings, standings...)
	least := b.standings[0]
	var policies, limits []string
	for _, s := range b.standings {
		policies = append(policies, fmt.Sprintf("%q;q=%d;w=%d", s.Rate.Name, s.Rate.Requests, seconds(s.Rate.Per)))
		limits = append(limits, fmt.Sprintf("%q;r=%d;t=%d", s.Rate.Name, s.Remaining, seconds(s.Reset)))
		if s.Remaining < least.Remaining {
			least = s
		}
	}
	b.header.Set("RateLimit-Policy", strings.Join(policies, ", "))
	b.header.Set("RateLimit", strings.Join(limits, ", "))
	b.header.Set("X-RateLimit-Limit", strconv.Itoa(least.Rate.Requests))
	b.header.Set("X-RateLimit-Remaining", strconv.Itoa(least.Remaining))
	whole := now.Add(least.Reset)
	b.header.Set("X-RateLimit-Reset", strconv.FormatInt(whole.Add(time.Second-time.Nanosecond).Unix(), 10))
}

// seconds is a time in whole seconds, rounded up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// rateLimitHeaders describes these headers in the contract.
func limitHeaders() map[string]*huma.Header {
	header := func(kind, description string, example any) *huma.Header {
		return &huma.Header{Schema: &huma.Schema{Type: kind}, Description: description, Example: example}
	}
	return map[string]*huma.Header{
		"RateLimit-Policy": header(huma.TypeString,
			"The budgets that this request was paid from (draft-ietf-httpapi-ratelimit-headers): by name, how many requests `q` are in it, and in how many seconds `w` it grows by as many.",
			`"default";q=100;w=60`),
		"RateLimit": header(huma.TypeString,
			"How they stand: by name, how many requests `r` remain at once, and in how many seconds `t` the budget is whole again.",
			`"default";r=97;t=2`),
		"X-RateLimit-Limit":     header(huma.TypeInteger, "Of the budget that has the least left: how many requests are in it.", 100),
		"X-RateLimit-Remaining": header(huma.TypeInteger, "Of the same budget: how many requests remain at once.", 97),
		"X-RateLimit-Reset":     header(huma.TypeInteger, "When the same budget is whole again, in seconds of Unix time.", 1795367532),
	}
}
