package cache

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

// The end of a write needs no call of its own if its user makes another one.
func TestCache_EndGoesWithTheNextCall(t *testing.T) {
	t.Parallel()
	f := caches["Redis"](t, time.Minute)
	q := read("/1")
	f.ready(t, q)
	f.store(t, q, one, response("1"))
	f.End(f.begin(t, q.User, one))
	g := f.wantMiss(t, q) // not barred
	f.Store(q, g, one, response("2"))
	f.flush()
	f.wantHit(t, q, response("2"))
}

// Without another call, the end is sent soon: other replicas wait for it.
func TestCache_EndIsSentByItself(t *testing.T) {
	t.Parallel()
	url := newRedisURL(t)
	writer, reader := newReplica(t, url, Config{TTL: time.Hour, QuietPeriod: time.Millisecond}), newReplica(t, url, Config{TTL: time.Hour, QuietPeriod: time.Millisecond})
	q := read("/1")
	storeNow(t, reader, q, response("1"))
	_, p, err := writer.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}})
	must(t, err)
	if got := reader.Lookup(t.Context(), q); !got.Generation.IsZero() {
		t.Fatalf("a response can be stored during a write: %+v", got)
	}
	writer.End(p)
	storeNow(t, reader, q, response("2"))
}

// Ends that cannot be sent are bounded.
func TestCache_EndsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	e := newEnds()
	user := id.New[auth.User]()
	for range 1000 {
		e.add(user, "0123456789 scope;")
	}
	if got := len(e.take(user)); got > maxEndBytes || got < maxEndBytes-20 {
		t.Errorf("%d bytes of one user wait", got)
	}
	for range maxEndUsers + 10 {
		e.add(id.New[auth.User](), "1 scope;")
	}
	if got := len(e.users()); got != maxEndUsers {
		t.Errorf("the ends of %d users wait", got)
	}
}
