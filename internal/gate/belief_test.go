package gate

import (
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// run lets Redis do something as by hand.
func run(t testing.TB, client rueidis.Client, words ...string) rueidis.RedisResult {
	t.Helper()
	result := client.Do(t.Context(), client.B().Arbitrary(words...).Build())
	must(t, result.Error())
	return result
}

// held is r, and hands that reach into its Redis.
func held(t testing.TB, url string, r *Redis) memory {
	t.Helper()
	client := connect(t, url)
	return memory{Gate: r, pass: func(by time.Duration) { age(t, client, by) }, settle: func() { settle(t, client, r) }}
}

// A Redis that is back from a snapshot has kept what was so before later changes.
func TestARedisThatHasGoneBackInTimeIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(r *Redis, ann auth.Entry){
		"nobody asks meanwhile": func(*Redis, auth.Entry) {},
		"somebody asks all the while": func(r *Redis, ann auth.Entry) {
			for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if got := r.Enter(t.Context(), ann).Answer; got != nil {
					t.Errorf("%s is given while Redis is away", got.Body)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			r := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour})
			w := held(t, server.URL(), r)
			ann := reading("ann", newSession(), "/projects")
			w.keep(t, ann, answer("old"))
			run(t, connect(t, server.URL()), "SAVE")
			w.change(t, "ann")
			w.keep(t, ann, answer("new"))
			server.Kill()
			meanwhile(r, ann)
			must(t, server.Restart(t.Context()))
			if n, err := run(t, connect(t, server.URL()), "EXISTS", answerKey(ann), sessionKey(ann), epochKey("ann")).AsInt64(); err != nil || n != 3 {
				t.Fatalf("Redis came back with %d keys of ann's, %v", n, err)
			}
			believed := func() bool {
				pass := r.Enter(t.Context(), ann)
				if pass.Answer != nil {
					t.Errorf("%s is given", pass.Answer.Body)
				}
				return pass.Epoch != ""
			}
			for range 3 { // the first connects, where nobody has noticed anything
				believed()
			}
			await(t, "Redis is believed again", believed)
			w = held(t, server.URL(), r)
			w.keep(t, ann, answer("newest"))
			w.gives(t, ann, answer("newest"))
		})
	}
}

// The connection is made anew by the library, at the next call.
func TestNothingIsAskedForUntilANewConnectionHasSettled(t *testing.T) {
	t.Parallel()
	const settle = 300 * time.Millisecond
	server := newServer(t)
	r := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour, Settle: settle})
	w := held(t, server.URL(), r)
	ann := reading("ann", newSession(), "/projects")
	for range 3 {
		w.keep(t, ann, answer("old"))
		w.gives(t, ann, answer("old"))
		cut := time.Now()
		run(t, connect(t, server.URL()), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		w = held(t, server.URL(), r)
		await(t, "Redis is believed again", func() bool {
			pass := r.Enter(t.Context(), ann)
			if pass.Answer != nil {
				t.Errorf("%s is given, which is older than the connection", pass.Answer.Body)
			}
			return pass.Epoch != ""
		})
		if after := time.Since(cut); after < settle {
			t.Errorf("Redis is believed %s after it was connected", after)
		}
	}
}

// Another node of a cluster, to which we are connected already, may take the place
// of the one that is gone.
func TestBeliefEndsWithAConnection(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour})
	run(t, connect(t, server.URL()), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	await(t, "belief ends, though nobody asks", func() bool {
		_, believed := r.belief.of("ann", time.Now())
		return !believed
	})
}

// Whoever has asked before a connection was made may be answered over it.
func TestAnAnswerInDoubtIsNone(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := believing(t, RedisConfig{URL: server.URL(), KeepFor: time.Hour})
	w, ann := held(t, server.URL(), r), reading("ann", newSession(), "/projects")
	w.keep(t, ann, answer("old"))
	server.Pause()
	answered := make(chan auth.Pass)
	go func() { answered <- r.Enter(t.Context(), ann) }()
	time.Sleep(100 * time.Millisecond) // by then it has asked
	r.belief.doubt()
	server.Continue()
	if pass := <-answered; pass.Answer != nil || pass.Epoch != "" {
		t.Errorf("answered %+v", pass)
	}
	if !here(r.turns.Load()) {
		t.Error("it was no answer at all")
	}
}

func TestWhoDoesNotHearBelievesNothing(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r := openRedis(t, RedisConfig{URL: url, KeepFor: time.Hour, Wait: patience, Settle: soon, Announce: (&announcements{}).take})
	awaitHere(t, r)
	w, ann := held(t, url, r), reading("ann", newSession(), "/projects")
	for range 3 {
		for range 5 {
			w.keepsOut(t, ann)
			time.Sleep(soon)
		}
		r.Listening(true)
		awaitBelief(t, r)
		w.asksAnew(t, ann) // what was kept may have changed while nothing was heard
		w.keep(t, ann, answer("old"))
		w.gives(t, ann, answer("old"))
		r.Listening(false)
	}
}

func TestWhatIsHeardOfAUserIsBelievedAgainWhenTheChangeIsOver(t *testing.T) {
	t.Parallel()
	now, b := time.Now(), &belief{}
	believed := func(slot auth.Slot, at time.Duration) bool {
		_, yes := b.of(slot, now.Add(at))
		return yes
	}
	for n, wait := range []time.Duration{time.Minute, 2 * time.Minute} {
		b.hear("ann", now, wait)
		for at, want := range map[time.Duration]bool{0: false, wait: false, wait + 1: true} {
			if got := believed("ann", at); got != want {
				t.Errorf("%d: after %s ann is believed about: %t", n, at, got)
			}
			if !believed("ben", at) {
				t.Errorf("%d: after %s ben is not believed about", n, at)
			}
		}
	}
	b.hear("ann", now, time.Second) // an earlier word holds on
	if believed("ann", time.Minute) {
		t.Error("a later word has taken back an earlier one")
	}
}

// Whoever is cut off from Redis tells of more users than a look at all of them
// for each can bear.
func TestManyUsersAreHeardOf(t *testing.T) {
	t.Parallel()
	now, b := time.Now(), &belief{}
	began := time.Now()
	for n := range 200_000 {
		b.hear(address(n), now.Add(time.Duration(n)*time.Millisecond), 10*time.Second)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("200,000 words took %s", took)
	}
	if n := len(b.changing); n > 25_000 {
		t.Errorf("%d users are remembered, of 10,000 that are changing", n)
	}
}

func TestAHeardChangeKeepsOutItsUserAlone(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r := believing(t, RedisConfig{URL: url, KeepFor: time.Hour})
	w, ann, ben := held(t, url, r), reading("ann", newSession(), "/projects"), reading("ben", newSession(), "/projects")
	w.keep(t, ann, answer("ann's"))
	w.keep(t, ben, answer("ben's"))
	r.Heard("ann")
	w.keepsOut(t, ann)
	w.gives(t, ben, answer("ben's"))
}
