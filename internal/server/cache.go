package server

import (
	"context"
	"errors"
	"time"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// responseCache is a cache as the API and the rules of sessions use it.
type responseCache interface {
	httpapi.Cache
	auth.Invalidator
}

// shared is what requests meet before the database: rate limits and cache, in Redis
// or in the process.
type shared struct {
	limiter ratelimit.Limiter
	// cache is nil if no response is cached.
	cache responseCache
	// connections are those to Redis; redis is the cache in it, if there is one.
	connections []*ratelimit.Redis
	redis       *cache.Redis
}

// openShared opens the rate limiter and the cache of the settings. Both are in one
// Redis, unless another one is set for the limits.
func (a *App) openShared(ctx context.Context) (*shared, error) {
	s := &shared{}
	open := func(url Secret) (*ratelimit.Redis, error) {
		redis, err := ratelimit.Open(ctx, ratelimit.Config{
			URL: string(url), CAFile: a.settings.RedisCAFile, MaxConnections: a.settings.RedisConnections,
			Timeout: a.settings.RedisTimeout, Log: a.log,
		})
		if err == nil {
			s.connections = append(s.connections, redis)
		}
		return redis, err
	}
	limits, cached := a.settings.counter(), a.settings.RedisURL
	s.limiter = ratelimit.NewLocal(time.Now)
	if limits != "" {
		redis, err := open(limits)
		if err != nil {
			return nil, err
		}
		s.limiter = redis
	}
	ttl := time.Duration(a.settings.CacheTTL)
	switch {
	case cached == "" && a.settings.SingleReplica && ttl > 0:
		s.cache = cache.NewLocal(time.Now, ttl, a.settings.CacheMaxBytes, s.limiter)
	case cached != "":
		config := cache.Config{
			TTL: ttl, QuietPeriod: a.settings.CacheQuietPeriod, DetachedPeriod: a.settings.CacheDetachedPeriod,
			Notify: a.store.Notify, Limiter: s.limiter,
		}
		if cached == limits {
			config.Limiter = nil
		} else if _, err := open(cached); err != nil {
			return nil, err
		}
		s.redis = cache.NewRedis(ctx, s.connections[len(s.connections)-1], config)
		s.cache = s.redis
	}
	return s, nil
}

// check returns what tests whether each Redis responds; nil without Redis.
func (s *shared) check() func(context.Context) error {
	if len(s.connections) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		var failed []error
		for _, redis := range s.connections {
			failed = append(failed, redis.Check(ctx))
		}
		return errors.Join(failed...)
	}
}

// counter counts active users over all replicas; nil if there is no Redis.
func (s *shared) counter() distinctCounter {
	if len(s.connections) == 0 {
		return nil
	}
	return s.connections[0]
}

func (s *shared) close() {
	if s.redis != nil {
		s.redis.Close()
	}
	for _, redis := range s.connections {
		redis.Close()
	}
}

// listenForReplicas takes the notifications of other replicas until ctx is done.
func (a *App) listenForReplicas(ctx context.Context) {
	if redis := a.shared.redis; redis != nil && a.settings.CacheTTL > 0 {
		a.store.Listen(ctx, string(a.settings.listener()), a.log, redis.Listening, redis.Received)
	}
}

// admittedStore takes a slot for a sign-in while it uses the database. The rest of a
// sign-in waits for Google, and must not hold one meanwhile.
type admittedStore struct {
	*postgres.Store

	limiter *admission.Limiter
}

// SignIn implements auth.Store.
func (s admittedStore) SignIn(ctx context.Context, p auth.Profile, newUser auth.UserID, perUser int, decide auth.SignInDecision) (auth.User, auth.Session, error) {
	release, err := s.limiter.Acquire(ctx)
	if err != nil {
		return auth.User{}, auth.Session{}, err
	}
	defer release()
	return s.Store.SignIn(ctx, p, newUser, perUser, decide)
}
