package docs

import (
	"cmp"
	"slices"

	"github.com/codegenapp/codegenapp/internal/fault"
)

// problem is what the page of a code says.
type problem struct {
	Code   fault.Code
	Status int
	fault.Meaning
}

// group is the problems of one status.
type group struct {
	Status   int
	Problems []problem
}

// problemsByStatus are all codes, those of a status in the order of the
// contract.
func problemsByStatus(status func(fault.Code) int) []group {
	var groups []group
	for _, code := range fault.Codes() {
		p := problem{code, status(code), code.Meaning()}
		at, found := slices.BinarySearchFunc(groups, p.Status, func(g group, status int) int { return cmp.Compare(g.Status, status) })
		if !found {
			groups = slices.Insert(groups, at, group{Status: p.Status})
		}
		groups[at].Problems = append(groups[at].Problems, p)
	}
	return groups
}
