package history

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// BaselineID identifies a baseline.
type BaselineID = id.Of[Baseline]

// Baseline is a name for a revision of a project. The history that it needs does not
// expire. The JSON names are those of saved responses (see
// [requirements.IdempotentRequest]) and never change.
type Baseline struct {
	ID          BaselineID             `json:"ID"`
	Owner       auth.UserID            `json:"Owner"`
	Project     requirements.ProjectID `json:"Project"`
	Name        string                 `json:"Name"`
	Description string                 `json:"Description"`
	Revision    int64                  `json:"Revision"`
	// Digest identifies the content of the project at the revision, see [Digester].
	Digest    string    `json:"Digest"`
	CreatedBy Actor     `json:"CreatedBy"`
	CreatedAt time.Time `json:"CreatedAt"`
}

// The maximum lengths of a baseline's texts, in code points.
const (
	maxBaselineName        = 100
	maxBaselineDescription = 5000
)

// NewBaseline is the validated input for a baseline.
type NewBaseline struct {
	name, description string
	revision          *int64
}

// ParseNewBaseline validates a name and a description. A revision of nil is now. It
// returns all field errors.
func ParseNewBaseline(name, description string, revision *int64) (n NewBaseline, errs []problem.FieldError) {
	n.name = requirements.ParseTitle("/name", name, maxBaselineName, &errs)
	n.description = requirements.ParseText("/description", description, maxBaselineDescription, &errs)
	n.revision = revision
	return n, errs
}

// BaselinePatch is a validated change of a baseline. A nil field stays as it is.
type BaselinePatch struct{ Name, Description *string }

// ParseBaselinePatch validates the fields that are present. It returns all field errors.
func ParseBaselinePatch(name, description *string) (p BaselinePatch, errs []problem.FieldError) {
	if name != nil {
		p.Name = new(requirements.ParseTitle("/name", *name, maxBaselineName, &errs))
	}
	if description != nil {
		p.Description = new(requirements.ParseText("/description", *description, maxBaselineDescription, &errs))
	}
	return p, errs
}

// CreateBaseline names a revision of a live project, or returns BaselineExists. The digest
// is computed before the transaction, so a saved response is looked for before that.
func (s *Service) CreateBaseline(ctx context.Context, actor auth.Actor, project requirements.ProjectID, request requirements.IdempotentRequest, n NewBaseline) (requirements.Created[Baseline], error) {
	inTx := func(decide func(Tx) error) error { return s.store.RestoreInTx(ctx, actor, decide) }
	if saved, err := requirements.Replay(ctx, inTx, request, Baseline{}); err != nil || saved.Replayed {
		return saved, err
	}
	if err := s.checkProject(ctx, actor, project, nil); err != nil {
		return requirements.Created[Baseline]{}, err
	}
	revision, digest, err := s.Digest(ctx, actor, project, Point{Revision: n.revision})
	if err != nil {
		return requirements.Created[Baseline]{}, err
	}
	return requirements.CreateOnce(ctx, inTx, request, Baseline{}, func(tx Tx) (Baseline, time.Time, error) {
		parent, _, err := tx.LockProject(ctx, project)
		if err == nil && parent.DeletedAt != nil {
			err = problem.NotFound(problem.ProjectNotFound)
		}
		if err != nil {
			return Baseline{}, time.Time{}, err
		}
		made, err := tx.InsertBaseline(ctx, Baseline{
			ID: id.New[Baseline](), Owner: actor.Owner(), Project: project, Name: n.name, Description: n.description, Revision: revision, Digest: digest,
		})
		return made, made.CreatedAt, err
	})
}

// digestPage is how many specifications a digest reads at a time.
const digestPage = 20

// Digest returns the revision that a point names, and the digest of the project then.
func (s *Service) Digest(ctx context.Context, actor auth.Actor, project requirements.ProjectID, p Point) (int64, string, error) {
	at, then, err := s.resolveLive(ctx, actor, project, p)
	if err != nil {
		return 0, "", err
	}
	digester := NewDigester(then.Title, then.Description)
	q := AtQuery{Revision: at.Revision, Limit: digestPage, Items: true}
	for {
		rows, err := s.store.SpecificationsAt(ctx, actor, project, q)
		if err != nil {
			return 0, "", err
		}
		for _, row := range rows {
			state, err := row.rewind(Point{})
			if err != nil {
				return 0, "", err
			}
			digester.Add(state.ItemList)
			q.After = state.Specification.Number
		}
		if len(rows) < digestPage {
			return at.Revision, digester.Sum(), nil
		}
	}
}

// Baselines returns one page of the baselines of a live project, the newest first.
func (s *Service) Baselines(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q page.Query) (page.Page[Baseline], error) {
	if err := s.checkProject(ctx, actor, project, nil); err != nil {
		return page.Page[Baseline]{}, err
	}
	q = q.Newest()
	limit := q.Limit
	q.Limit++
	rows, err := s.store.Baselines(ctx, actor, project, q)
	return page.Cut(rows, limit, func(b Baseline) page.Cursor { return page.Cursor{Time: b.CreatedAt, ID: b.ID} }), err
}

// Baseline returns a baseline of a live project.
func (s *Service) Baseline(ctx context.Context, actor auth.Actor, baseline BaselineID) (Baseline, error) {
	return s.store.Baseline(ctx, actor, baseline)
}

// PatchBaseline changes name and description of a baseline, or returns BaselineExists.
func (s *Service) PatchBaseline(ctx context.Context, actor auth.Actor, baseline BaselineID, p BaselinePatch) (Baseline, error) {
	return s.store.UpdateBaseline(ctx, actor, baseline, p)
}

// DeleteBaseline deletes a baseline. The revision stays.
func (s *Service) DeleteBaseline(ctx context.Context, actor auth.Actor, baseline BaselineID) error {
	return s.store.DeleteBaseline(ctx, actor, baseline)
}
