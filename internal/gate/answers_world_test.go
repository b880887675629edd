package gate

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

// soon is how long a Redis is not believed in these tests.
const soon = 10 * time.Millisecond

// memory is a gate that keeps answers, and what these tests do to it.
type memory struct {
	auth.Gate
	// pass lets time pass.
	pass func(time.Duration)
	// settle waits until what was given to keep is kept.
	settle func()
}

// memories are the two gates, as they keep answers so long.
var memories = map[string]func(testing.TB, time.Duration) memory{
	"in process": func(_ testing.TB, keepFor time.Duration) memory {
		c := &clock{}
		return memory{Gate: NewLocal(c.now, keepFor), pass: c.move, settle: func() {}}
	},
	"Redis": func(t testing.TB, keepFor time.Duration) memory {
		t.Helper()
		url := newRedis(t)
		r := believing(t, RedisConfig{URL: url, KeepFor: keepFor})
		client := connect(t, url)
		return memory{Gate: r, pass: func(by time.Duration) { age(t, client, by) }, settle: func() { settle(t, client, r) }}
	},
}

// remembering runs a test against both gates, keeping answers for a minute.
func remembering(t *testing.T, test func(t *testing.T, w memory)) {
	t.Helper()
	rememberingFor(t, time.Minute, test)
}

func rememberingFor(t *testing.T, keepFor time.Duration, test func(t *testing.T, w memory)) {
	t.Helper()
	for name, start := range memories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, keepFor))
		})
	}
}

// believing is a gate of a Redis that is connected and believed.
func believing(t testing.TB, c RedisConfig) *Redis {
	t.Helper()
	if c.Wait == 0 {
		c.Wait = patience
	}
	if c.Settle == 0 {
		c.Settle = soon
	}
	r := openRedis(t, c)
	awaitHere(t, r)
	if c.KeepFor > 0 {
		awaitBelief(t, r)
	}
	return r
}

// awaitBelief waits until r gives epochs.
func awaitBelief(t testing.TB, r auth.Gate) {
	t.Helper()
	e := reading("believer", newSession(), "/believer")
	await(t, "Redis is believed", func() bool { return r.Enter(t.Context(), e).Epoch != "" })
}

// age takes from what Redis keeps of users as much time as if it had passed.
func age(t testing.TB, client rueidis.Client, by time.Duration) {
	t.Helper()
	const script = `for _, key in ipairs(redis.call('KEYS', '*')) do
	local left = redis.call('PTTL', key)
	if not key:find('}:rate:', 1, true) and left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
return 1`
	must(t, client.Do(t.Context(), client.B().Eval().Script(script).Numkeys(0).Arg(strconv.FormatInt(by.Milliseconds(), 10)).Build()).Error())
}

var fences atomic.Int64

// settle gives r one thing more to keep, and waits for it: what was given before
// is done by then.
func settle(t testing.TB, client rueidis.Client, r auth.Gate) {
	t.Helper()
	fence := reading(auth.Slot("fence "+strconv.FormatInt(fences.Add(1), 10)), newSession(), "/")
	await(t, "answers are kept", func() bool {
		r.Keep(fence, "1", auth.Answer{}) // again, where too many were waiting
		kept, err := client.Do(t.Context(), client.B().Exists().Key(answerKey(fence)).Build()).AsInt64()
		must(t, err)
		return kept == 1
	})
}

func newSession() auth.SessionID { return id.New[auth.Session]() }

// reading is a read by a session.
func reading(slot auth.Slot, session auth.SessionID, question string) auth.Entry {
	return auth.Entry{Slot: slot, Session: session, Question: question}
}

// changing is a change of a slot's user.
func changing(slot auth.Slot) auth.Entry { return auth.Entry{Slot: slot, Changes: true} }

func answer(text string) auth.Answer {
	return auth.Answer{ETag: `"` + text + `"`, Body: []byte(text)}
}

// keep asks, and keeps the answer as whoever has found it does.
func (w memory) keep(t testing.TB, e auth.Entry, a auth.Answer) {
	t.Helper()
	pass := w.Enter(t.Context(), e)
	if pass.Epoch == "" {
		t.Fatalf("there is no epoch to keep %q with", e.Question)
	}
	w.Keep(e, pass.Epoch, a)
	w.settle()
}

// change changes something of the slot's user.
func (w memory) change(t testing.TB, slot auth.Slot) {
	t.Helper()
	mark := w.begin(t, slot)
	must(t, w.Changed(t.Context(), slot, mark))
}

// begin begins a change.
func (w memory) begin(t testing.TB, slot auth.Slot) auth.Mark {
	t.Helper()
	pass := w.Enter(t.Context(), changing(slot))
	if pass.Mark != auth.Marked || pass.Answer != nil || pass.Epoch != "" {
		t.Fatalf("a change begins with %+v", pass)
	}
	return pass.Mark
}

// gives fails the test unless the question is answered by want.
func (w memory) gives(t testing.TB, e auth.Entry, want auth.Answer) {
	t.Helper()
	pass := w.Enter(t.Context(), e)
	if pass.Answer == nil {
		t.Errorf("%q is not answered", e.Question)
	} else if diff := cmp.Diff(want, *pass.Answer); diff != "" {
		t.Errorf("%q is answered (-want +got):\n%s", e.Question, diff)
	}
}

// asksAnew fails the test unless the question has no answer, which may be kept.
func (w memory) asksAnew(t testing.TB, e auth.Entry) auth.Epoch {
	t.Helper()
	pass := w.Enter(t.Context(), e)
	if pass.Answer != nil {
		t.Errorf("%q is answered %q", e.Question, pass.Answer.Body)
	}
	if pass.Epoch == "" {
		t.Errorf("there is no epoch to keep %q with", e.Question)
	}
	return pass.Epoch
}

// keepsOut fails the test unless there is neither an answer nor an epoch.
func (w memory) keepsOut(t testing.TB, e auth.Entry) {
	t.Helper()
	if pass := w.Enter(t.Context(), e); pass.Answer != nil || pass.Epoch != "" {
		t.Errorf("%q is answered %+v, epoch %q", e.Question, pass.Answer, pass.Epoch)
	}
}
