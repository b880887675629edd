package server

import (
	"context"
	"errors"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/gate"
)

// openGate returns the gate, and what asks whether its Redis answers. Requests are
// counted and answers kept in one Redis; where another is set for counting, it
// counts, and the first keeps.
func (a *App) openGate(ctx context.Context) (auth.Gate, func(context.Context) error, error) {
	counts, keeps := a.settings.counter(), a.settings.RedisURL
	memory := gate.NewLocal(time.Now, a.settings.keepInProcess())
	if counts == "" {
		return memory, nil, nil
	}
	counter, err := a.openRedis(ctx, counts, counts == keeps)
	if err != nil || counts == keeps {
		return counter, counter.Check, err
	}
	both := gate.Pair{Counts: counter, Remembers: memory}
	check := counter.Check
	if keeps != "" {
		redis, err := a.openRedis(ctx, keeps, true)
		if err != nil {
			return nil, nil, err
		}
		both.Remembers = redis
		check = func(ctx context.Context) error { return errors.Join(counter.Check(ctx), redis.Check(ctx)) }
	}
	return both, check, nil
}

// openRedis opens the gate of a Redis that is closed with the server.
func (a *App) openRedis(ctx context.Context, url Secret, remembers bool) (*gate.Redis, error) {
	config := gate.RedisConfig{URL: string(url), Connections: a.settings.RedisConnections, Wait: a.settings.RedisWait, Log: a.log}
	if remembers {
		config.KeepFor, config.Settle = time.Duration(a.settings.CacheTTL), a.settings.RedisSettle
		config.Announce = func(ctx context.Context, slot auth.Slot) error { return a.store.Announce(ctx, string(slot)) }
	}
	redis, err := gate.OpenRedis(ctx, config)
	if err != nil {
		return nil, err
	}
	a.redis = append(a.redis, redis)
	return redis, nil
}

// sharedRedis is one that all replicas have; nil if there is none.
func (a *App) sharedRedis() *gate.Redis {
	if len(a.redis) == 0 {
		return nil
	}
	return a.redis[0]
}

// remembers reports whether changes are told to a gate.
func (s *Settings) remembers() bool { return s.RedisURL != "" || s.keepInProcess() > 0 }

// keepInProcess is how long answers are kept in this process: not at all where
// another replica could change what they tell of.
func (s *Settings) keepInProcess() time.Duration {
	if s.RedisURL != "" || !s.SingleReplica {
		return 0
	}
	return time.Duration(s.CacheTTL)
}

// hearReplicas passes on what other replicas announce, until ctx is done.
func (a *App) hearReplicas(ctx context.Context) {
	for _, redis := range a.redis {
		if redis.KeepFor > 0 { // one at most
			a.store.Listen(ctx, string(a.settings.listener()), a.log, redis.Listening, func(slot string) { redis.Heard(auth.Slot(slot)) })
		}
	}
}
