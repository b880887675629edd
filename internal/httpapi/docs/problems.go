package docs

import (
	"cmp"
	"slices"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// problem is what the page of a code says.
type problemPage struct {
	Code   problem.Code
	Status int
	problem.Doc
}

// group is the problems of one status.
type group struct {
	Status   int
	Problems []problemPage
}

// problemsByStatus are all codes, those of a status in the order of the
// contract.
func problemsByStatus(status func(problem.Code) int) []group {
	var groups []group
	for _, code := range problem.Codes() {
		p := problemPage{code, status(code), code.Doc()}
		at, found := slices.BinarySearchFunc(groups, p.Status, func(g group, status int) int { return cmp.Compare(g.Status, status) })
		if !found {
			groups = slices.Insert(groups, at, group{Status: p.Status})
		}
		groups[at].Problems = append(groups[at].Problems, p)
	}
	return groups
}
