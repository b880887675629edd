package auth

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may be asked: Requests at once, and as many again
// in each Per, evenly. The name tells the budgets of one caller apart.
type Rate struct {
	Name     string
	Requests int
	Per      time.Duration
}

// mostRequests bounds a rate, so that one request costs at least a microsecond
// and several hours of them can be counted in microseconds.
const mostRequests = 1_000_000

var periods = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}

// errRate says what a rate looks like.
var errRate = errors.New("not N/second, N/minute or N/hour with N from 1 to 1000000")

// UnmarshalText reads a rate such as 100/minute. It leaves the name as it is.
func (r *Rate) UnmarshalText(text []byte) error {
	count, unit, _ := strings.Cut(string(text), "/")
	requests, err := strconv.ParseUint(count, 10, 32)
	per, known := periods[unit]
	if err != nil || !known || requests < 1 || requests > mostRequests {
		return errRate
	}
	r.Requests, r.Per = int(requests), per
	return nil
}

// String is the rate as it is set.
func (r Rate) String() string {
	for unit, per := range periods {
		if per == r.Per {
			return strconv.Itoa(r.Requests) + "/" + unit
		}
	}
	return strconv.Itoa(r.Requests) + "/" + r.Per.String()
}

// Named is the rate under a name.
func (r Rate) Named(name string) Rate {
	r.Name = name
	return r
}

// Cost is how long the budget needs to grow by one request, in whole
// microseconds: rounded up, so that nobody gets more than the rate says.
func (r Rate) Cost() time.Duration {
	requests := int64(r.Requests)
	return time.Duration((r.Per.Microseconds()+requests-1)/requests) * time.Microsecond
}

// Whole is how long a budget that is used up needs to be whole again.
func (r Rate) Whole() time.Duration { return r.Cost() * time.Duration(r.Requests) }

// Standing is how a budget stands after a request.
type Standing struct {
	Rate Rate
	// Allowed is false if the budget had nothing left for this request.
	Allowed bool
	// Remaining is how many more requests it has at once.
	Remaining int
	// Reset is how long it needs to be whole again, RetryAfter to have one
	// request; zero where it has one.
	Reset, RetryAfter time.Duration
}

// StandingOf is the standing of a budget that needs the time owed to be whole
// again.
func StandingOf(r Rate, owed time.Duration, allowed bool) Standing {
	return Standing{
		Rate: r, Allowed: allowed, Reset: owed,
		Remaining:  int((r.Whole() - owed) / r.Cost()),
		RetryAfter: max(0, owed+r.Cost()-r.Whole()),
	}
}
