package main

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// cacheTTL is how long a response, or a session that was live, is cached.
const cacheTTL = 60 * time.Second

// written is the response to a write, with the specification and the project that it
// has changed. A response that depends on one of them is no longer valid.
type written struct {
	response

	specification, project id
}

// scope is a user's specification or project, by which responses are invalidated.
type scope struct{ user, of id }

type cacheEntry struct {
	response   response
	generation uint64
	expires    time.Time
}

type cacheKey struct {
	user id
	uri  string
}

// generation is the counter of the writes of a scope.
func (l *processCache) generation(of scope) *atomic.Uint64 {
	counter, known := l.generations.Load(of)
	if !known {
		counter, _ = l.generations.LoadOrStore(of, new(atomic.Uint64))
	}
	return counter.(*atomic.Uint64) //nolint:errcheck,forcetypeassert // nothing else is stored
}

// cached returns a response of the scope's current generation, cached or loaded.
func (l *processCache) cached(of scope, uri string, load func() (response, error)) (response, error) {
	now := l.generation(of).Load() // read before loading, so that a concurrent write invalidates it
	key := cacheKey{of.user, uri}
	if found, ok := l.responses.Load(key); ok {
		k := found.(*cacheEntry) //nolint:errcheck,forcetypeassert // nothing else is stored
		if k.generation == now && time.Now().Before(k.expires) {
			return k.response, nil
		}
	}
	a, err := load()
	if err == nil {
		l.responses.Store(key, &cacheEntry{a, now, time.Now().Add(cacheTTL)})
	}
	return a, err
}

// cached handles a read of a specification or a project: from the cache, or by load,
// whose response is then cached.
func (s *server) cached(ctx context.Context, h http.Header, actor caller, of id, uri string, load func() (response, error)) (response, error) {
	if s.redis != nil {
		return s.cachedInRedis(ctx, h, actor, of, uri, load)
	}
	if err := s.limit(ctx, h, actor); err != nil {
		return response{}, err
	}
	if !s.Cache {
		return load()
	}
	return s.local.cached(scope{actor.user, of}, uri, load)
}

// cachedInRedis makes one call to Redis, for the session, the scope's generation and the
// response. A cached response is its generation, its tag and its body.
func (s *server) cachedInRedis(ctx context.Context, h http.Header, actor caller, of id, uri string, load func() (response, error)) (response, error) {
	session, body := actor.key("session:"+actor.session.String()), actor.key("body:"+uri)
	ask := []string{"MGET", session}
	if s.Cache {
		ask = append(ask, actor.key(of.String()), body)
	}
	found, err := s.limitAnd(ctx, h, actor, ask...)
	if err != nil {
		return response{}, err
	}
	known := len(found) > 0 && found[0] != nil
	generation := []byte("0")
	if len(found) == 3 && found[1] != nil {
		generation = found[1]
	}
	if known && len(found) == 3 {
		if a, ok := unpack(found[2], generation); ok {
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
		_, err = s.redis.do(ctx, "SET", body, string(pack(a, generation)), "EX", seconds)
	}
	return a, err
}

// write handles a write, and invalidates the responses that depend on what it changed.
func (s *server) write(ctx context.Context, h http.Header, actor caller, write func() (written, error)) (response, error) {
	if err := s.limit(ctx, h, actor); err != nil {
		return response{}, err
	}
	a, err := write()
	if err != nil || !s.Cache || a.specification == (id{}) { // a replayed response changes nothing
		return a.response, err
	}
	if s.redis != nil {
		_, err = s.redis.doAll(ctx,
			[]string{"INCR", actor.key(a.specification.String())}, []string{"INCR", actor.key(a.project.String())})
		return a.response, err
	}
	s.local.generation(scope{actor.user, a.specification}).Add(1)
	s.local.generation(scope{actor.user, a.project}).Add(1)
	return a.response, nil
}

func pack(a response, generation []byte) []byte {
	return bytes.Join([][]byte{generation, []byte(a.etag), a.body}, []byte("|"))
}

func unpack(packed, generation []byte) (response, bool) {
	of, rest, _ := bytes.Cut(packed, []byte("|"))
	tag, body, found := bytes.Cut(rest, []byte("|"))
	if !found || !bytes.Equal(of, generation) {
		return response{}, false
	}
	return response{status: 200, etag: string(tag), body: body}, true
}
