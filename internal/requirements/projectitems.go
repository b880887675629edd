package requirements

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// MaxRefs is the maximum number of references in one query.
const MaxRefs = 100

// ProjectItemsQuery selects one page of the live items of a project in reading order: by
// the number of the specification, then by the place in it.
type ProjectItemsQuery struct {
	// After is the end of the page before; nil for the first page.
	After *page.Cursor
	Limit int
	// Refs selects the items with these references; nil selects all.
	Refs []Ref
}

// ParseRef reads a reference such as 3.2. Its numbers have at most nine digits each.
func ParseRef(text string) (Ref, bool) {
	spec, item, _ := strings.Cut(text, ".")
	r := Ref{parseNumber(spec), parseNumber(item)}
	return r, r.Specification > 0 && r.Item > 0
}

// parseNumber reads a number that counts from 1; it returns 0 for anything else.
func parseNumber(text string) int {
	if len(text) > 9 || strings.Trim(text, "0123456789") != "" || strings.HasPrefix(text, "0") {
		return 0
	}
	n, _ := strconv.Atoi(text)
	return n
}

// ParseRefs reads references that are separated by commas, and returns each once.
func ParseRefs(text string) ([]Ref, error) {
	parts := strings.Split(text, ",")
	if len(parts) > MaxRefs {
		return nil, problem.New(problem.InvalidParameter, "The query parameter ref has %d references; at most %d are allowed.", len(parts), MaxRefs)
	}
	refs := make([]Ref, len(parts))
	for n, part := range parts {
		var ok bool
		if refs[n], ok = ParseRef(part); !ok {
			return nil, problem.New(problem.InvalidParameter,
				"The query parameter ref must be references such as 3.2, separated by commas without spaces; %q is not a reference.", part)
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Specification, b.Specification), cmp.Compare(a.Item, b.Item))
	})
	return slices.Compact(refs), nil
}

// ProjectItems returns one page of the items of a live project. Its items have their order
// and references.
func (s *Service) ProjectItems(ctx context.Context, actor auth.Actor, project ProjectID, q ProjectItemsQuery) (page.Page[Item], error) {
	limit := q.Limit
	q.Limit++
	parent, items, err := s.store.ProjectItems(ctx, actor, project, q)
	if err != nil {
		return page.Page[Item]{}, err
	}
	if err := parent.checkLive(); err != nil {
		return page.Page[Item]{}, err
	}
	return page.CutBytes(items, limit, func(i Item) int { return len(i.Content) }, func(i Item) page.Cursor {
		return page.Cursor{Number: i.SpecificationNumber, Place: i.Order, ID: i.ID}
	}), nil
}
