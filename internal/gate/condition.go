package gate

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Condition is how a Redis is, for whoever looks after it. What its user may not
// ask is empty.
type Condition struct {
	// Version is as Redis writes it.
	Version string
	// MaxMemory is how much it may hold, in bytes; 0 for as much as there is.
	MaxMemory int64
	// Policy says what it throws away when it is full.
	Policy string
}

// Examine tells how a Redis is. Its error says why the gate cannot work with it:
// it does what a request would, so it also finds rights that are missing.
func Examine(ctx context.Context, c RedisConfig) (Condition, error) {
	option, err := optionOf(c)
	if err != nil {
		return Condition{}, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return Condition{}, err
	}
	defer client.Close()
	r := &Redis{
		RedisConfig: c, wait: connectWithin, epochFor: "1000",
		enter: rueidis.NewLuaScript(enterSource), changed: rueidis.NewLuaScript(changedSource),
	}
	r.client.Store(&client)
	if _, err := r.ask(ctx, connectWithin, r.probing()); err != nil {
		return Condition{}, err
	}
	if err := r.report(ctx, "probe", 0); err != nil {
		return Condition{}, fmt.Errorf("report a change: %w", err)
	}
	if err := client.Do(ctx, client.B().Pfadd().Key(presentKey(0)).Build()).Error(); err != nil {
		return Condition{}, fmt.Errorf("count who is active: %w", err)
	}
	return conditionOf(ctx, client), nil
}

// conditionOf reads what Redis says of itself, as far as it may be asked.
func conditionOf(ctx context.Context, client rueidis.Client) (c Condition) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	text, err := client.Do(ctx, client.B().Info().Build()).ToString()
	if err != nil {
		return c
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			c.Version = value
		case "maxmemory":
			c.MaxMemory, _ = strconv.ParseInt(value, 10, 64) // what is no number is no bound
		case "maxmemory_policy":
			c.Policy = value
		}
	}
	return c
}
