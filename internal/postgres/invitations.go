package postgres

import (
	"context"
	"time"

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
	role, err := s.readAs(ctx, actor,
		get(&parent, func(q *db.Queries) (db.GetProjectWithOwnerRow, error) {
			return q.GetProjectWithOwner(ctx, project, actor.Owner())
		}),
		get(&rows, func(q *db.Queries) ([]db.ListOpenInvitationsRow, error) {
			return q.ListOpenInvitations(ctx, actor.Owner(), project)
		}))
	return shownProject(parent, role), convertAll(rows, invitationOf), notFoundAs(problem.ProjectNotFound, err)
}

func invitationOf(row db.ListOpenInvitationsRow) members.Invitation {
	return members.Invitation{
		ID: row.ID, Owner: row.OwnerID, Project: row.ProjectID, Role: requirements.Role(row.Role), Email: row.Email,
		CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(),
	}
}

// LockInvitations implements members.Tx.
func (t *membersTx) LockInvitations(ctx context.Context, project requirements.ProjectID) (requirements.Project, []members.Invitation, time.Time, error) {
	var rows []db.ListOpenInvitationsRow
	locked, at, err := t.lockProject(ctx, project, get(&rows, func(q *db.Queries) ([]db.ListOpenInvitationsRow, error) {
		return q.ListOpenInvitations(ctx, t.actor.Owner(), project)
	}))
	return locked, convertAll(rows, invitationOf), at, err
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
func (t *membersTx) Withdraw(ctx context.Context, i members.Invitation, at time.Time) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.WithdrawInvitation(ctx, db.WithdrawInvitationParams{OwnerID: i.Owner, ID: i.ID, WithdrawnAt: at})
	})
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
		if err := t.readAndCommit(ctx, listShared(ctx, &found, "AND id = $1", *project)); err != nil {
			return err
		}
		for _, f := range found {
			accepted = f.Project
		}
		return nil
	})
	return accepted, err
}
