package gate

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

func TestReplicasSeeEachOthersAnswersAndChanges(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	config := RedisConfig{URL: url, KeepFor: time.Hour}
	first, second := held(t, url, believing(t, config)), held(t, url, believing(t, config))
	ann := reading("ann", newSession(), "/projects")
	first.asksAnew(t, ann) // each replaces epochs that are older than its connection
	second.asksAnew(t, ann)
	for range 5 {
		first.keep(t, ann, answer("first"))
		second.gives(t, ann, answer("first"))
		before := first.asksAnew(t, reading("ann", ann.Session, "/me"))
		mark := second.begin(t, "ann")
		first.keepsOut(t, ann)
		must(t, second.Changed(t.Context(), "ann", mark))
		first.Keep(ann, before, answer("of before the change"))
		first.settle()
		first.asksAnew(t, ann)
		second.asksAnew(t, ann)
	}
}

func TestAReplicaThatKeepsNothingTellsOthersOfItsChanges(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r := openRedis(t, RedisConfig{URL: url, Wait: patience, Settle: soon})
	awaitHere(t, r)
	nothing, w := held(t, url, r), held(t, url, believing(t, RedisConfig{URL: url, KeepFor: time.Hour}))
	ann := reading("ann", newSession(), "/projects")
	w.keep(t, ann, answer("old"))
	mark := nothing.begin(t, "ann")
	w.keepsOut(t, ann)
	must(t, nothing.Changed(t.Context(), "ann", mark))
	w.asksAnew(t, ann)
}

func TestAMarkThatNobodyTakesBackEnds(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	w := held(t, url, believing(t, RedisConfig{URL: url, KeepFor: time.Hour}))
	ann := reading("ann", newSession(), "/projects")
	w.keep(t, ann, answer("old"))
	w.begin(t, "ann")
	w.pass(74 * time.Second)
	w.keepsOut(t, ann)
	w.pass(time.Second)
	w.keep(t, reading("ann", ann.Session, "/me"), answer("me"))
	w.asksAnew(t, ann) // the session is live, but what was before may have changed
	w.keep(t, ann, answer("new"))
	w.begin(t, "ann")
	w.pass(70 * time.Second)
	w.change(t, "ann") // after which the mark stands anew
	w.pass(70 * time.Second)
	w.keepsOut(t, ann)
	w.pass(5 * time.Second)
	w.asksAnew(t, ann)
}

// Whoever can write to Redis can put anything anywhere, and so can a mistake.
func TestAnAnswerThatLiesInAWrongPlaceIsNotGiven(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	w, client := held(t, url, believing(t, RedisConfig{URL: url, KeepFor: time.Hour})), connect(t, url)
	session := newSession()
	ann, ben := reading("ann", session, "/projects"), reading("ben", session, "/projects")
	w.keep(t, ann, answer("ann's"))
	w.keep(t, reading("ann", session, "/me"), answer("me"))
	w.keep(t, ben, answer("ben's"))
	for _, key := range []func(auth.Entry) string{sessionKey, func(e auth.Entry) string { return epochKey(e.Slot) }} {
		run(t, client, "COPY", key(ben), key(ann), "REPLACE") // even the epoch is the same
	}
	for what, from := range map[string]string{
		"ben's answer":              answerKey(ben),
		"an answer of ann's to /me": answerKey(reading("ann", session, "/me")),
		"an epoch":                  epochKey("ann"),
	} {
		run(t, client, "COPY", from, answerKey(ann), "REPLACE")
		if got := w.Enter(t.Context(), ann).Answer; got != nil {
			t.Errorf("%s is given: %s", what, got.Body)
		}
	}
	w.gives(t, ben, answer("ben's"))
	for _, text := range []string{"", "\n", "nothing", "1\n2\n3"} {
		run(t, client, "SET", answerKey(ann), text)
		w.asksAnew(t, ann)
	}
}
