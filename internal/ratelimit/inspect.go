package ratelimit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// ServerInfo describes a Redis to its operator. A field that its user must not read
// is empty.
type ServerInfo struct {
	// Version is as Redis writes it.
	Version string
	// MaxMemory is the limit on its memory in bytes; 0 without a limit.
	MaxMemory int64
	// Policy is what it evicts when it is full.
	Policy string
	// Channels says why messages between replicas do not arrive; nil if they do.
	Channels error
}

// Inspect describes a Redis. Its error says why requests cannot use it: Inspect does
// what a request does, and then use, so it also finds missing permissions.
func Inspect(ctx context.Context, c Config, use func(context.Context, *Redis) error) (ServerInfo, error) {
	option, err := clientOption(c)
	if err != nil {
		return ServerInfo{}, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return ServerInfo{}, err
	}
	defer client.Close()
	c.Timeout = connectTimeout
	r := &Redis{config: c, local: NewLocal(time.Now), script: rueidis.NewLuaScript(GCRA + "return reply")}
	r.client.Store(&client)
	_, keys, args := r.probeCall()
	if _, err := r.call(ctx, connectTimeout, r.script, keys, args); err != nil {
		return ServerInfo{}, err
	}
	r.breaker.epoch.Store(1)
	if err := use(ctx, r); err != nil {
		return ServerInfo{}, err
	}
	if err := client.Do(ctx, client.B().Pfadd().Key(distinctKey(0)).Build()).Error(); err != nil {
		return ServerInfo{}, fmt.Errorf("count active users: %w", err)
	}
	info := serverInfo(ctx, client)
	info.Channels = checkChannels(ctx, client)
	return info, nil
}

// serverInfo reads what INFO says, if it is permitted.
func serverInfo(ctx context.Context, client rueidis.Client) (s ServerInfo) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	text, err := client.Do(ctx, client.B().Info().Build()).ToString()
	if err != nil {
		return s
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "redis_version":
			s.Version = value
		case "maxmemory":
			s.MaxMemory, _ = strconv.ParseInt(value, 10, 64) // anything else is no limit
		case "maxmemory_policy":
			s.Policy = value
		}
	}
	return s
}
