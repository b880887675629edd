package cache

import (
	"errors"
	"testing"
	"time"
)

// One late reply of Redis is no reason to silence the cache of all replicas.
func TestCache_LateReplySilencesNoReplica(t *testing.T) {
	t.Parallel()
	user := read("/1").User
	for name, call := range map[string]func(r *Redis) error{
		"a write": func(r *Redis) error {
			_, p, err := r.Begin(t.Context(), Write{User: user, Scopes: []Scope{one}})
			if p.id == "" && err == nil {
				err = errors.New("it is not marked")
			}
			return err
		},
		"the start of a write": func(r *Redis) error {
			_, err := r.Renew(t.Context(), Pending{user: user, scopes: []Scope{one}})
			return err
		},
		"an invalidation": func(r *Redis) error { return r.Invalidate(t.Context(), user) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, n := newServer(t), &network{}
			limiter := openLimiter(t, server.URL(), time.Second)
			r := NewRedis(t.Context(), limiter, Config{TTL: time.Minute, Notify: n.notify})
			t.Cleanup(r.Close)
			server.Pause()
			result := make(chan error)
			go func() { result <- call(r) }()
			if name != "the start of a write" { // which waits longer at once
				await(t, "the first call has timed out", func() bool { return limiter.Stats().Timeouts == 1 })
			}
			server.Continue()
			if err := <-result; err != nil {
				t.Error(err)
			}
			n.want(t, name, 0)
			if !limiter.Stats().Closed {
				t.Error("the circuit breaker is open")
			}
		})
	}
}

// Another replica may receive the notification later than this one.
func TestCache_DetachedInvalidationWaitsForTheOthers(t *testing.T) {
	t.Parallel()
	server, n := newServer(t), &network{}
	r := n.join(t, server.URL(), Config{TTL: time.Minute})
	server.Kill()
	for range 2 { // the second one shares the notification of the first
		began := time.Now()
		must(t, r.Invalidate(t.Context(), read("/1").User))
		if took := time.Since(began); took < receiptTimeout {
			t.Errorf("it took %s, want at least %s", took, receiptTimeout)
		}
	}
}
