// Package requirements holds the business rules of projects, their
// specifications, and the ordered items of a specification: limits, versions,
// order, and the trash.
//
// It depends on neither HTTP nor SQL. It needs storage through [Store], which package
// postgres implements. Every change has three steps: lock and read, decide in a
// pure function, write. A decision covers the parents as well: the pure function
// returns what becomes of them.
package requirements

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// Limits are the maximum numbers of live children of one parent.
type Limits struct {
	ProjectsPerUser, SpecificationsPerProject, ItemsPerSpecification int
}

// Service executes the use cases of the API.
type Service struct {
	store  Store
	limits Limits
}

// NewService returns the service over a store.
func NewService(store Store, limits Limits) *Service {
	return &Service{store: store, limits: limits}
}

// Limits returns the maximum numbers of live children.
func (s *Service) Limits() Limits { return s.limits }

// Export calls visit for everything that the actor owns, including the trash.
func (s *Service) Export(ctx context.Context, actor auth.Actor, visit Visitor) error {
	return s.store.Walk(ctx, actor, visit)
}
