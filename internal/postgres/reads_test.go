package postgres_test

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// everything is a page that holds all that a test has made.
var everything = page.Query{After: &page.Cursor{Time: time.Now().AddDate(1, 0, 0)}, Limit: 51}

// promote makes the actor an admin.
func promote(ctx context.Context, s *stage) error {
	_, err := connect(s.t, s.Super).Exec(ctx, "UPDATE users SET role = 'admin' WHERE id = $1", s.actor.User)
	return err
}

func (s *stage) events(ctx context.Context, q auth.EventQuery) error {
	_, err := s.store.Events(ctx, auth.PrivilegedActor{Actor: s.actor, Permission: auth.ReadEvents}, q)
	return err
}

func readOperations() map[string]operation {
	all := map[string]operation{
		"CheckStaff": {before: promote, do: func(ctx context.Context, s *stage) error {
			return s.store.Authorize(ctx, auth.PrivilegedActor{Actor: s.actor, Permission: auth.ReadUsers})
		}},
		"Users": {before: promote, do: func(ctx context.Context, s *stage) error {
			_, err := s.store.Users(ctx, auth.PrivilegedActor{Actor: s.actor, Permission: auth.ReadUsers}, auth.UserQuery{Query: everything})
			return err
		}},
		"Events": {before: promote, do: func(ctx context.Context, s *stage) error {
			return s.events(ctx, auth.EventQuery{Query: everything})
		}},
		"Events of an actor": {before: promote, do: func(ctx context.Context, s *stage) error {
			return s.events(ctx, auth.EventQuery{Query: everything, Actor: &s.actor.User})
		}},
		"Events of a kind": {before: promote, do: func(ctx context.Context, s *stage) error {
			return s.events(ctx, auth.EventQuery{Query: everything, Action: new("session.created")})
		}},
		"Events of a time": {before: promote, do: func(ctx context.Context, s *stage) error {
			return s.events(ctx, auth.EventQuery{Query: everything, Since: time.Now().AddDate(0, 0, -1)})
		}},
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
func projectQueries() map[string]requirements.ListQuery {
	return queries(page.ByCreatedAt, page.ByUpdatedAt, page.ByTitle)
}

func specificationQueries() map[string]requirements.ListQuery {
	return queries(page.ByNumber, page.ByCreatedAt, page.ByUpdatedAt, page.ByTitle)
}

func queries(columns ...page.Column) map[string]requirements.ListQuery {
	all := map[string]requirements.ListQuery{}
	for _, column := range columns {
		for _, descending := range []bool{false, true} {
			name := "by " + string(column)
			if descending {
				name += " descending"
			}
			order := page.Order{Column: column, Descending: descending}
			all[name+", first page"] = requirements.ListQuery{Query: page.Query{Order: order, Limit: 20}}
			all[name+", later page"] = requirements.ListQuery{Query: page.Query{Order: order, Limit: 20, After: &page.Cursor{Text: "m"}}}
		}
	}
	return all
}
