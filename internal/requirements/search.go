package requirements

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/search"
)

// HitKind is the kind of what a search finds.
type HitKind string

// The kinds of hits.
const (
	ProjectHit       HitKind = "project"
	SpecificationHit HitKind = "specification"
	ItemHit          HitKind = "item"
)

// SearchQuery selects one page of what a search finds. Its order is fixed: by rank, then
// the most recently changed first, then by id.
type SearchQuery struct {
	page.Query

	Text search.Query
	// Project limits the search to one project, unless it is zero.
	Project ProjectID
	// Kind limits the search to one kind, unless it is empty.
	Kind HitKind
}

// Hit is a live project, specification or item that a search found.
type Hit struct {
	Kind    HitKind
	Project ProjectID
	// Specification is zero for a project. Item is zero for all but items.
	Specification SpecificationID
	Item          ItemID
	// SpecificationNumber and ItemNumber are the numbers of these two, or zero.
	SpecificationNumber, ItemNumber int
	// Title is the title of the project or specification; for an item, of its
	// specification.
	Title string
	// Content is the description of a project, or the content of the others.
	Content string
	// Snippet is the part of the content to show.
	Snippet []search.Segment
	// At is the position among all hits.
	At page.Cursor
}

// Hits is one page of what a search finds.
type Hits struct {
	page.Page[Hit]

	// Complete is false if there was more text than a search has time for. The hits are
	// then the best of those texts that it read.
	Complete bool
}

// Found is what one search of the store finds.
type Found struct {
	Hits []Hit
	// Complete is false if there was no time for all texts.
	Complete bool
	// Shared are the projects that others share with the actor. It is empty for an actor
	// at one of them.
	Shared []auth.Location
}

const (
	// maxSharedSearches is how many shared projects a search reads, each in a round trip.
	maxSharedSearches = 20
	// maxSharedTime is when a search begins no further project.
	maxSharedTime = 3 * time.Second
)

// beforeFirst precedes every hit: ranks count from 0.
var beforeFirst = page.Cursor{Number: -1}

// Search returns one page of what the actor's query finds. What was committed before is
// found. A query without words finds nothing.
func (s *Service) Search(ctx context.Context, actor auth.Actor, q SearchQuery) (Hits, error) {
	read := q
	read.Limit++
	if read.After == nil {
		read.After = &beforeFirst
	}
	found, err := s.store.Search(ctx, actor, read)
	if err == nil {
		err = s.searchShared(ctx, actor, read, &found)
	}
	if err != nil {
		return Hits{}, err
	}
	hits := Hits{Complete: found.Complete, Page: page.CutBytes(found.Hits, q.Limit,
		func(h Hit) int { return len(h.Content) }, func(h Hit) page.Cursor { return h.At })}
	for n := range hits.Rows {
		hits.Rows[n].Snippet = q.Text.Snippet(hits.Rows[n].Content)
		hits.Rows[n].Content = ""
	}
	return hits, nil
}

// searchShared adds to what was found what the shared projects have.
func (s *Service) searchShared(ctx context.Context, actor auth.Actor, q SearchQuery, found *Found) error {
	start, only := time.Now(), q.Project
	searched := 0
	for _, at := range found.Shared {
		if !only.IsZero() && only != ProjectID(at.Project) {
			continue
		}
		if searched == maxSharedSearches || time.Since(start) > maxSharedTime {
			found.Complete = false
			return nil
		}
		searched++
		actor.At, q.Project = at, ProjectID(at.Project)
		more, err := s.store.Search(ctx, actor, q)
		switch {
		case errors.Is(err, auth.ErrNotMember): // not any more
			continue
		case err != nil:
			return err
		}
		found.Hits = append(found.Hits, more.Hits...)
		slices.SortFunc(found.Hits, func(a, b Hit) int {
			return cmp.Or(cmp.Compare(a.At.Number, b.At.Number), b.At.Time.Compare(a.At.Time), bytes.Compare(b.At.ID[:], a.At.ID[:]))
		})
		found.Hits = found.Hits[:min(len(found.Hits), q.Limit)]
		found.Complete = found.Complete && more.Complete
	}
	return nil
}
