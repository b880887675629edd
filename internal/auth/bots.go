package auth

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// MaxBots is the maximum number of bots of a person.
const MaxBots = 20

// BotIssuer is the issuer of bots. No provider has it, and the store accepts it for bots
// only, so a bot cannot sign in.
const BotIssuer = "codegenapp"

// IsBot reports whether the user is a bot.
func (u User) IsBot() bool { return u.ManagedBy != nil }

// Bots returns the actor's bots, from the newest to the oldest.
func (s *Service) Bots(ctx context.Context, actor Actor) ([]User, error) {
	return s.store.Bots(ctx, actor)
}

// CreateBot creates a bot of the actor. Its errors are BotLimit and, for a bot,
// PermissionDenied.
func (s *Service) CreateBot(ctx context.Context, actor Actor, name Name) (User, error) {
	bot := id.New[User]()
	return s.store.CreateBot(ctx, actor, bot, name, actor.botEvent(BotCreated, bot))
}

// RenameBot sets the name of a bot of the actor; nil leaves it as it is. A missing bot is
// BotNotFound.
func (s *Service) RenameBot(ctx context.Context, actor Actor, bot UserID, name *Name) (User, error) {
	return s.store.RenameBot(ctx, actor, bot, name)
}

// DeleteBot deletes a bot of the actor, with its tokens and memberships. A missing bot is
// BotNotFound.
func (s *Service) DeleteBot(ctx context.Context, actor Actor, bot UserID) error {
	return s.invalidateAfter(ctx, bot, func() error {
		return s.store.DeleteBot(ctx, actor, bot, actor.botEvent(BotDeleted, bot))
	})
}

// BotTokens is Tokens for a bot of the actor. A missing bot is BotNotFound.
func (s *Service) BotTokens(ctx context.Context, actor Actor, bot UserID) ([]APIToken, error) {
	if err := s.checkOther(ctx, actor, bot, problem.BotNotFound); err != nil {
		return nil, err
	}
	return s.store.Tokens(ctx, actor, bot)
}

// CreateBotToken is CreateToken for a bot of the actor. A missing bot is BotNotFound.
func (s *Service) CreateBotToken(ctx context.Context, actor Actor, bot UserID, n NewToken) (APIToken, string, error) {
	if err := s.checkOther(ctx, actor, bot, problem.BotNotFound); err != nil {
		return APIToken{}, "", err
	}
	return s.createToken(ctx, actor, bot, n)
}

// RevokeBotToken is RevokeToken for a bot of the actor.
func (s *Service) RevokeBotToken(ctx context.Context, actor Actor, bot UserID, token APITokenID) error {
	if err := s.checkOther(ctx, actor, bot, problem.TokenNotFound); err != nil {
		return err
	}
	return s.revokeToken(ctx, actor, bot, token)
}

// checkOther rejects the actor in place of a bot: a token with the scope manage must not
// create tokens of its own user, which needs a session.
func (s *Service) checkOther(ctx context.Context, actor Actor, bot UserID, missing problem.Code) error {
	if bot != actor.User {
		return nil
	}
	if err := s.store.CheckSession(ctx, actor); err != nil {
		return err
	}
	return problem.NotFound(missing)
}

// botEvent returns an event about a bot.
func (a Actor) botEvent(action Action, bot UserID) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "bot", Resource: new(ResourceID(bot)), From: a.From}
}

// CheckNewBot decides whether a user with so many bots may have another.
func CheckNewBot(owner User, bots int) error {
	switch {
	case owner.IsBot():
		return problem.New(problem.PermissionDenied, "A bot has no bots. The person that it belongs to can create them.")
	case bots >= MaxBots:
		return problem.New(problem.BotLimit, "You have %d bots, the most that one person may have. Delete one first.", bots)
	default:
		return nil
	}
}

// CheckNewToken decides whether a user with so many live tokens may have another.
func CheckNewToken(tokens int) error {
	if tokens >= MaxTokens {
		return problem.New(problem.TokenLimit, "There are %d live tokens, the most that one person or bot may have. Revoke one first.", tokens)
	}
	return nil
}
