package gate

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// What both gates do with answers.
var rememberings = map[string]func(t *testing.T, w memory){
	"an answer is given again to the same question of the same session": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects?limit=2")
		w.keep(t, ann, answer("first"))
		for range 3 {
			w.gives(t, ann, answer("first"))
		}
	},
	"an answer is given to no other question, slot or session": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects?limit=2")
		w.keep(t, ann, answer("first"))
		for _, other := range []auth.Entry{
			reading("ann", ann.Session, "/projects?limit=20"),
			reading("ann", ann.Session, "/projects"),
			reading("ann", ann.Session, "/projects?limit=2&"),
			reading("ben", ann.Session, ann.Question),
			reading("ann}:answer:", ann.Session, ann.Question),
			reading("ann", newSession(), ann.Question),
			reading("ann", auth.SessionID{}, ann.Question),
		} {
			w.asksAnew(t, other)
		}
	},
	"another session is given an answer once it has asked itself": func(t *testing.T, w memory) {
		first, second := newSession(), newSession()
		w.keep(t, reading("ann", first, "/projects"), answer("first"))
		w.asksAnew(t, reading("ann", second, "/projects"))
		w.keep(t, reading("ann", second, "/me"), answer("me"))
		w.gives(t, reading("ann", second, "/projects"), answer("first"))
		w.gives(t, reading("ann", first, "/me"), answer("me"))
	},
	"a later answer takes the place of an earlier one": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		epoch := w.asksAnew(t, ann)
		for _, text := range []string{"first", "", "a much longer third"} {
			w.Keep(ann, epoch, answer(text))
			w.settle()
			w.gives(t, ann, answer(text))
		}
	},
	"no answer is given after a change": func(t *testing.T, w memory) {
		for _, mark := range []auth.Mark{auth.Unmarked, auth.Announced, auth.Marked} {
			ann := reading("ann", newSession(), "/projects")
			w.keep(t, ann, answer("old"))
			if mark == auth.Marked {
				mark = w.begin(t, "ann")
			}
			must(t, w.Changed(t.Context(), "ann", mark))
			w.asksAnew(t, ann)
			w.keep(t, ann, answer("new"))
			w.gives(t, ann, answer("new"))
		}
	},
	"a change of one user is none of another": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		w.keep(t, ann, answer("ann's"))
		w.change(t, "ben")
		w.begin(t, "ben")
		w.gives(t, ann, answer("ann's"))
	},
	"nothing is given nor kept while a change is marked": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		w.keep(t, ann, answer("old"))
		mark := w.begin(t, "ann")
		w.keepsOut(t, ann)
		must(t, w.Changed(t.Context(), "ann", mark))
		w.asksAnew(t, ann)
	},
	"an answer that was asked for before a change is not given after it": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		before := w.asksAnew(t, ann)
		mark := w.begin(t, "ann")
		w.Keep(ann, before, answer("old"))
		w.settle()
		w.keepsOut(t, ann)
		must(t, w.Changed(t.Context(), "ann", mark))
		w.asksAnew(t, ann)
		w.Keep(ann, before, answer("old"))
		w.settle()
		after := w.asksAnew(t, ann)
		w.Keep(ann, after, answer("new"))
		w.Keep(ann, before, answer("old"))
		w.settle()
		if got := w.Enter(t.Context(), ann).Answer; got != nil && string(got.Body) == "old" {
			t.Error("it is given")
		}
	},
	"an epoch is never given again": func(t *testing.T, w memory) {
		ann, seen := reading("ann", newSession(), "/projects"), map[auth.Epoch]bool{}
		for range 50 {
			epoch := w.asksAnew(t, ann)
			if seen[epoch] {
				t.Fatalf("epoch %s is of before a change, and of after it", epoch)
			}
			seen[epoch] = true
			w.change(t, "ann")
		}
	},
	"of two marks one is left when the other is taken back": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		first, second := w.begin(t, "ann"), w.begin(t, "ann")
		must(t, w.Changed(t.Context(), "ann", first))
		w.keepsOut(t, ann)
		must(t, w.Changed(t.Context(), "ann", second))
		w.asksAnew(t, ann)
	},
	"who has no mark takes none back": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		mark := w.begin(t, "ann")
		must(t, w.Changed(t.Context(), "ann", auth.Unmarked))
		must(t, w.Changed(t.Context(), "ann", auth.Announced))
		w.keepsOut(t, ann)
		must(t, w.Changed(t.Context(), "ann", mark))
		w.asksAnew(t, ann)
	},
	"a report too many does no harm": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		for range 3 {
			must(t, w.Changed(t.Context(), "ann", auth.Marked))
		}
		w.keep(t, ann, answer("first"))
		w.begin(t, "ann")
		w.keepsOut(t, ann)
	},
	"an answer is not given when its time is up": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		w.keep(t, ann, answer("first"))
		w.pass(time.Minute - 20*time.Second)
		w.gives(t, ann, answer("first"))
		w.pass(20 * time.Second)
		w.asksAnew(t, ann)
	},
	"who is refused for their rate gets no answer, and leaves no mark": func(t *testing.T, w memory) {
		hourly := []auth.Rate{rate("default", 2, time.Hour)}
		ann := reading("ann", newSession(), "/projects")
		w.keep(t, ann, answer("first"))
		ann.Rates = hourly
		w.gives(t, ann, answer("first"))
		w.gives(t, ann, answer("first"))
		if pass := w.Enter(t.Context(), ann); pass.Allowed() || pass.Answer != nil || pass.Epoch != "" {
			t.Errorf("a read that is refused: %+v", pass)
		}
		if pass := w.Enter(t.Context(), auth.Entry{Slot: "ann", Rates: hourly, Changes: true}); pass.Allowed() || pass.Mark != auth.Unmarked {
			t.Errorf("a change that is refused: %+v", pass)
		}
		ann.Rates = nil
		w.gives(t, ann, answer("first"))
	},
	"an answer is as it was": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		for _, want := range []auth.Answer{
			{},
			{Body: []byte("\n")},
			{ETag: `"1"`, Body: []byte("\n\n{\"title\":\n\"x\"}\r\n")},
			{ETag: `W/"ä \ 1"`, Body: []byte("\x00\xff\xfe Grüße, 世界 \u2028")},
			{Body: []byte("123456789\ncodegenapp:{ann}:answer:/projects\n")},
			{ETag: `"large"`, Body: bytes.Repeat([]byte("x"), auth.MostAnswer)},
		} {
			w.keep(t, ann, want)
			if want.Body == nil {
				want.Body = []byte{}
			}
			got := w.Enter(t.Context(), ann).Answer
			if got == nil || got.ETag != want.ETag || !bytes.Equal(got.Body, want.Body) {
				t.Errorf("%.60q became %.60v", want, got)
			}
		}
	},
	"what is too large or has no epoch is not kept": func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		epoch := w.asksAnew(t, ann)
		w.Keep(ann, epoch, auth.Answer{Body: bytes.Repeat([]byte("x"), auth.MostAnswer+1)})
		w.Keep(ann, "", answer("of no epoch"))
		w.settle()
		w.asksAnew(t, ann)
	},
	"an epoch of somebody else keeps nothing": func(t *testing.T, w memory) {
		ann, ben := reading("ann", newSession(), "/projects"), reading("ben", newSession(), "/projects")
		epoch := w.asksAnew(t, ann)
		w.asksAnew(t, ben)
		w.Keep(ben, epoch, answer("of ann's epoch"))
		w.settle()
		w.asksAnew(t, ben)
	},
	"who asks nothing gets no epoch": func(t *testing.T, w memory) {
		w.keepsOut(t, auth.Entry{Slot: "ann", Session: newSession()})
	},
	"a long question is one": func(t *testing.T, w memory) {
		long := reading("ann", newSession(), "/projects?after="+strings.Repeat("x", 500))
		w.keep(t, long, answer("long"))
		w.gives(t, long, answer("long"))
		w.asksAnew(t, reading("ann", long.Session, long.Question+"x"))
	},
}

func TestBothGatesRememberAlike(t *testing.T) {
	t.Parallel()
	for name, behaviour := range rememberings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remembering(t, behaviour)
		})
	}
}

func TestASessionPassesForLiveForAMinute(t *testing.T) {
	t.Parallel()
	rememberingFor(t, 10*time.Minute, func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		w.keep(t, ann, answer("first"))
		w.pass(40 * time.Second)
		w.gives(t, ann, answer("first"))
		w.pass(20 * time.Second)
		w.asksAnew(t, ann)
		w.keep(t, reading("ann", ann.Session, "/me"), answer("me")) // it is live after all
		w.gives(t, ann, answer("first"))
	})
}

func TestWhoKeepsNothingIsGivenNothing(t *testing.T) {
	t.Parallel()
	rememberingFor(t, 0, func(t *testing.T, w memory) {
		ann := reading("ann", newSession(), "/projects")
		w.keepsOut(t, ann)
		w.Keep(ann, "1", answer("first"))
		w.keepsOut(t, ann)
		must(t, w.Changed(t.Context(), "ann", w.Enter(t.Context(), changing("ann")).Mark))
	})
}
