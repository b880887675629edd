package main

import (
	"bytes"
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// cacheTTL is how long a response, or a session that was live, is cached.
const cacheTTL = 60 * time.Second

type cacheEntry struct {
	response response
	epoch    uint64
	expires  time.Time
}

type cacheKey struct {
	user id
	uri  string
}

func (l *processCache) generation(user id) *atomic.Uint64 {
	counter, known := l.generations.Load(user)
	if !known {
		counter, _ = l.generations.LoadOrStore(user, new(atomic.Uint64))
	}
	return counter.(*atomic.Uint64) //nolint:errcheck,forcetypeassert // nothing else is stored
}

// cached returns a response of the user's current generation, cached or loaded.
func (l *processCache) cached(user id, uri string, load func() (response, error)) (response, error) {
	epoch := l.generation(user).Load() // read before loading, so that a concurrent write invalidates it
	key := cacheKey{user, uri}
	if found, ok := l.responses.Load(key); ok {
		k := found.(*cacheEntry) //nolint:errcheck,forcetypeassert // nothing else is stored
		if k.epoch == epoch && time.Now().Before(k.expires) {
			return k.response, nil
		}
	}
	a, err := load()
	if err == nil {
		l.responses.Store(key, &cacheEntry{a, epoch, time.Now().Add(cacheTTL)})
	}
	return a, err
}

// cachedInRedis makes one call to Redis, for the session, the user's generation and the
// response. A cached response is its generation, its tag and its body.
func (s *server) cachedInRedis(ctx context.Context, actor caller, uri string, load func() (response, error)) (response, error) {
	session, body := actor.key("session:"+actor.session.String()), actor.key("body:"+uri)
	ask := []string{"MGET", session}
	if s.Cache {
		ask = append(ask, actor.key("epoch"), body)
	}
	found, err := s.redis.do(ctx, ask...)
	if err != nil {
		return response{}, err
	}
	known := len(found) > 0 && found[0] != nil
	epoch := []byte("0")
	if len(found) == 3 && found[1] != nil {
		epoch = found[1]
	}
	if known && len(found) == 3 {
		if a, ok := unpack(found[2], epoch); ok {
			return a, nil
		}
	}
	a, err := load()
	if err != nil {
		return a, err
	}
	seconds := strconv.Itoa(int(cacheTTL.Seconds()))
	if !known {
		_, err = s.redis.do(ctx, "SET", session, "1", "EX", seconds)
	}
	if s.Cache && err == nil {
		_, err = s.redis.do(ctx, "SET", body, string(pack(a, epoch)), "EX", seconds)
	}
	return a, err
}

func pack(a response, epoch []byte) []byte {
	return bytes.Join([][]byte{epoch, []byte(a.etag), a.body}, []byte("|"))
}

func unpack(packed, epoch []byte) (response, bool) {
	of, rest, _ := bytes.Cut(packed, []byte("|"))
	tag, body, found := bytes.Cut(rest, []byte("|"))
	if !found || !bytes.Equal(of, epoch) {
		return response{}, false
	}
	return response{status: 200, etag: string(tag), body: body}, true
}
