package postgres_test

import (
	"context"
	"maps"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// joined is all operations of both tables.
func joined(a, b map[string]operation) map[string]operation {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// sharing is the rules of members over the store of the tenant.
func (f *fixture) sharing() *members.Service {
	return members.NewService(f.store, members.Limits{PerProject: 10_000, PerUser: 10_000, Invitations: 10_000})
}

// invite creates an invitation to a project and returns its secret.
func (f *fixture) invite(ctx context.Context, owner auth.Actor, project requirements.ProjectID) (members.InvitationID, string, error) {
	n, _ := members.ParseNewInvitation("viewer", nil)
	made, secret, err := f.sharing().Invite(ctx, owner, project, n)
	return made.ID, secret, err
}

// share makes a user a member of a project.
func (f *fixture) share(ctx context.Context, owner auth.Actor, project requirements.ProjectID, user auth.Actor) error {
	_, secret, err := f.invite(ctx, owner, project)
	if err == nil {
		_, err = f.sharing().Accept(ctx, user, secret)
	}
	return err
}

// withMember makes a new user a member of the live project.
func withMember(ctx context.Context, s *tenant) error {
	s.spare = s.signUp()
	return s.share(ctx, s.actor, s.live, s.spare)
}

// memberWrites are the writes of members and invitations.
var memberWrites = map[string]operation{
	"ChangeRole": {before: withMember, do: func(ctx context.Context, s *tenant) error {
		_, err := s.sharing().ChangeRole(ctx, s.actor, s.live, s.spare.User, requirements.RoleEditor)
		return err
	}},
	"Remove": {before: withMember, do: func(ctx context.Context, s *tenant) error {
		return s.sharing().Remove(ctx, s.actor, s.live, s.spare.User)
	}},
	"Remove oneself": {
		before: func(ctx context.Context, s *tenant) error {
			s.spare = s.signUp()
			s.shared = s.project(s.spare).ID
			return s.share(ctx, s.spare, s.shared, s.actor)
		},
		do: func(ctx context.Context, s *tenant) error {
			return s.sharing().Remove(ctx, s.actor, s.shared, s.actor.User)
		},
	},
	"Invite": {do: func(ctx context.Context, s *tenant) error {
		_, _, err := s.invite(ctx, s.actor, s.live)
		return err
	}},
	"Withdraw": {
		before: func(ctx context.Context, s *tenant) (err error) {
			s.invitation, _, err = s.invite(ctx, s.actor, s.live)
			return err
		},
		do: func(ctx context.Context, s *tenant) error {
			return s.sharing().Withdraw(ctx, s.actor, s.live, s.invitation)
		},
	},
	"Accept": {
		before: func(ctx context.Context, s *tenant) (err error) {
			s.spare = s.signUp()
			_, s.secret, err = s.invite(ctx, s.spare, s.project(s.spare).ID)
			return err
		},
		do: func(ctx context.Context, s *tenant) error {
			_, err := s.sharing().Accept(ctx, s.actor, s.secret)
			return err
		},
	},
}

// memberReads are the reads of members and invitations.
func memberReads() map[string]operation {
	all := map[string]operation{
		"Members": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.sharing().Members(ctx, s.actor, s.live)
			return err
		}},
		"Invitations": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.sharing().Invitations(ctx, s.actor, s.live)
			return err
		}},
	}
	for name, q := range projectQueries() {
		q.Shared = true
		all["Projects shared, "+name] = operation{do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Projects(ctx, s.actor, q)
			return err
		}}
	}
	return all
}
