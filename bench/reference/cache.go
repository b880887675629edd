package main

import (
	"bytes"
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// life is how long an answer, or a session that was live, is kept.
const life = 60 * time.Second

type kept struct {
	answer  answer
	epoch   uint64
	expires time.Time
}

type keptKey struct {
	user id
	uri  string
}

func (l *local) epoch(user id) *atomic.Uint64 {
	counter, known := l.epochs.Load(user)
	if !known {
		counter, _ = l.epochs.LoadOrStore(user, new(atomic.Uint64))
	}
	return counter.(*atomic.Uint64) //nolint:errcheck,forcetypeassert // nothing else is stored
}

// cached is an answer of the user's present epoch, kept or loaded.
func (l *local) cached(user id, uri string, load func() (answer, error)) (answer, error) {
	epoch := l.epoch(user).Load() // before what is loaded, so that a write meanwhile makes it stale
	key := keptKey{user, uri}
	if found, ok := l.answers.Load(key); ok {
		k := found.(*kept) //nolint:errcheck,forcetypeassert // nothing else is stored
		if k.epoch == epoch && time.Now().Before(k.expires) {
			return k.answer, nil
		}
	}
	a, err := load()
	if err == nil {
		l.answers.Store(key, &kept{a, epoch, time.Now().Add(life)})
	}
	return a, err
}

// cachedInRedis asks Redis once: is the session known to be live, what is the
// user's epoch, and is there an answer. A kept answer is its epoch, its tag and
// its body.
func (s *server) cachedInRedis(ctx context.Context, who caller, uri string, load func() (answer, error)) (answer, error) {
	session, body := who.key("session:"+who.session.String()), who.key("body:"+uri)
	ask := []string{"MGET", session}
	if s.Cache {
		ask = append(ask, who.key("epoch"), body)
	}
	found, err := s.redis.do(ctx, ask...)
	if err != nil {
		return answer{}, err
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
	seconds := strconv.Itoa(int(life.Seconds()))
	if !known {
		_, err = s.redis.do(ctx, "SET", session, "1", "EX", seconds)
	}
	if s.Cache && err == nil {
		_, err = s.redis.do(ctx, "SET", body, string(pack(a, epoch)), "EX", seconds)
	}
	return a, err
}

func pack(a answer, epoch []byte) []byte {
	return bytes.Join([][]byte{epoch, []byte(a.etag), a.body}, []byte("|"))
}

func unpack(packed, epoch []byte) (answer, bool) {
	of, rest, _ := bytes.Cut(packed, []byte("|"))
	tag, body, found := bytes.Cut(rest, []byte("|"))
	if !found || !bytes.Equal(of, epoch) {
		return answer{}, false
	}
	return answer{status: 200, etag: string(tag), body: body}, true
}
