package requirements

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// Limits are the largest numbers of live things that one parent holds.
type Limits struct {
	ProjectsPerUser, SpecificationsPerProject, ItemsPerSpecification int
}

// Service is what the API asks for.
type Service struct {
	store  Store
	limits Limits
}

// NewService returns the rules over a store.
func NewService(store Store, limits Limits) *Service {
	return &Service{store: store, limits: limits}
}

// Export shows visit everything that the actor owns, trash and all.
func (s *Service) Export(ctx context.Context, actor auth.Actor, visit Visitor) error {
	return s.store.Walk(ctx, actor, visit)
}
