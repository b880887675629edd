package requirements

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// tagOf is a tag with counters that are not places.
func tagOf(version int64, counters ...int64) Tag {
	t := Tag{Version: version}
	for _, c := range counters {
		t.Counters = append(t.Counters, Counter{Value: c})
	}
	return t
}

// match is the condition that the resource has one of the tags; noneMatch that it has
// none of them.
func match(tags ...Tag) Precondition { return Precondition{Match: TagSet{Given: true, Tags: tags}} }

func noneMatch(tags ...Tag) Precondition {
	return Precondition{NoneMatch: TagSet{Given: true, Tags: tags}}
}

// atVersion is the condition that the resource has a version.
func atVersion(version int64) Precondition { return match(tagOf(version)) }

// stale is a precondition that no version of the tests meets.
var stale = atVersion(99)

var (
	specificationTag = Specification{Version: 7}.Tag()
	projectTag       = Project{Version: 7, Revision: 40}.Tag()
	itemTag          = Item{Version: 7, Order: 2}.Tag()
	// countedTag has a place, and a counter that only grows.
	countedTag = Tag{Version: 7, Counters: []Counter{{Value: 2, Place: true}, {Value: 40}}}
)

func TestTag_NumbersAreJoinedByHyphens(t *testing.T) {
	t.Parallel()
	for want, tag := range map[string]Tag{"7": specificationTag, "7-40": projectTag, "7-2": itemTag, "7-2-40": countedTag, "5": Specification{Version: 5}.Tag()} {
		if got := tag.String(); got != want {
			t.Errorf("the tag is %s, want %s", got, want)
		}
	}
}

func TestPrecondition_Check(t *testing.T) {
	t.Parallel()
	star := Precondition{Match: TagSet{Given: true, Any: true}}
	for name, tc := range map[string]struct {
		condition Precondition
		now       Tag
		moves     bool
		want      bool
	}{
		"no condition":             {now: specificationTag, want: true},
		"any state":                {condition: star, now: specificationTag, want: true},
		"the version":              {condition: match(tagOf(7)), now: specificationTag, want: true},
		"the version among others": {condition: match(tagOf(6), tagOf(7), tagOf(8)), now: specificationTag, want: true},
		"another version":          {condition: match(tagOf(6)), now: specificationTag},
		"a version to come":        {condition: match(tagOf(8)), now: specificationTag},
		"no tag at all":            {condition: match(), now: specificationTag},
		"tags without Given":       {condition: Precondition{Match: TagSet{Tags: []Tag{tagOf(6)}}}, now: specificationTag, want: true},
		"a counter that a specification does not have": {condition: match(tagOf(7, 0)), now: specificationTag},
		"a project's version":                          {condition: match(tagOf(7)), now: projectTag, want: true},
		"an earlier revision":                          {condition: match(tagOf(7, 39)), now: projectTag, want: true},
		"a revision to come":                           {condition: match(tagOf(7, 41)), now: projectTag},
		"not an earlier revision":                      {condition: noneMatch(tagOf(7, 39)), now: projectTag, want: true},
		"not the project's tag":                        {condition: noneMatch(tagOf(7, 40)), now: projectTag},
		"an item's version":                            {condition: match(tagOf(7)), now: itemTag, want: true},
		"an item's version, for a move":                {condition: match(tagOf(7)), now: itemTag, moves: true, want: true},
		"version and place":                            {condition: match(tagOf(7, 2)), now: itemTag, want: true},
		"version and place, for a move":                {condition: match(tagOf(7, 2)), now: itemTag, moves: true, want: true},
		"an old place":                                 {condition: match(tagOf(7, 9)), now: itemTag, want: true},
		"an old place, for a move":                     {condition: match(tagOf(7, 1)), now: itemTag, moves: true},
		"an old version at the place":                  {condition: match(tagOf(6, 2)), now: itemTag},
		"a counter that an item does not have":         {condition: match(tagOf(7, 2, 0)), now: itemTag},
		"an earlier counter":                           {condition: match(tagOf(7, 2, 39)), now: countedTag, want: true},
		"an earlier counter, for a move":               {condition: match(tagOf(7, 2, 39)), now: countedTag, moves: true, want: true},
		"a counter to come":                            {condition: match(tagOf(7, 2, 41)), now: countedTag},
		"one counter too few":                          {condition: match(tagOf(7, 2)), now: countedTag},
		"nothing that exists":                          {condition: Precondition{NoneMatch: TagSet{Given: true, Any: true}}, now: specificationTag},
		"not the tag":                                  {condition: noneMatch(tagOf(7)), now: specificationTag},
		"not the tag among others":                     {condition: noneMatch(tagOf(6), tagOf(7)), now: specificationTag},
		"not another version":                          {condition: noneMatch(tagOf(6)), now: specificationTag, want: true},
		"not the item's tag":                           {condition: noneMatch(tagOf(7, 2)), now: itemTag},
		"not another place":                            {condition: noneMatch(tagOf(7, 1)), now: itemTag, want: true},
		"not the version alone, which is no tag":       {condition: noneMatch(tagOf(7)), now: itemTag, want: true},
		"not an earlier counter":                       {condition: noneMatch(tagOf(7, 2, 39)), now: countedTag, want: true},
		"no tag is excluded":                           {condition: noneMatch(), now: specificationTag, want: true},
		"both hold":                                    {condition: Precondition{Match: match(tagOf(7)).Match, NoneMatch: noneMatch(tagOf(6)).NoneMatch}, now: specificationTag, want: true},
		"If-Match holds, If-None-Match does not":       {condition: Precondition{Match: star.Match, NoneMatch: noneMatch(tagOf(7)).NoneMatch}, now: specificationTag},
		"If-None-Match holds, If-Match does not ":      {condition: Precondition{Match: stale.Match, NoneMatch: noneMatch(tagOf(6)).NoneMatch}, now: specificationTag},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.condition.checkMove(tc.now, tc.moves, "the resource")
			if (err == nil) != tc.want {
				t.Fatalf("check = %v", err)
			}
			if f, ok := errors.AsType[*problem.Error](err); err != nil && (!ok || f.Code != problem.PreconditionFailed || f.Current != "the resource") {
				t.Errorf("check = %+v", err)
			}
		})
	}
}

// The tag of a response is accepted by If-Match and excluded by If-None-Match until
// the resource changes; so is the version alone by If-Match.
func TestPrecondition_OwnTagMatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := Tag{Version: rapid.Int64Range(1, 5).Draw(t, "version")}
		sent := tagOf(now.Version)
		for range rapid.IntRange(0, 3).Draw(t, "counters") {
			c := Counter{Value: rapid.Int64Range(0, 3).Draw(t, "value"), Place: rapid.Bool().Draw(t, "place")}
			now.Counters, sent.Counters = append(now.Counters, c), append(sent.Counters, Counter{Value: c.Value})
		}
		moves := rapid.Bool().Draw(t, "moves")
		for _, accepted := range []Tag{sent, tagOf(now.Version)} {
			if err := match(accepted).checkMove(now, moves, nil); err != nil {
				t.Fatalf("If-Match %s of %s: %v", accepted, now, err)
			}
		}
		if noneMatch(sent).check(now, nil) == nil {
			t.Fatalf("If-None-Match %s of %s holds", sent, now)
		}
		if match(tagOf(now.Version+1)).checkMove(now, moves, nil) == nil {
			t.Fatalf("If-Match of the version after %s holds", now)
		}
	})
}

// wantCode fails the test unless err has the code; an empty code is no error.
func wantCode(t *testing.T, err error, want problem.Code) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	if got := problem.CodeOf(err); err == nil || got != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
