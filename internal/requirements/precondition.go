package requirements

import (
	"slices"
	"strconv"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Tag is the entity tag of a resource: its version, and counters of what else a
// response shows.
type Tag struct {
	Version  int64
	Counters []Counter
}

// Counter is a number of a tag besides the version.
type Counter struct {
	Value int64
	// Place marks a position, which other writes raise and lower. Every other
	// counter only grows.
	Place bool
}

// Tag returns the tag of a project: version and revision.
func (p Project) Tag() Tag {
	return Tag{Version: p.Version, Counters: []Counter{{Value: p.Revision}}}
}

// Tag returns the tag of a specification, and of the list of its items.
func (s Specification) Tag() Tag { return Tag{Version: s.Version} }

// Tag returns the tag of an item: version and place. The place changes also with
// other items.
func (i Item) Tag() Tag {
	return Tag{Version: i.Version, Counters: []Counter{{Value: int64(i.Order), Place: true}}}
}

// String returns the numbers of the tag with hyphens between them.
func (t Tag) String() string {
	text := strconv.AppendInt(nil, t.Version, 10)
	for _, c := range t.Counters {
		text = strconv.AppendInt(append(text, '-'), c.Value, 10)
	}
	return string(text)
}

// matches reports whether t, a tag that a caller sent, names the state of a resource
// whose tag is now. The version alone names every state of that version: lists show
// it. Places count only for a request that moves the item.
func (t Tag) matches(now Tag, moves bool) bool {
	switch {
	case t.Version != now.Version:
		return false
	case len(t.Counters) == 0:
		return true
	case len(t.Counters) != len(now.Counters): // it was never a tag of the resource
		return false
	}
	for n, c := range now.Counters {
		sent := t.Counters[n].Value
		if c.Place && moves && sent != c.Value || !c.Place && sent > c.Value {
			return false
		}
	}
	return true
}

// Precondition is the condition of a conditional change. The zero Precondition always
// holds.
type Precondition struct {
	// Match must name the state of the resource (If-Match).
	Match TagSet
	// NoneMatch must not name it (If-None-Match).
	NoneMatch TagSet
}

// TagSet is a set of tags. The zero TagSet states no condition.
type TagSet struct {
	// Given is false if the caller stated no condition.
	Given bool
	// Any names every state, as long as the resource exists.
	Any  bool
	Tags []Tag
}

// has reports whether the set names exactly this tag.
func (s TagSet) has(now Tag) bool {
	text := now.String()
	return s.Any || slices.ContainsFunc(s.Tags, func(t Tag) bool { return t.String() == text })
}

// check returns nil if the precondition holds for a resource whose tag is now.
// Otherwise it returns PreconditionFailed with current, the resource as it is now.
func (c Precondition) check(now Tag, current any) error { return c.checkMove(now, false, current) }

// checkMove is check for a request that may move the resource.
func (c Precondition) checkMove(now Tag, moves bool, current any) error {
	matches := func(t Tag) bool { return t.matches(now, moves) }
	var err *problem.Error
	switch {
	case c.Match.Given && !c.Match.Any && !slices.ContainsFunc(c.Match.Tags, matches):
		err = problem.New(problem.PreconditionFailed,
			"The tag of the resource is now %q, which If-Match does not name. Nothing was changed.", now)
	case c.NoneMatch.Given && c.NoneMatch.has(now):
		err = problem.New(problem.PreconditionFailed,
			"The resource exists with the tag %q, which If-None-Match excludes. Nothing was changed.", now)
	default:
		return nil
	}
	err.Current = current
	return err
}

// later returns the time of a change. It never precedes the change before, even
// if the clock of the database was set back.
func later(before, at time.Time) time.Time {
	if at.After(before) {
		return at
	}
	return before
}
