package history

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// ProjectDiff is the difference between two states of one project.
type ProjectDiff struct {
	// FromRevision and ToRevision are those of the states.
	FromRevision, ToRevision int64
	// From and To have the title and description of then.
	From, To requirements.Project
	// Specifications are those that differ, by number.
	Specifications []SpecificationPair
}

// SpecificationPair is a specification in two states. Where it was not live, the state is
// the zero ItemList.
type SpecificationPair struct{ From, To requirements.ItemList }

// Change says what became of the specification.
func (p SpecificationPair) Change() DiffKind {
	switch {
	case p.From.Specification.ID.IsZero():
		return DiffAdded
	case p.To.Specification.ID.IsZero():
		return DiffRemoved
	}
	return DiffChanged
}

// Last is the second state of the specification, or the first one if that has none.
func (p SpecificationPair) Last() requirements.Specification {
	if p.Change() == DiffRemoved {
		return p.From.Specification
	}
	return p.To.Specification
}

// differs reports whether the texts of the states or their order differ.
func (p SpecificationPair) differs() bool {
	return p.From.Specification.ID != p.To.Specification.ID ||
		p.From.Specification.Title != p.To.Specification.Title || p.From.Specification.Content != p.To.Specification.Content ||
		!slices.EqualFunc(p.From.Items, p.To.Items, func(a, b requirements.Item) bool { return a.ID == b.ID && a.Content == b.Content })
}

// DiffProject compares two states of a project.
func (s *Service) DiffProject(ctx context.Context, actor auth.Actor, project requirements.ProjectID, from, to Point) (ProjectDiff, error) {
	first, before, err := s.resolveLive(ctx, actor, project, from)
	if err != nil {
		return ProjectDiff{}, err
	}
	second, after, err := s.resolveLive(ctx, actor, project, to)
	if err != nil {
		return ProjectDiff{}, err
	}
	d := ProjectDiff{FromRevision: first.Revision, ToRevision: second.Revision, From: before, To: after}
	q := AtQuery{Revision: min(d.FromRevision, d.ToRevision), Limit: digestPage, Items: true}
	for {
		rows, err := s.store.SpecificationsChanged(ctx, actor, project, q)
		if err != nil {
			return d, err
		}
		for _, row := range rows {
			pair, err := pairOf(row, d.FromRevision, d.ToRevision)
			if err != nil {
				return d, err
			}
			if pair.differs() {
				d.Specifications = append(d.Specifications, pair)
			}
			q.After = row.Specification.Number
		}
		if len(rows) < digestPage {
			return d, nil
		}
	}
}

// pairOf returns the states of a specification at two revisions; it changed after the
// earlier one.
func pairOf(row Since, from, to int64) (SpecificationPair, error) {
	split := slices.IndexFunc(row.Changes, func(c Change) bool { return c.Revision <= max(from, to) })
	if split < 0 {
		split = len(row.Changes)
	}
	late, err := Rewind(StateOf(row.ItemList), row.Changes[:split])
	if err != nil {
		return SpecificationPair{}, err
	}
	early, err := Rewind(late, row.Changes[split:])
	if from > to {
		early, late = late, early
	}
	return SpecificationPair{From: early.live(), To: late.live()}, err
}

// live returns the specification, or the zero ItemList if it was not live.
func (s State) live() requirements.ItemList {
	if !s.Live() {
		return requirements.ItemList{}
	}
	return s.ItemList
}

// Title and Description return the difference of a text, or nil where it is the same.
func (d ProjectDiff) Title() []Segment { return difference(d.From.Title, d.To.Title) }

// Description returns the difference of the description, or nil.
func (d ProjectDiff) Description() []Segment {
	return difference(d.From.Description, d.To.Description)
}

func difference(from, to string) []Segment {
	budget := wordBudget(maxDiffBytes)
	return budget.changed(from, to)
}

// Unified returns the diff in the unified format: of the file project.md with title and
// description, and of each specification, see [UnifiedDiff].
func (d ProjectDiff) Unified() (string, error) {
	name := func(revision int64) string { return fmt.Sprintf("project.md\tr%d", revision) }
	all, err := unifiedDiff(name(d.FromRevision), name(d.ToRevision), ProjectMarkdown(d.From), ProjectMarkdown(d.To))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(all)
	lines := strings.Count(all, "\n")
	for _, pair := range d.Specifications {
		diff, err := UnifiedDiff(pair.From, pair.To)
		if err != nil {
			return "", err
		}
		if lines += strings.Count(diff, "\n"); lines > maxDiffLines {
			return "", problem.New(problem.InvalidParameter, "The unified diff has more than %d lines. Compare the states as application/json.", maxDiffLines)
		}
		b.WriteString(diff)
	}
	return b.String(), nil
}

// ProjectMarkdown returns title and description of a project for reading.
func ProjectMarkdown(p requirements.Project) string {
	if p.Description == "" {
		return "# " + p.Title + "\n"
	}
	return "# " + p.Title + "\n\n" + p.Description + "\n"
}

// Markdown returns the diff for reading, see [MarkdownDiff].
func (d ProjectDiff) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, %s to %s\n", escaped(d.To.Title), Text(d.FromRevision), Text(d.ToRevision))
	title, description := d.Title(), d.Description()
	if title == nil && description == nil && len(d.Specifications) == 0 {
		b.WriteString(sameTexts)
	}
	writeExcerpt(&b, "## Title", title)
	writeExcerpt(&b, "## Description", description)
	for _, pair := range d.Specifications {
		last := pair.Last()
		fmt.Fprintf(&b, "\n#%s, %s\n", heading(last.Number, escaped(last.Title)), pair.summary())
		DiffSpecifications(pair.From, pair.To).writeSections(&b, "###")
	}
	return b.String()
}

// summary says in words what became of the specification.
func (p SpecificationPair) summary() string {
	if p.Change() != DiffChanged {
		return string(p.Change())
	}
	return fmt.Sprintf("v%d to v%d", p.From.Specification.Version, p.To.Specification.Version)
}
