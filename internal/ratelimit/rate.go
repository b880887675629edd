package ratelimit

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Rate is a limit: Requests at once, and as many again in each Per, evenly. The
// name distinguishes the limits of one key.
type Rate struct {
	Name     string
	Requests int
	Per      time.Duration
}

// maxRequests bounds a rate, so that one request costs at least a microsecond and
// several hours of requests fit into a count of microseconds.
const maxRequests = 1_000_000

var periods = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}

var errRate = errors.New("not N/second, N/minute or N/hour with N from 1 to 1000000")

// UnmarshalText reads a rate such as 100/minute. It leaves the name unchanged.
func (r *Rate) UnmarshalText(text []byte) error {
	count, unit, _ := strings.Cut(string(text), "/")
	requests, err := strconv.ParseUint(count, 10, 32)
	per, known := periods[unit]
	if err != nil || !known || requests < 1 || requests > maxRequests {
		return errRate
	}
	r.Requests, r.Per = int(requests), per
	return nil
}

// String returns the rate in the form of the settings.
func (r Rate) String() string {
	for unit, per := range periods {
		if per == r.Per {
			return strconv.Itoa(r.Requests) + "/" + unit
		}
	}
	return strconv.Itoa(r.Requests) + "/" + r.Per.String()
}

// Named returns the rate under a name.
func (r Rate) Named(name string) Rate {
	r.Name = name
	return r
}

// EmissionInterval is the time in which the limit regains one request, in whole
// microseconds. It is rounded up, so that no key gets more than its rate.
func (r Rate) EmissionInterval() time.Duration {
	requests := int64(r.Requests)
	return time.Duration((r.Per.Microseconds()+requests-1)/requests) * time.Microsecond
}

// Burst is the time in which an exhausted limit regains all its requests.
func (r Rate) Burst() time.Duration { return r.EmissionInterval() * time.Duration(r.Requests) }
