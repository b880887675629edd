package gate

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// heap is how much this process holds, in bytes.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Not parallel: other tests would be measured, too.
//
//nolint:paralleltest // see above
func TestAnswersStayWithinTheirBound(t *testing.T) {
	users := make([]auth.Entry, 100_000)
	for n := range users {
		users[n] = reading(address(n), newSession(), "/api/v1/projects/0199f0a4-7c1e-7b3a-8f00-5a4b3c2d1e0f")
	}
	const bound = shardCount * mostBytes
	for name, live := range map[string]func(l *Local, e auth.Entry){
		"users who ask":      func(l *Local, e auth.Entry) { l.Enter(t.Context(), e) },
		"users who change":   func(l *Local, e auth.Entry) { l.Enter(t.Context(), changing(e.Slot)) },
		"users with answers": func(l *Local, e auth.Entry) { keepOne(t, l, e, 100) },
		"users with many": func(l *Local, e auth.Entry) {
			for _, question := range []string{"", "?a", "?b", "?c", "?d"} {
				e := e
				e.Question += question
				keepOne(t, l, e, 100)
			}
		},
		"users with many sessions": func(l *Local, e auth.Entry) {
			for range 20 {
				e.Session = newSession()
				keepOne(t, l, e, 100)
			}
		},
		"users with large answers": func(l *Local, e auth.Entry) { keepOne(t, l, e, 20_000) },
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			l := NewLocal((&clock{}).now, time.Minute)
			for _, e := range users {
				live(l, e)
			}
			used := heap() - before
			accounted, counted, known := l.accounts()
			t.Logf("%d users: %d KB accounted, %d KB used", known, accounted>>10, used>>10)
			if accounted != counted {
				t.Errorf("%d bytes are accounted for, there are %d", accounted, counted)
			}
			if accounted > bound+shardCount*userBytes {
				t.Errorf("%d bytes are remembered, more than %d", accounted, bound)
			}
			if used > bound*3/2 {
				t.Errorf("%d KB are used, of at most %d", used>>10, bound>>10)
			}
			if known < 100 {
				t.Errorf("%d users are remembered", known)
			}
			runtime.KeepAlive(l)
		})
	}
}

func keepOne(t *testing.T, l *Local, e auth.Entry, size int) {
	t.Helper()
	l.Keep(e, l.Enter(t.Context(), e).Epoch, auth.Answer{ETag: `"1"`, Body: []byte(strings.Repeat("x", size))})
}

// accounts is what the shards say that they remember, what their users do, and how
// many these are.
func (l *Local) accounts() (accounted, counted, known int) {
	for n := range l.shards {
		s := &l.shards[n]
		accounted += s.bytes
		known += len(s.users)
		for _, u := range s.users {
			counted += u.bytes
		}
	}
	return accounted, counted, known
}
