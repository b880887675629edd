package cache

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// The end of a write gets lost if the write fails in the server. Its mark bars the scope
// until its deadline, and no longer.
func TestCache_LocalWriteEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	c := &clock{}
	l := NewLocal(c.now, time.Hour, DefaultMaxBytes, ratelimit.NewLocal(c.now))
	q := read("/1")
	l.Store(q, l.Lookup(t.Context(), q).Generation, one, response("old"))
	_, p, err := l.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}})
	must(t, err)
	if r := l.Lookup(t.Context(), q); r.Response != nil || !r.Generation.IsZero() {
		t.Errorf("during the write: %+v", r)
	}
	c.since.Add(int64(maxWriteTime))
	between := l.Lookup(t.Context(), q)
	if between.Response != nil || between.Generation.IsZero() {
		t.Fatalf("after the deadline: %+v", between)
	}
	l.End(p) // late: what was read since the deadline may be older than the write
	l.Store(q, between.Generation, one, response("old"))
	if r := l.Lookup(t.Context(), q); r.Response != nil {
		t.Errorf("%s is served", r.Response.Body)
	}
	for n := range l.shards {
		if pinned := len(l.shards[n].pinned); pinned != 0 {
			t.Errorf("%d users stay pinned", pinned)
		}
	}
}
