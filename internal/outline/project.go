package outline

import (
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// ProjectID identifies a project.
type ProjectID = id.Of[Project]

// Project holds the specifications of one program.
type Project struct {
	ID                 ProjectID
	Owner              identity.UserID
	Title              string
	Description        string
	SpecificationCount int
	// Version counts the states of the project from 1; the store raises it.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	// DeletedAt is when the project went to the trash; nil while it is live.
	DeletedAt *time.Time
}

var (
	projectTitle       = text{min: 1, max: 100, trimmed: true, oneLine: true}
	projectDescription = text{max: 5000}
)

// ProjectDraft is what a caller may say about a project, checked.
type ProjectDraft struct{ title, description string }

// NewProjectDraft checks a title and a description. It returns every violation
// it finds.
func NewProjectDraft(title, description string) (ProjectDraft, []fault.Violation) {
	var faults []fault.Violation
	draft := ProjectDraft{
		title:       projectTitle.parse("/title", title, &faults),
		description: projectDescription.parse("/description", description, &faults),
	}
	return draft, faults
}

// ProjectPatch is a change to a project, checked: what is nil stays as it is.
type ProjectPatch struct{ title, description *string }

// NewProjectPatch checks what is given of a title and a description. It returns
// every violation it finds.
func NewProjectPatch(title, description *string) (ProjectPatch, []fault.Violation) {
	var faults []fault.Violation
	patch := ProjectPatch{
		title:       projectTitle.parseGiven("/title", title, &faults),
		description: projectDescription.parseGiven("/description", description, &faults),
	}
	return patch, faults
}

// patch is the draft as a change of everything.
func (d ProjectDraft) patch() ProjectPatch {
	return ProjectPatch{title: &d.title, description: &d.description}
}

// changed returns the project after the patch, and whether that differs.
func (p Project) changed(patch ProjectPatch, at time.Time) (Project, bool) {
	next := p
	if patch.title != nil {
		next.Title = *patch.title
	}
	if patch.description != nil {
		next.Description = *patch.description
	}
	if next.Title == p.Title && next.Description == p.Description {
		return p, false
	}
	return next.touched(at), true
}

// touched is the project one version later. Time never runs backwards, not even
// where the database's clock was set back.
func (p Project) touched(at time.Time) Project {
	p.Version++
	if at.After(p.UpdatedAt) {
		p.UpdatedAt = at
	}
	return p
}

// trashed is the project moved to the trash.
func (p Project) trashed(at time.Time) Project {
	p.DeletedAt = &at
	return p.touched(at)
}

// restored is the project taken out of the trash.
func (p Project) restored(at time.Time) Project {
	p.DeletedAt = nil
	return p.touched(at)
}
