package requirements

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
)

func someTags(t *rapid.T, name string) TagSet {
	set := TagSet{Given: rapid.Bool().Draw(t, name+" given"), Any: rapid.IntRange(0, 9).Draw(t, name+" any") == 0}
	for n := range rapid.IntRange(0, 3).Draw(t, name+" tags") {
		tag := Tag{Version: rapid.Int64Range(1, 3).Draw(t, name+" version")}
		for range rapid.IntRange(0, 2).Draw(t, name+" counters") {
			tag.Counters = append(tag.Counters, Counter{Value: rapid.Int64Range(0, 2).Draw(t, name+" counter")})
		}
		set.Tags = slices.Insert(set.Tags, n, tag)
	}
	return set
}

// Where the versions of a precondition decide, they decide as the precondition does.
func TestPrecondition_VersionsDecideAsTheRule(t *testing.T) {
	t.Parallel()
	decided := 0
	rapid.Check(t, func(t *rapid.T) {
		condition := Precondition{Match: someTags(t, "If-Match"), NoneMatch: someTags(t, "If-None-Match")}
		moves := rapid.Bool().Draw(t, "moves")
		place := Item{Version: rapid.Int64Range(1, 3).Draw(t, "version"), Order: rapid.IntRange(0, 2).Draw(t, "order")}.Tag()
		for _, now := range []Tag{place, {Version: place.Version}} {
			versions, decide := condition.versions(now, moves)
			if !decide {
				continue
			}
			decided++
			holds := condition.checkMove(now, moves, nil) == nil
			if got := versions == nil || slices.Contains(versions, now.Version); got != holds {
				t.Fatalf("the versions %v of %+v permit a change of %+v: %t, the rule: %t", versions, condition, now, got, holds)
			}
		}
	})
	if decided == 0 {
		t.Error("the versions decided nothing")
	}
}

func TestGuard_RuleAndStatementAgree(t *testing.T) {
	t.Parallel()
	full := problem.New(problem.ItemLimit, "full")
	for name, tc := range map[string]struct {
		done, changed bool
		err           error
		disagree      bool
	}{
		"written as the rule says":       {done: true, changed: true},
		"nothing to change":              {},
		"rejected, not written":          {changed: true, err: full},
		"permitted, not written":         {changed: true, disagree: true},
		"rejected, written all the same": {done: true, changed: true, err: full, disagree: true},
		"nothing to change, but written": {done: true, disagree: true},
	} {
		err := guarded(Guard{Last: true}, true, func(Guard) (Write, bool, error) { return Write{Done: tc.done}, tc.changed, tc.err })
		if errors.Is(err, errDisagreement) != tc.disagree || !tc.disagree && !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If the versions do not decide, the first statement writes nothing, and the second one
// follows only if the rule permits it.
func TestGuard_LocksFirstWhereVersionsDoNotDecide(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		changed bool
		err     error
		calls   int
	}{
		"permitted":         {changed: true, calls: 2},
		"nothing to change": {calls: 1},
		"rejected":          {changed: true, err: problem.New(problem.PreconditionFailed, "stale"), calls: 1},
	} {
		var guards []Guard
		err := guarded(Guard{Versions: []int64{7}, Last: true}, false, func(g Guard) (Write, bool, error) {
			guards = append(guards, g)
			return Write{Done: g.Last}, tc.changed, tc.err
		})
		if !errors.Is(err, tc.err) || len(guards) != tc.calls {
			t.Fatalf("%s: %v after %d calls", name, err, len(guards))
		}
		if guards[0].Versions == nil || len(guards[0].Versions) > 0 || guards[0].Last {
			t.Errorf("%s: the first guard is %+v", name, guards[0])
		}
		if tc.calls == 2 && (guards[1].Versions != nil || !guards[1].Last) {
			t.Errorf("%s: the second guard is %+v", name, guards[1])
		}
	}
}
