package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/text"
)

const (
	// MaxTokens is the maximum number of live API tokens of a user.
	MaxTokens = 50
	// DefaultTokenLifetime is the lifetime of a token whose creator sets none. The contract
	// has it, too.
	DefaultTokenLifetime = 90 * 24 * time.Hour
	// MaxTokenLifetime is the longest lifetime. The contract has it, too.
	MaxTokenLifetime = 366 * 24 * time.Hour

	maxTokenName = 100
)

// NewToken is what a caller sets of a new API token. ParseNewToken makes it.
type NewToken struct {
	name     string
	scopes   []Scope
	lifetime time.Duration
}

// ParseNewToken validates a new token; seconds is nil for DefaultTokenLifetime. The token
// of a bot cannot have the scope manage. It returns all field errors.
func ParseNewToken(name string, scopes []Scope, seconds *int64, ofBot bool) (NewToken, []problem.FieldError) {
	n := NewToken{name: strings.TrimSpace(name), lifetime: DefaultTokenLifetime}
	errs := checkLine("/name", n.name, maxTokenName)
	reject := func(pointer, code, format string, args ...any) {
		errs = append(errs, problem.FieldError{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	if len(scopes) == 0 {
		reject("/scopes", "too_short", "At least one scope is required.")
	}
	for at, s := range scopes {
		switch {
		case slices.Contains(n.scopes, s):
			reject(fmt.Sprintf("/scopes/%d", at), "repeated", "The scope %s occurs more than once.", s)
		case ofBot && s == ScopeManage:
			reject(fmt.Sprintf("/scopes/%d", at), "not_allowed", "The token of a bot cannot have the scope manage.")
		}
		n.scopes = append(n.scopes, s)
	}
	if seconds != nil {
		// The schema has bounded it, so the product does not overflow.
		n.lifetime = time.Duration(*seconds) * time.Second
	}
	return n, errs
}

// checkLine checks a name on one line.
func checkLine(pointer, name string, maximum int) (errs []problem.FieldError) {
	reject := func(code, format string, args ...any) {
		errs = append(errs, problem.FieldError{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	switch n := utf8.RuneCountInString(name); {
	case !text.HasVisible(name):
		reject("blank", "At least one visible character is required.")
	case n > maximum:
		reject("too_long", "At most %d characters are allowed; this has %d.", maximum, n)
	}
	if strings.ContainsFunc(name, func(c rune) bool { return !text.AllowedInLine(c) }) {
		reject("control_character", "Control characters and line separators are not allowed.")
	}
	return errs
}

// Tokens returns the actor's live tokens, from the newest to the oldest.
func (s *Service) Tokens(ctx context.Context, actor Actor) ([]APIToken, error) {
	return s.store.Tokens(ctx, actor, actor.User)
}

// CreateToken creates a token of the actor. It returns the token as text, which is stored
// nowhere. Its error is TokenLimit.
func (s *Service) CreateToken(ctx context.Context, actor Actor, n NewToken) (APIToken, string, error) {
	return s.createToken(ctx, actor, actor.User, n)
}

// RevokeToken revokes a live token of the actor. The next request with it is rejected, at
// every replica. A missing token is TokenNotFound.
func (s *Service) RevokeToken(ctx context.Context, actor Actor, token APITokenID) error {
	return s.revokeToken(ctx, actor, actor.User, token)
}

func (s *Service) createToken(ctx context.Context, actor Actor, owner UserID, n NewToken) (APIToken, string, error) {
	secret, credential, err := newAPIToken(owner)
	if err != nil {
		return APIToken{}, "", err
	}
	created, err := s.store.CreateToken(ctx, actor, NewAPIToken{
		APIToken: APIToken{ID: credential.ID, User: owner, Name: n.name, Scopes: n.scopes, Last4: secret[len(secret)-4:]},
		Hash:     credential.Hash, Lifetime: n.lifetime,
	}, actor.tokenEvent(TokenCreated, owner, credential.ID))
	return created, secret, err
}

func (s *Service) revokeToken(ctx context.Context, actor Actor, owner UserID, token APITokenID) error {
	return s.invalidateAfter(ctx, owner, func() error {
		return s.store.RevokeToken(ctx, actor, owner, token, actor.tokenEvent(TokenRevoked, owner, token))
	})
}

// tokenEvent returns an event about a token; its owner is a detail unless it is the actor.
func (a Actor) tokenEvent(action Action, owner UserID, token APITokenID) Event {
	e := Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "token", Resource: new(ResourceID(token)), From: a.From}
	if owner != a.User {
		e = e.with("bot", owner.String())
	}
	return e
}
