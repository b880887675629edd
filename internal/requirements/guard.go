package requirements

import (
	"errors"
	"slices"
)

var (
	itemKind  = Item{}.Tag()
	plain     = Tag{}
	ofProject = Project{}.Tag()
)

var errDisagreement = errors.New("the rules and the statement decide differently about a write")

// guarded calls try with a guard, and with another one before it if the versions of the
// guard do not decide: then the first statement only locks, and the last one writes what
// the rules have permitted. Try sends a guarded statement, and applies the rules to what
// it returns: changed is what the rules decide.
func guarded(last Guard, decide bool, try func(Guard) (w Write, changed bool, err error)) error {
	if !decide {
		if _, changed, err := try(Guard{Versions: []int64{}}); err != nil || !changed {
			return err
		}
		last.Versions = nil
	}
	w, changed, err := try(last)
	if w.Done != (changed && err == nil) {
		return errors.Join(errDisagreement, err)
	}
	return err
}

// unless returns no condition if the rules have decided about it, for a resource that is
// locked since: its revision may still change.
func (c Precondition) unless(decided bool) Precondition {
	if decided {
		return Precondition{}
	}
	return c
}

// versions returns the versions that satisfy the precondition, nil for every one, and
// whether they alone decide. Kind is any tag of the resource.
func (c Precondition) versions(kind Tag, moves bool) (versions []int64, decide bool) {
	switch {
	case c.NoneMatch.Given:
		return nil, false
	case !c.Match.Given || c.Match.Any:
		return nil, true
	case moves || slices.ContainsFunc(kind.Counters, func(c Counter) bool { return !c.Place }):
		return nil, false
	}
	versions = []int64{}
	for _, t := range c.Match.Tags {
		if len(t.Counters) == 0 || len(t.Counters) == len(kind.Counters) {
			versions = append(versions, t.Version)
		}
	}
	return versions, true
}
