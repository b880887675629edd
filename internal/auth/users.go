package auth

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// maxName is the greatest length of a user's name in code points.
const maxName = 200

// Name is what a user wants to be called: 1 to 200 characters after trimming,
// on one line.
type Name struct{ text string }

// ParseName checks a name. It returns every violation it finds.
func ParseName(s string) (Name, []problem.FieldError) {
	s = strings.TrimSpace(s)
	var faults []problem.FieldError
	refuse := func(code, format string, args ...any) {
		faults = append(faults, problem.FieldError{Pointer: "/name", Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		refuse("blank", "This must hold at least one character that is not white space.")
	case n > maxName:
		refuse("too_long", "At most %d characters are allowed; these are %d.", maxName, n)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		refuse("control_character", "Control characters are not allowed.")
	}
	return Name{s}, faults
}

// String is the name.
func (n Name) String() string { return n.text }

// Me returns the actor's own profile.
func (s *Service) Me(ctx context.Context, actor Actor) (User, error) {
	return s.store.User(ctx, actor)
}

// Rename sets the actor's name; nil leaves it.
func (s *Service) Rename(ctx context.Context, actor Actor, name *Name) (User, error) {
	if name == nil {
		return s.store.User(ctx, actor)
	}
	return s.store.Rename(ctx, actor, *name)
}

// NoteExport keeps in the audit that the actor takes everything out. It comes
// first, so that nothing leaves untold.
func (s *Service) NoteExport(ctx context.Context, actor Actor) error {
	return s.store.Record(ctx, actor.aboutUser(UserExported, actor.User))
}

// DeleteAccount removes the actor's account with everything in it, and ends all
// its sessions. The same person may sign in again, as somebody new.
func (s *Service) DeleteAccount(ctx context.Context, actor Actor) error {
	return s.invalidateAfter(ctx, actor.User, func() error {
		return s.store.DeleteAccount(ctx, actor, actor.aboutUser(UserDeleted, actor.User))
	})
}
