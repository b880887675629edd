package google

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// unknownKeyInterval is the shortest time between two fetches for an unknown key.
	// Otherwise clients could make us query Google by inventing key IDs.
	unknownKeyInterval = time.Minute
	// staleRetryDelay and coldRetryDelay are the delays after a failed fetch, with and
	// without keys that still serve.
	staleRetryDelay = time.Minute
	coldRetryDelay  = 5 * time.Second
	// staleTTL is how long keys serve beyond their freshness if no newer ones can be
	// fetched.
	staleTTL = 24 * time.Hour
)

// keyName identifies a key. It includes the algorithm, so a key is never used with
// another algorithm than its own.
type keyName struct{ id, algorithm string }

// keyCache caches the issuer's public keys. It fetches them again when they are stale,
// or when a token names an unknown key. One fetch runs at a time, and all callers share
// it. A caller that is cancelled does not cancel it.
type keyCache struct {
	fetcher *fetcher
	now     func() time.Time
	log     *slog.Logger

	mu     sync.Mutex
	cached *keySet // nil until a fetch succeeds
	// failure is the error of the latest fetch, or nil. There is no other fetch before
	// retryAt.
	failure error
	retryAt time.Time
	// unknownAt is the earliest time of the next fetch for an unknown key.
	unknownAt time.Time
	running   *fetch
}

// keySet is the result of a fetch. It is immutable.
type keySet struct {
	published

	freshUntil  time.Time
	usableUntil time.Time
}

// fetch is one fetch of what the issuer publishes. Its result is valid once done is
// closed.
type fetch struct {
	done chan struct{}
	keys *keySet
	err  error
}

func newKeyCache(f *fetcher, now func() time.Time, log *slog.Logger) *keyCache {
	return &keyCache{fetcher: f, now: now, log: log}
}

// find returns the keys of that name, at least one.
func (c *keyCache) find(ctx context.Context, name keyName) ([]crypto.PublicKey, error) {
	keys, justFetched, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys.keys[name]) == 0 && !justFetched {
		if keys, err = c.newerThan(ctx, keys); err != nil {
			return nil, err
		}
	}
	if found := keys.keys[name]; len(found) > 0 {
		return found, nil
	}
	return nil, reject("The ID token is signed with a key that its issuer does not publish.")
}

// findAgain returns the keys of that name if the issuer has exchanged them since tried,
// else none. A failed fetch is no error here: the keys that were tried are usable.
func (c *keyCache) findAgain(ctx context.Context, name keyName, tried []crypto.PublicKey) []crypto.PublicKey {
	c.mu.Lock()
	keys := c.cached
	c.mu.Unlock()
	if slices.EqualFunc(keys.keys[name], tried, sameKey) {
		var err error
		if keys, err = c.newerThan(ctx, keys); err != nil {
			return nil
		}
	}
	if slices.EqualFunc(keys.keys[name], tried, sameKey) {
		return nil
	}
	return keys.keys[name]
}

// sameKey reports whether two public keys are equal. All keys of the standard library
// have this method.
func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

// endpoints returns the issuer's endpoints.
func (c *keyCache) endpoints(ctx context.Context) (endpoints, error) {
	keys, _, err := c.current(ctx)
	if err != nil {
		return endpoints{}, err
	}
	return keys.endpoints, nil
}

// current returns usable keys, and whether they were fetched for this call.
func (c *keyCache) current(ctx context.Context) (keys *keySet, justFetched bool, err error) {
	c.mu.Lock()
	now := c.now()
	if c.cached != nil && now.Before(c.cached.freshUntil) {
		defer c.mu.Unlock()
		return c.cached, false, nil
	}
	if c.running == nil && now.Before(c.retryAt) {
		defer c.mu.Unlock()
		keys, err = c.fallback(now)
		return keys, false, err
	}
	running := c.join(ctx)
	c.mu.Unlock()

	if err := running.wait(ctx); err != nil {
		return nil, false, err
	}
	if running.err == nil {
		return running.keys, true, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	keys, err = c.fallback(c.now())
	return keys, false, err
}

// newerThan returns keys that were fetched after keys, or keys itself if it is too
// early for another fetch.
func (c *keyCache) newerThan(ctx context.Context, keys *keySet) (*keySet, error) {
	c.mu.Lock()
	now := c.now()
	if c.cached != keys {
		defer c.mu.Unlock()
		return c.cached, nil
	}
	if c.running == nil {
		if now.Before(c.unknownAt) || now.Before(c.retryAt) {
			defer c.mu.Unlock()
			if c.failure != nil {
				// The key may exist: the issuer could not be queried.
				return nil, c.unavailable(now)
			}
			return keys, nil
		}
		c.unknownAt = now.Add(unknownKeyInterval)
	}
	running := c.join(ctx)
	c.mu.Unlock()

	if err := running.wait(ctx); err != nil {
		return nil, err
	}
	if running.err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return nil, c.unavailable(c.now())
	}
	return running.keys, nil
}

// fallback returns the stale keys after a failed fetch, while they are usable. The
// caller holds mu.
func (c *keyCache) fallback(now time.Time) (*keySet, error) {
	if c.cached != nil && now.Before(c.cached.usableUntil) {
		return c.cached, nil
	}
	return nil, c.unavailable(now)
}

// unavailable returns the error of missing keys, with the time until the next fetch.
// The caller holds mu.
func (c *keyCache) unavailable(now time.Time) error {
	return keysUnavailable(max(c.retryAt.Sub(now), time.Second), c.failure)
}

func keysUnavailable(retryAfter time.Duration, cause error) error {
	err := problem.New(problem.Unavailable, "The keys of the identity provider cannot be read at the moment.")
	err.RetryAfter = retryAfter
	return err.Because(cause)
}

// join returns the running fetch, or starts one. The caller holds mu.
func (c *keyCache) join(ctx context.Context) *fetch {
	if c.running == nil {
		c.running = &fetch{done: make(chan struct{})}
		go c.run(context.WithoutCancel(ctx), c.running)
	}
	return c.running
}

func (c *keyCache) run(ctx context.Context, f *fetch) {
	defer close(f.done)
	result, maxAge, err := c.fetcher.fetch(ctx)
	if err != nil {
		f.err = err
		c.log.WarnContext(ctx, "the keys of the identity provider cannot be read", "error", err, "keys_held", c.failed(err))
		return
	}
	f.keys = c.succeeded(result, maxAge)
}

// failed stores the error of a fetch, and reports whether there are keys that still
// serve.
func (c *keyCache) failed(err error) (usable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	usable = c.cached != nil && now.Before(c.cached.usableUntil)
	delay := coldRetryDelay
	if usable {
		delay = staleRetryDelay
	}
	c.running, c.failure, c.retryAt = nil, err, now.Add(delay)
	return usable
}

func (c *keyCache) succeeded(result published, maxAge time.Duration) *keySet {
	c.mu.Lock()
	defer c.mu.Unlock()
	freshUntil := c.now().Add(maxAge)
	c.cached = &keySet{published: result, freshUntil: freshUntil, usableUntil: freshUntil.Add(staleTTL)}
	c.running, c.failure, c.retryAt = nil, nil, time.Time{}
	return c.cached
}

// wait returns nil once the fetch is done, or an error if ctx is done before.
func (f *fetch) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return keysUnavailable(time.Second, errors.Join(errors.New("the caller did not wait for the keys"), context.Cause(ctx)))
	}
}
