package requirements

import (
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Precondition is the condition of a conditional change: the versions that the
// caller accepts to overwrite. The zero Precondition always holds.
type Precondition struct {
	// Given is false if the caller stated no condition.
	Given bool
	// Any accepts every version, as long as the resource exists.
	Any bool
	// Versions are the accepted versions.
	Versions []int64
}

// check returns nil if the precondition holds for a version. Otherwise it
// returns PreconditionFailed with the resource as it is now.
func (c Precondition) check(version int64, current any) error {
	if !c.Given || c.Any || slices.Contains(c.Versions, version) {
		return nil
	}
	err := problem.New(problem.PreconditionFailed,
		"The resource is now at version %d, which If-Match does not name. Nothing was changed.", version)
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
