package cache

import (
	"bytes"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

const one, two = Scope("project-1"), Scope("project-2")

// behaviours are what every cache does.
var behaviours = map[string]func(t *testing.T, f fixture, q Request){
	"a stored response is served as it was": func(t *testing.T, f fixture, q Request) {
		for _, want := range []Response{
			{},
			{Body: []byte("\n")},
			{ETag: `"1"`, Body: []byte("\n\n{\"title\":\n\"x\"}\r\n")},
			{ETag: `W/"ä \ 1"`, Body: []byte("\x00\xff\xfe Grüße, 世界 \u2028")},
			{ETag: `"large"`, Body: bytes.Repeat([]byte("x"), MaxBody)},
		} {
			f.write(t, q.User, one)
			f.store(t, q, one, want)
			f.wantHit(t, q, want)
		}
	},
	"a response belongs to its user, resource and session": func(t *testing.T, f fixture, q Request) {
		f.store(t, q, one, response("mine"))
		other := read(q.Resource)
		f.ready(t, other)
		other.Session = q.Session
		f.wantMiss(t, other)
		path := q
		path.Resource += "x"
		f.wantMiss(t, path)
		session := q
		session.Session = id.New[auth.Session]()
		f.store(t, session, one, response("mine"))
		f.wantHit(t, session, response("mine"))
		f.wantHit(t, q, response("mine"))
	},
	"a write ends the responses of its scope alone": func(t *testing.T, f fixture, q Request) {
		other, lists, unknown := q, q, q
		other.Resource, lists.Resource, unknown.Resource = "/2", "/lists", "/unknown"
		fill := func() {
			f.store(t, q, one, response("1"))
			f.store(t, other, two, response("2"))
			f.store(t, lists, Lists, response("lists"))
			f.store(t, unknown, All, response("unknown"))
		}
		fill()
		f.write(t, q.User, one)
		f.wantMiss(t, q)
		f.wantHit(t, other, response("2"))
		f.wantHit(t, lists, response("lists"))
		f.wantMiss(t, unknown)
		f.write(t, q.User, two, Lists)
		f.wantMiss(t, other)
		f.wantMiss(t, lists)
		fill()
		f.write(t, q.User, All)
		for _, q := range []Request{q, other, lists, unknown} {
			f.wantMiss(t, q)
		}
	},
	"a response of two scopes ends with each of them": func(t *testing.T, f fixture, q Request) {
		other := q
		other.Resource = "/2"
		for _, scope := range []Scope{two, one} {
			f.store(t, q, Join(one, two), response("both"))
			f.store(t, other, Join("another", two), response("another"))
			p := f.begin(t, q.User, scope)
			f.wantBypass(t, q)
			if scope == one {
				f.wantHit(t, other, response("another"))
			} else {
				f.wantBypass(t, other)
			}
			f.End(p)
			f.flush()
			f.wantMiss(t, q)
		}
	},
	"a pending write bars its scope": func(t *testing.T, f fixture, q Request) {
		other, unknown := q, q
		other.Resource, unknown.Resource = "/2", "/unknown"
		f.store(t, q, one, response("1"))
		f.store(t, other, two, response("2"))
		f.store(t, unknown, All, response("unknown"))
		p := f.begin(t, q.User, one)
		f.wantBypass(t, q)
		f.wantBypass(t, unknown)
		f.wantHit(t, other, response("2"))
		second := f.begin(t, q.User, one)
		f.End(p)
		f.flush()
		f.wantBypass(t, q)
		f.End(second)
		f.End(second) // once more than needed
		f.flush()
		f.wantMiss(t, q)
	},
	"a response that was looked up before a write is not served after it": func(t *testing.T, f fixture, q Request) {
		before := f.wantMiss(t, q)
		p := f.begin(t, q.User, one)
		during := f.wantMiss(t, q)
		f.Store(q, during, one, response("during"))
		f.flush()
		f.wantBypass(t, q)
		f.End(p)
		f.flush()
		f.wantMiss(t, q)
		for _, g := range []Generation{before, during} {
			f.Store(q, g, one, response("old"))
			f.flush()
			f.wantMiss(t, q)
		}
	},
	"an invalidation ends responses and sessions": func(t *testing.T, f fixture, q Request) {
		f.store(t, q, one, response("old"))
		before := f.wantMiss(t, Request{User: q.User, Session: q.Session, Resource: "/other"})
		must(t, f.Invalidate(t.Context(), q.User))
		f.wantMiss(t, q)
		f.Store(q, before, one, response("old"))
		f.flush()
		f.wantMiss(t, q)
		other := q
		other.Session = id.New[auth.Session]()
		f.store(t, other, one, response("new")) // what another session has read is not served to q's
		f.wantMiss(t, q)
	},
	"an invalidation leaves pending writes": func(t *testing.T, f fixture, q Request) {
		p := f.begin(t, q.User, one)
		must(t, f.Invalidate(t.Context(), q.User))
		f.store(t, q, one, response("during"))
		f.wantBypass(t, q)
		f.End(p)
		f.flush()
		f.wantMiss(t, q)
	},
	"a response is served for its TTL": func(t *testing.T, f fixture, q Request) {
		f.store(t, q, one, response("1"))
		f.move(50 * time.Second)
		f.wantHit(t, q, response("1"))
		f.move(10 * time.Second)
		f.wantMiss(t, q)
	},
	"a request over its limit gets no response and marks nothing": func(t *testing.T, f fixture, q Request) {
		f.store(t, q, one, response("1"))
		limited := q
		limited.Rates = []ratelimit.Rate{{Name: "default", Requests: 2, Per: time.Hour}}
		f.wantHit(t, limited, response("1"))
		f.wantHit(t, limited, response("1"))
		if result := f.Lookup(t.Context(), limited); result.Decision.Allowed() || result.Response != nil || !result.Generation.IsZero() {
			t.Errorf("a read over its limit: %v, %s", result.Decision, result)
		}
		if d, p, err := f.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{All}, Rates: limited.Rates}); d.Allowed() || p.id != "" || err != nil {
			t.Errorf("a write over its limit: %v, %+v, %v", d, p, err)
		}
		f.wantHit(t, q, response("1"))
	},
	"what is too large or of no generation is not stored": func(t *testing.T, f fixture, q Request) {
		f.Store(q, f.wantMiss(t, q), one, Response{Body: bytes.Repeat([]byte("x"), MaxBody+1)})
		f.Store(q, Generation{}, one, response("of none"))
		other := read(q.Resource)
		f.ready(t, other)
		f.Store(q, f.wantMiss(t, other), one, response("of another user"))
		f.flush()
		f.wantMiss(t, q)
	},
	"a write that is marked anew is one": func(t *testing.T, f fixture, q Request) {
		p := f.begin(t, q.User, one)
		if p.Stale(p.began.Add(renewAfter)) || !p.Stale(p.began.Add(renewAfter+1)) {
			t.Error("a mark is not stale after a second")
		}
		again, err := f.Renew(t.Context(), p)
		must(t, err)
		f.store(t, q, one, response("during"))
		f.wantBypass(t, q)
		f.End(again)
		f.flush()
		f.wantMiss(t, q)
	},
}

func TestCache_ImplementationsAgree(t *testing.T) {
	t.Parallel()
	for name, behaviour := range behaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, newFixture := range caches {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					f, q := newFixture(t, time.Minute), read("/1")
					f.ready(t, q)
					behaviour(t, f, q)
				})
			}
		})
	}
}

func TestCache_SessionIsLiveForAMinute(t *testing.T) {
	t.Parallel()
	for name, newFixture := range caches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, q := newFixture(t, 10*time.Minute), read("/1")
			f.ready(t, q)
			f.store(t, q, one, response("1"))
			f.move(sessionTTL - time.Second)
			f.wantHit(t, q, response("1"))
			f.move(time.Second)
			f.wantMiss(t, q)
			other := q
			other.Resource = "/2"
			f.store(t, other, one, response("2")) // the session is live after all
			f.wantHit(t, q, response("1"))
		})
	}
}
