package postgres_test

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/outline"
)

func readOperations() map[string]operation {
	all := map[string]operation{
		"CheckSession": {do: func(ctx context.Context, s *stage) error { return s.store.CheckSession(ctx, s.actor) }},
		"User":         {do: func(ctx context.Context, s *stage) error { _, err := s.store.User(ctx, s.actor); return err }},
		"Sessions":     {do: func(ctx context.Context, s *stage) error { _, err := s.store.Sessions(ctx, s.actor); return err }},
		"Project": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.Project(ctx, s.actor, s.live)
			return err
		}},
		"Specification": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.Specification(ctx, s.actor, s.spec)
			return err
		}},
		"Items": {do: func(ctx context.Context, s *stage) error {
			_, _, err := s.outline.Items(ctx, s.actor, s.spec)
			return err
		}},
		"Item": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.Item(ctx, s.actor, s.items[0])
			return err
		}},
	}
	for name, q := range projectQueries() {
		all["Projects "+name] = operation{do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.Projects(ctx, s.actor, q)
			return err
		}}
	}
	for name, q := range specificationQueries() {
		all["Specifications "+name] = operation{do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.Specifications(ctx, s.actor, s.live, q)
			return err
		}}
	}
	return all
}

// projectQueries are all orders of the list of projects, each with its first
// and a later page; specificationQueries are those of specifications.
func projectQueries() map[string]outline.ListQuery {
	return queries(outline.ByCreatedAt, outline.ByUpdatedAt, outline.ByTitle)
}

func specificationQueries() map[string]outline.ListQuery {
	return queries(outline.ByNumber, outline.ByCreatedAt, outline.ByUpdatedAt, outline.ByTitle)
}

func queries(columns ...outline.Column) map[string]outline.ListQuery {
	all := map[string]outline.ListQuery{}
	for _, column := range columns {
		for _, descending := range []bool{false, true} {
			name := "by " + string(column)
			if descending {
				name += " descending"
			}
			order := outline.Order{Column: column, Descending: descending}
			all[name+", first page"] = outline.ListQuery{Order: order, Limit: 20}
			all[name+", later page"] = outline.ListQuery{Order: order, Limit: 20, After: &outline.Cursor{Text: "m"}}
		}
	}
	return all
}
