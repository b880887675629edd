package gate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// announcements is what a gate announces, and what becomes of it.
type announcements struct {
	mu    sync.Mutex
	slots []auth.Slot
	err   error
}

func (a *announcements) take(_ context.Context, slot auth.Slot) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slots = append(a.slots, slot)
	return a.err
}

// fail lets every later announcement fail, or none if err is nil.
func (a *announcements) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

// taken is what was announced since it was last asked for.
func (a *announcements) taken() []auth.Slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.slots = nil }()
	return slices.Clone(a.slots)
}

func (a *announcements) want(t *testing.T, when string, slots ...auth.Slot) {
	t.Helper()
	if diff := cmp.Diff(slots, a.taken()); diff != "" {
		t.Errorf("%s: announced (-want +got):\n%s", when, diff)
	}
}

var errNoAnnouncing = errors.New("on purpose")

func TestWhatCannotBeToldRedisIsAnnounced(t *testing.T) {
	t.Parallel()
	server, said := newServer(t), &announcements{}
	r := openRedis(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour, Wait: patience, Settle: soon, Announce: said.take})
	r.Listening(true)
	awaitHere(t, r)
	change := func() auth.Mark { return r.Enter(t.Context(), changing("ann")).Mark }

	mark := change()
	must(t, r.Changed(t.Context(), "ann", mark))
	must(t, r.Changed(t.Context(), "ann", auth.Unmarked))
	said.want(t, "while Redis is here")
	if mark != auth.Marked {
		t.Errorf("while Redis is here a change is %d", mark)
	}

	mark = change()
	server.Kill()
	must(t, r.Changed(t.Context(), "ann", mark))
	said.want(t, "after Redis has gone, with the mark", "ann")

	mark = change()
	said.want(t, "before a change", "ann")
	if mark != auth.Announced {
		t.Errorf("while Redis is away a change is %d", mark)
	}
	must(t, r.Changed(t.Context(), "ann", mark))
	said.want(t, "after it", "ann")
	must(t, r.Changed(t.Context(), "ben", auth.Unmarked))
	said.want(t, "after a change that nobody knew of", "ben")
	r.Enter(t.Context(), reading("ann", newSession(), "/projects"))
	said.want(t, "a read")
	once := rate("once", 1, time.Hour)
	enter(t, r, "ann", once)
	if pass := r.Enter(t.Context(), auth.Entry{Slot: "ann", Changes: true, Rates: []auth.Rate{once}}); pass.Allowed() || pass.Mark != auth.Unmarked {
		t.Errorf("a change that is refused: %+v", pass)
	}
	said.want(t, "a change that is refused")

	said.fail(errNoAnnouncing)
	if mark := change(); mark != auth.Unmarked {
		t.Errorf("when nobody can be told a change is %d", mark)
	}
	if err := r.Changed(t.Context(), "ann", auth.Unmarked); !errors.Is(err, errNoAnnouncing) {
		t.Errorf("when nobody can be told: %v", err)
	}
	for _, mark := range []auth.Mark{auth.Announced, auth.Marked} {
		must(t, r.Changed(t.Context(), "ann", mark))
	}
}

func TestWithoutAWayToAnnounceNothingIsTold(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour})
	server.Kill()
	if mark := r.Enter(t.Context(), changing("ann")).Mark; mark != auth.Unmarked {
		t.Errorf("a change is %d", mark)
	}
	if r.Changed(t.Context(), "ann", auth.Unmarked) == nil {
		t.Error("it says that it was told")
	}
}

// Another replica's word comes with a little delay; one's own must not.
func TestWhoAnnouncesAChangeKnowsOfItFirst(t *testing.T) {
	t.Parallel()
	server, said := newServer(t), &announcements{}
	r := openRedis(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour, Wait: patience, Settle: soon, Announce: said.take})
	r.Listening(true)
	awaitHere(t, r)
	awaitBelief(t, r)
	server.Kill()
	mark := r.Enter(t.Context(), changing("ann")).Mark
	must(t, server.Restart(t.Context()))
	awaitHere(t, r)
	awaitBelief(t, r)
	w := held(t, server.URL(), r)
	w.keepsOut(t, reading("ann", newSession(), "/projects"))
	must(t, r.Changed(t.Context(), "ann", mark))
	w.keepsOut(t, reading("ann", newSession(), "/projects"))
	w.asksAnew(t, reading("ben", newSession(), "/projects"))
}

// A Redis that was not waited for may do later what it was asked. The mark stands
// then although nobody knows, and ends by itself.
func TestAMarkThatNobodyKnowsOfEnds(t *testing.T) {
	t.Parallel()
	server, said := newServer(t), &announcements{}
	impatient := openRedis(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour, Settle: soon, Announce: said.take})
	awaitHere(t, impatient)
	other := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour})
	w, ann := held(t, server.URL(), other), reading("ann", newSession(), "/projects")
	w.keep(t, ann, answer("old"))
	server.Pause()
	pass := impatient.Enter(t.Context(), changing("ann"))
	server.Continue()
	if pass.Mark != auth.Announced {
		t.Fatalf("the change is %d", pass.Mark)
	}
	said.want(t, "Redis has not answered", "ann")
	client := connect(t, server.URL())
	await(t, "Redis does it", func() bool {
		n, err := run(t, client, "EXISTS", marksKey("ann")).AsInt64()
		must(t, err)
		return n == 1
	})
	awaitHere(t, impatient)
	must(t, impatient.Changed(t.Context(), "ann", pass.Mark))
	w.keepsOut(t, ann)
	w.pass(74 * time.Second)
	w.keepsOut(t, ann)
	w.pass(time.Second)
	w.asksAnew(t, ann)
}

// What is announced begins, or is answered, when it is heard: the others hear it at
// about the same time.
func TestWhoAnnouncesWaitsToHearIt(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	server.Kill()
	var r *Redis
	var heard atomic.Bool
	r = openRedis(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour, Announce: func(_ context.Context, slot auth.Slot) error {
		go func() {
			time.Sleep(echoWithin / 2)
			heard.Store(true)
			r.Heard(slot)
		}()
		return nil
	}})
	r.Listening(true)
	for range 3 {
		heard.Store(false)
		if mark := r.Enter(t.Context(), changing("ann")).Mark; mark != auth.Announced || !heard.Load() {
			t.Errorf("a change that is %d begins though it was not heard of", mark)
		}
		heard.Store(false)
		must(t, r.Changed(t.Context(), "ann", auth.Unmarked))
		if !heard.Load() {
			t.Error("a change is answered though it was not heard of")
		}
	}
	if len(r.belief.echoes) != 0 {
		t.Errorf("%d echoes are waited for", len(r.belief.echoes))
	}
}
