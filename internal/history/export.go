package history

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Visitor receives what a user owns with its history: each project, its specifications,
// its baselines, and then its changes with what they replaced, from the oldest to the
// newest. An error ends the walk.
type Visitor interface {
	requirements.Visitor

	Baseline(b Baseline) error
	Change(c Change) error
}

// Export calls visit for everything that the actor owns, including the trash.
func (s *Service) Export(ctx context.Context, actor auth.Actor, visit Visitor) error {
	return s.store.WalkHistory(ctx, actor, visit)
}
