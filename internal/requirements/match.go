package requirements

import (
	"slices"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Precondition is the condition of a conditional change: the versions that the caller
// is willing to overwrite. The zero Match asks for nothing.
type Precondition struct {
	// Given is false where the caller states no condition.
	Given bool
	// Any accepts every version, as long as the resource exists.
	Any bool
	// Versions are the accepted ones.
	Versions []int64
}

// check is nil if version is accepted, else PreconditionFailed with the
// resource as it is now.
func (m Precondition) check(version int64, current any) error {
	if !m.Given || m.Any || slices.Contains(m.Versions, version) {
		return nil
	}
	f := problem.New(problem.PreconditionFailed,
		"The resource is at version %d now, which If-Match does not name. Nothing was changed.", version)
	f.Current = current
	return f
}
