package ratelimit

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// maxElements is the greatest number of names in one command.
const maxElements = 1000

// distinctKey names the HyperLogLog of a minute. All minutes have one hash tag, so
// that a cluster can count them together.
func distinctKey(minute int64) string {
	return KeyOf("present", strconv.FormatInt(minute, 10))
}

// AddDistinct adds names to those of a minute, which Redis keeps for a time.
//
// The count is a HyperLogLog: it is about right (0.81 % standard error), and small
// however many names there are.
func (r *Redis) AddDistinct(ctx context.Context, minute int64, names []string, ttl time.Duration) error {
	if _, closed := r.breaker.closed(); !closed {
		return errNoConnection
	}
	ctx, cancel := context.WithTimeout(ctx, max(r.config.Timeout, backgroundTimeout))
	defer cancel()
	client := *r.client.Load()
	var commands rueidis.Commands
	for begin := 0; begin < len(names); begin += maxElements {
		part := names[begin:min(begin+maxElements, len(names))]
		commands = append(commands, client.B().Pfadd().Key(distinctKey(minute)).Element(part...).Build())
	}
	commands = append(commands, client.B().Pexpire().Key(distinctKey(minute)).Milliseconds(ttl.Milliseconds()).Build())
	for _, result := range client.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// CountDistinct is the number of distinct names of some minutes.
func (r *Redis) CountDistinct(ctx context.Context, minutes []int64) (int64, error) {
	if _, closed := r.breaker.closed(); !closed {
		return 0, errNoConnection
	}
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	keys := make([]string, len(minutes))
	for n, minute := range minutes {
		keys[n] = distinctKey(minute)
	}
	client := *r.client.Load()
	return client.Do(ctx, client.B().Pfcount().Key(keys...).Build()).AsInt64()
}
