package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Members implements members.Store.
func (s *Store) Members(ctx context.Context, actor auth.Actor, project requirements.ProjectID) (requirements.Project, []members.Member, error) {
	var parent db.GetProjectWithOwnerRow
	var rows []db.ListMembersRow
	role, err := s.readAs(ctx, actor,
		get(&parent, func(q *db.Queries) (db.GetProjectWithOwnerRow, error) {
			return q.GetProjectWithOwner(ctx, project, actor.Owner())
		}),
		get(&rows, func(q *db.Queries) ([]db.ListMembersRow, error) { return q.ListMembers(ctx, actor.Owner(), project) }))
	return shownProject(parent, role), convertAll(rows, memberOf), notFoundAs(problem.ProjectNotFound, err)
}

func memberOf(row db.ListMembersRow) members.Member {
	return members.Member{User: row.UserID, Name: row.Name, Bot: row.Bot, Role: requirements.Role(row.Role), Since: row.CreatedAt.UTC()}
}

// Leave implements members.Store. A membership belongs to the scope of the member, not to
// that of the project.
func (s *Store) Leave(ctx context.Context, actor auth.Actor, project requirements.ProjectID, eventOf func(owner auth.UserID) auth.Event) error {
	actor.At = auth.Location{}
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		var owner auth.UserID
		var own db.GetProjectWithOwnerRow
		err := t.read(ctx,
			get(&own, func(q *db.Queries) (db.GetProjectWithOwnerRow, error) {
				row, err := q.GetProjectWithOwner(ctx, project, actor.User)
				if errors.Is(err, pgx.ErrNoRows) {
					err = nil
				}
				return row, err
			}),
			get(&owner, func(q *db.Queries) (auth.UserID, error) { return q.LeaveProject(ctx, actor.User, project) }))
		switch {
		case err == nil:
			return t.audit(ctx, eventOf(owner))
		case own.Project.ID.IsZero() || own.Project.Trashed:
			return notFoundAs(problem.ProjectNotFound, err)
		default:
			return notFoundAs(problem.MemberNotFound, err)
		}
	})
}

// MembersInTx implements members.Store.
func (s *Store) MembersInTx(ctx context.Context, actor auth.Actor, work func(members.Tx) error) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		return work(&membersTx{&requirementsTx{tx: t, actor: actor}})
	})
}

// membersTx implements members.Tx.
type membersTx struct{ *requirementsTx }

// Audit implements members.Tx.
func (t *membersTx) Audit(ctx context.Context, e auth.Event) error { return t.audit(ctx, e) }

// LockMember implements members.Tx.
func (t *membersTx) LockMember(ctx context.Context, project requirements.ProjectID, user auth.UserID) (requirements.Project, *members.Member, time.Time, error) {
	var rows []db.ListMemberRow
	locked, at, err := t.lockProject(ctx, project, get(&rows, func(q *db.Queries) ([]db.ListMemberRow, error) {
		return q.ListMember(ctx, db.ListMemberParams{OwnerID: t.actor.Owner(), ProjectID: project, UserID: user})
	}))
	if err != nil || len(rows) == 0 {
		return locked, nil, at, err
	}
	return locked, new(memberOf(db.ListMembersRow(rows[0]))), at, nil
}

// LockBot implements members.Tx.
func (t *membersTx) LockBot(ctx context.Context, project requirements.ProjectID, bot auth.UserID) (requirements.Project, *members.BotState, time.Time, error) {
	var rows []db.GetBotStateRow
	locked, at, err := t.lockProject(ctx, project, get(&rows, func(q *db.Queries) ([]db.GetBotStateRow, error) {
		return q.GetBotState(ctx, db.GetBotStateParams{OwnerID: t.actor.Owner(), ProjectID: project, BotID: bot})
	}))
	if err != nil || len(rows) == 0 {
		return locked, nil, at, err
	}
	return locked, &members.BotState{Name: rows[0].Name, IsMember: rows[0].IsMember, Members: int(rows[0].Members)}, at, nil
}

// AddBot implements members.Tx.
func (t *membersTx) AddBot(ctx context.Context, p requirements.Project, bot auth.UserID, role requirements.Role, at time.Time) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.AddBot(ctx, db.AddBotParams{ProjectID: uuidOf(p.ID), BotID: uuidOf(bot), Role: string(role), At: at})
	})
}

// SetRole implements members.Tx.
func (t *membersTx) SetRole(ctx context.Context, p requirements.Project, user auth.UserID, role requirements.Role) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.SetMemberRole(ctx, db.SetMemberRoleParams{OwnerID: p.Owner, ProjectID: p.ID, UserID: user, Role: string(role)})
	})
}

// Remove implements members.Tx.
func (t *membersTx) Remove(ctx context.Context, p requirements.Project, user auth.UserID, at time.Time) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.RemoveMember(ctx, db.RemoveMemberParams{OwnerID: p.Owner, ProjectID: p.ID, UserID: user, RemovedAt: at})
	})
}

// sharedProject is a project that is shared with the user of the scope.
type sharedProject struct {
	Project requirements.Project
	// Since is when the membership began.
	Since time.Time
}

// selectShared selects what sharedProjectOf reads. A function has no collation; titles are
// ordered by code points everywhere.
const selectShared = `
SELECT id, owner_id, title, description, specification_count, next_specification_number, version, created_at, updated_at, revision, owner_name, role, since
FROM   (SELECT id, owner_id, title COLLATE "C" AS title, description, specification_count, next_specification_number, version, created_at, updated_at, revision, owner_name, role, since
        FROM   shared_projects()) AS p
WHERE  true `

func sharedProjectOf(row pgx.CollectableRow) (s sharedProject, err error) {
	p := &s.Project
	err = row.Scan(&p.ID, &p.Owner, &p.Title, &p.Description, &p.SpecificationCount, &p.NextSpecificationNumber, &p.Version,
		&p.CreatedAt, &p.UpdatedAt, &p.Revision, &p.OwnerName, &p.Role, &s.Since)
	p.CreatedAt, p.UpdatedAt, s.Since = p.CreatedAt.UTC(), p.UpdatedAt.UTC(), s.Since.UTC()
	return s, err
}

// listShared is the query for projects that are shared with the user of the scope; more is
// the end of the statement.
func listShared(ctx context.Context, to *[]sharedProject, more string, args ...any) query {
	return func(q *db.Queries) error {
		rows, err := q.DB().Query(ctx, selectShared+more, args...)
		if err != nil {
			return err
		}
		*to, err = pgx.CollectRows(rows, sharedProjectOf)
		return err
	}
}

// sharedProjects reads one page of the projects that are shared with the actor.
func (s *Store) sharedProjects(ctx context.Context, actor auth.Actor, list requirements.ListQuery) ([]requirements.Project, error) {
	more, args := pageOf(list, "", nil)
	var rows []sharedProject
	err := s.read(ctx, actor, listShared(ctx, &rows, more, args...))
	return convertAll(rows, func(row sharedProject) requirements.Project { return row.Project }), err
}
