package members

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// BotState is a bot of the owner of a locked project.
type BotState struct {
	Name string
	// IsMember is true if the bot is a member of the project, which has Members.
	IsMember bool
	Members  int
}

// check returns nil if the bot can become a member; the state is nil without such a bot.
func (b *BotState) check(limits Limits) error {
	switch {
	case b == nil:
		return problem.NotFound(problem.BotNotFound)
	case b.IsMember:
		return problem.New(problem.AlreadyMember, "The bot is a member of this project already.")
	case b.Members >= limits.PerProject:
		return problem.New(problem.MemberLimit, "A project can have at most %d members; this one has no room left.", limits.PerProject)
	default:
		return nil
	}
}

// AddBot makes one of the actor's bots a member of a project of the actor.
func (s *Service) AddBot(ctx context.Context, actor auth.Actor, project requirements.ProjectID, bot auth.UserID, role requirements.Role) (added Member, err error) {
	err = s.store.MembersInTx(ctx, actor, func(tx Tx) error {
		locked, found, at, err := tx.LockBot(ctx, project, bot)
		if err != nil {
			return err
		}
		if err := checkOwner(locked); err != nil {
			return err
		}
		if err := found.check(s.limits); err != nil {
			return err
		}
		added = Member{User: bot, Name: found.Name, Bot: true, Role: role, Since: at}
		if err := tx.AddBot(ctx, locked, bot, role, at); err != nil {
			return err
		}
		return tx.Audit(ctx, event(actor, auth.MemberAdded, project, locked.Owner, map[string]string{
			"user_id": bot.String(), "role": string(role),
		}))
	})
	return added, err
}
