package google

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// unknownPause is the least time between two readings for the sake of a key
	// that nobody knows, else anybody makes us ask Google by inventing names.
	unknownPause = time.Minute
	// stalePause and coldPause are how long to wait after a reading that failed,
	// with and without keys to go on with.
	stalePause = time.Minute
	coldPause  = 5 * time.Second
	// staleLife is how long keys serve beyond their time when no newer can be had.
	staleLife = 24 * time.Hour
)

// keyName names a key. The algorithm is part of it, so no key is ever used with
// another algorithm than its own.
type keyName struct{ id, algorithm string }

// keyring holds the issuer's public keys and reads them anew when they are too
// old, or lack one that a token names. However many callers wait, one reading
// runs at a time, and none of them can cut it short for the others.
type keyring struct {
	publisher *publisher
	now       func() time.Time
	log       *slog.Logger

	mu   sync.Mutex
	held *keys // nil until a reading succeeds
	// failure is why the latest reading failed, nil when it did not; until
	// retryAt there is no other.
	failure error
	retryAt time.Time
	// unknownAt is when an unknown key is next worth a reading.
	unknownAt time.Time
	running   *reading
}

// keys is the result of a reading; it does not change.
type keys struct {
	publication

	freshUntil  time.Time
	usableUntil time.Time
}

// reading is one look at what the issuer publishes. Its result is there when
// done is closed.
type reading struct {
	done chan struct{}
	keys *keys
	err  error
}

func newKeyring(from *publisher, now func() time.Time, log *slog.Logger) *keyring {
	return &keyring{publisher: from, now: now, log: log}
}

// find returns the key of that name.
func (r *keyring) find(ctx context.Context, name keyName) (crypto.PublicKey, error) {
	held, justRead, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	if _, known := held.named[name]; !known && !justRead {
		if held, err = r.newer(ctx, held); err != nil {
			return nil, err
		}
	}
	key, known := held.named[name]
	if !known {
		return nil, refuse("The ID token is signed with a key that its issuer does not publish.")
	}
	return key, nil
}

// places returns where the issuer's pages are.
func (r *keyring) places(ctx context.Context) (discovered, error) {
	held, _, err := r.current(ctx)
	if err != nil {
		return discovered{}, err
	}
	return held.at, nil
}

// current returns keys that may be used now, and whether they were read just
// for this.
func (r *keyring) current(ctx context.Context) (held *keys, justRead bool, err error) {
	r.mu.Lock()
	now := r.now()
	if r.held != nil && now.Before(r.held.freshUntil) {
		defer r.mu.Unlock()
		return r.held, false, nil
	}
	if r.running == nil && now.Before(r.retryAt) {
		defer r.mu.Unlock()
		held, err = r.fallback(now)
		return held, false, err
	}
	running := r.join(ctx)
	r.mu.Unlock()

	if err := running.wait(ctx); err != nil {
		return nil, false, err
	}
	if running.err == nil {
		return running.keys, true, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	held, err = r.fallback(r.now())
	return held, false, err
}

// newer returns keys read after seen, or seen itself when it is too early to
// read again.
func (r *keyring) newer(ctx context.Context, seen *keys) (*keys, error) {
	r.mu.Lock()
	now := r.now()
	if r.held != seen {
		defer r.mu.Unlock()
		return r.held, nil
	}
	if r.running == nil {
		if now.Before(r.unknownAt) || now.Before(r.retryAt) {
			defer r.mu.Unlock()
			if r.failure != nil {
				// The key may well exist: nobody could look.
				return nil, r.away(now)
			}
			return seen, nil
		}
		r.unknownAt = now.Add(unknownPause)
	}
	running := r.join(ctx)
	r.mu.Unlock()

	if err := running.wait(ctx); err != nil {
		return nil, err
	}
	if running.err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		return nil, r.away(r.now())
	}
	return running.keys, nil
}

// fallback is what there is after a reading failed. The caller holds mu.
func (r *keyring) fallback(now time.Time) (*keys, error) {
	if r.held != nil && now.Before(r.held.usableUntil) {
		return r.held, nil
	}
	return nil, r.away(now)
}

// away says that the keys cannot be had, and when to ask again. The caller
// holds mu.
func (r *keyring) away(now time.Time) error {
	return away(max(r.retryAt.Sub(now), time.Second), r.failure)
}

func away(retryAfter time.Duration, cause error) error {
	err := problem.New(problem.Unavailable, "The keys of the identity provider cannot be read at the moment.")
	err.RetryAfter = retryAfter
	return err.Because(cause)
}

// join returns the running reading, or begins one. The caller holds mu.
func (r *keyring) join(ctx context.Context) *reading {
	if r.running == nil {
		r.running = &reading{done: make(chan struct{})}
		go r.read(context.WithoutCancel(ctx), r.running)
	}
	return r.running
}

func (r *keyring) read(ctx context.Context, running *reading) {
	defer close(running.done)
	published, maxAge, err := r.publisher.read(ctx)
	if err != nil {
		running.err = err
		r.log.WarnContext(ctx, "the keys of the identity provider cannot be read", "error", err, "keys_held", r.failed(err))
		return
	}
	running.keys = r.succeeded(published, maxAge)
}

// failed takes down that a reading failed, and returns whether there are keys
// to go on with.
func (r *keyring) failed(err error) (keysHeld bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	keysHeld = r.held != nil && now.Before(r.held.usableUntil)
	pause := coldPause
	if keysHeld {
		pause = stalePause
	}
	r.running, r.failure, r.retryAt = nil, err, now.Add(pause)
	return keysHeld
}

func (r *keyring) succeeded(published publication, maxAge time.Duration) *keys {
	r.mu.Lock()
	defer r.mu.Unlock()
	freshUntil := r.now().Add(maxAge)
	r.held = &keys{publication: published, freshUntil: freshUntil, usableUntil: freshUntil.Add(staleLife)}
	r.running, r.failure, r.retryAt = nil, nil, time.Time{}
	return r.held
}

// wait returns when the reading is done or the caller is gone.
func (r *reading) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return away(time.Second, errors.Join(errors.New("the caller did not wait"), context.Cause(ctx)))
	}
}
