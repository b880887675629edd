package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Invitations implements members.Store.
func (s *Store) Invitations(ctx context.Context, actor auth.Actor, project requirements.ProjectID) (requirements.Project, []members.Invitation, error) {
	var parent db.GetProjectWithOwnerRow
	var rows []db.ListOpenInvitationsRow
	err := s.read(ctx, actor,
		get(&parent, func(q *db.Queries) (db.GetProjectWithOwnerRow, error) {
			return q.GetProjectWithOwner(ctx, project, actor.User)
		}),
		get(&rows, func(q *db.Queries) ([]db.ListOpenInvitationsRow, error) {
			return q.ListOpenInvitations(ctx, actor.User, project)
		}))
	return shownProject(parent), convertAll(rows, func(row db.ListOpenInvitationsRow) members.Invitation {
		return members.Invitation{
			ID: row.ID, Owner: actor.User, Project: row.ProjectID, Role: requirements.Role(row.Role), Email: row.Email,
			CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(),
		}
	}), notFoundAs(problem.ProjectNotFound, err)
}

// CountInvitations implements members.Tx.
func (t *membersTx) CountInvitations(ctx context.Context, p requirements.Project) (int, error) {
	var open int64
	err := t.read(ctx, get(&open, func(q *db.Queries) (int64, error) { return q.CountOpenInvitations(ctx, p.Owner, p.ID) }))
	return int(open), err
}

// InsertInvitation implements members.Tx.
func (t *membersTx) InsertInvitation(ctx context.Context, i members.Invitation, hash [32]byte) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertInvitation(ctx, db.InsertInvitationParams{
			OwnerID: i.Owner, ID: i.ID, ProjectID: i.Project, Role: string(i.Role), Email: i.Email, Hash: hash[:],
			CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
		})
	})
}

// Withdraw implements members.Tx.
func (t *membersTx) Withdraw(ctx context.Context, p requirements.Project, invitation members.InvitationID) error {
	var withdrawn members.InvitationID
	err := t.read(ctx, get(&withdrawn, func(q *db.Queries) (members.InvitationID, error) {
		return q.WithdrawInvitation(ctx, db.WithdrawInvitationParams{OwnerID: p.Owner, ProjectID: p.ID, ID: invitation})
	}))
	return notFoundAs(problem.InvitationNotFound, err)
}

// Accept implements members.Store. A function of the schema decides, because the actor
// cannot read what is the owner's.
func (s *Store) Accept(ctx context.Context, actor auth.Actor, hash [32]byte, limits members.Limits, decide func(members.Outcome, members.Invitation) (auth.Event, error)) (accepted requirements.Project, err error) {
	err = s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		var outcome members.Outcome
		var owner *auth.UserID
		var project *requirements.ProjectID
		var invitation *members.InvitationID
		var role *requirements.Role
		var found []sharedProject
		err := t.read(ctx, func(q *db.Queries) error {
			return q.DB().QueryRow(ctx, "SELECT outcome, owner_id, project_id, invitation_id, role FROM accept_invitation($1, $2, $3)", hash[:], limits.PerProject, limits.PerUser).
				Scan(&outcome, &owner, &project, &invitation, &role)
		})
		if err != nil {
			return err
		}
		event, err := decide(outcome, members.Invitation{ID: orZero(invitation), Owner: orZero(owner), Project: orZero(project), Role: orZero(role)})
		if err != nil {
			return err
		}
		if err := t.audit(ctx, event); err != nil {
			return err
		}
		if err := t.read(ctx, listShared(ctx, &found, "AND id = $1", *project)); err != nil {
			return err
		}
		for _, f := range found {
			accepted = f.Project
		}
		return nil
	})
	return accepted, err
}
