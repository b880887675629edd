package history

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// MaxRewound is the maximum number of changes that one request takes back.
const MaxRewound = 20_000

// Store reads the history. Package postgres implements it.
//
// Every method acts for one actor, like those of requirements.Store. Changes come with
// what they replaced only where a method says so; more than MaxRewound are TooFarBack.
type Store interface {
	// ResolveProject and ResolveSpecification return the revision that a point names.
	ResolveProject(ctx context.Context, actor auth.Actor, project requirements.ProjectID, p Point) (Resolved, error)
	ResolveSpecification(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, p Point) (Resolved, error)
	// SpecificationSince reads a specification as it is now, and what happened to it
	// after a revision.
	SpecificationSince(ctx context.Context, actor auth.Actor, project requirements.ProjectID, spec requirements.SpecificationID, revision int64) (Since, error)
	// ProjectSince reads a project as it is now, and the changes of the project itself
	// after a revision, the newest first, with what they replaced.
	ProjectSince(ctx context.Context, actor auth.Actor, project requirements.ProjectID, revision int64) (requirements.Project, []Change, error)
	// SpecificationsAt reads the specifications of a project that were live at a revision
	// and have a number after one, by number: as they are now, with what happened since.
	SpecificationsAt(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q AtQuery) ([]Since, error)
	// SpecificationsChanged reads the specifications of a project that changed after a
	// revision, by number: as they are now, with what happened since.
	SpecificationsChanged(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q AtQuery) ([]Since, error)

	// WalkHistory is requirements.Store.Walk with the history.
	WalkHistory(ctx context.Context, actor auth.Actor, visit Visitor) error

	// EraseHistory deletes what the versions of a specification up to one have replaced,
	// and EraseProjectHistory what the revisions of a project have, unless decide rejects
	// the baselines that could not be read without it.
	EraseHistory(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64, decide func(baselines []string) error) error
	EraseProjectHistory(ctx context.Context, actor auth.Actor, project requirements.ProjectID, before int64, decide func(baselines []string) error) error
	// RestoreInTx runs decide in one transaction, as requirements.Store.InTx does.
	RestoreInTx(ctx context.Context, actor auth.Actor, decide func(tx Tx) error) error

	// UpdateBaseline returns BaselineExists if the project has another baseline with the
	// name. Baselines of a project in the trash do not exist.
	Baseline(ctx context.Context, actor auth.Actor, baseline BaselineID) (Baseline, error)
	Baselines(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q page.Query) ([]Baseline, error)
	UpdateBaseline(ctx context.Context, actor auth.Actor, baseline BaselineID, p BaselinePatch) (Baseline, error)
	DeleteBaseline(ctx context.Context, actor auth.Actor, baseline BaselineID) error

	// Changes reads a page of the changes of a project.
	Changes(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q ChangeQuery) ([]Change, error)
	// Revisions reads the changes of a page of the revisions of a specification, the
	// newest first: those before a revision.
	Revisions(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64, limit int) ([]Change, error)
}

// Since is a specification as it is now, and what happened after some revision.
type Since struct {
	requirements.ItemList
	// Changes are those of the specification, the newest first, with what they replaced.
	Changes []Change
	// ProjectChanges are those of the project itself.
	ProjectChanges []Change
}

// ProjectSince is a locked project, and what happened after some revision.
type ProjectSince struct {
	Project requirements.Project
	// Changes are those of the project itself, the newest first.
	Changes []Change
	// Specifications are those that changed.
	Specifications []Since
	// At is the database's time after the locks were acquired.
	At time.Time
}

// AtQuery selects specifications at a revision.
type AtQuery struct {
	Revision int64
	// After is the number of the last one before the page.
	After, Limit int
	// Items includes the items.
	Items bool
}

// ChangeQuery selects one page of changes.
type ChangeQuery struct {
	// Since reads from the oldest change after this revision to the newest. Without it
	// the list begins with the newest.
	Since         *int64
	Specification *requirements.SpecificationID
	Actor         *auth.UserID
	Kind          *Kind
	// After is the change before the page; nil for the first page.
	After *Position
	Limit int
}

// Position is the place of a change in the history of its project.
type Position struct{ Revision, Number int64 }

// Cursor returns the position as the cursor of a page.
func (p Position) Cursor() page.Cursor {
	c := page.Cursor{Number: int(p.Revision)}
	for n := range 8 {
		c.ID[15-n] = byte(p.Number >> (8 * n)) //nolint:gosec // one byte of eight
	}
	return c
}

// PositionOf returns the position of a cursor.
func PositionOf(c page.Cursor) Position {
	p := Position{Revision: int64(c.Number)}
	for _, b := range c.ID[8:] {
		p.Number = p.Number<<8 | int64(b)
	}
	return p
}
