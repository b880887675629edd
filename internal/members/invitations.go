package members

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

const (
	// InvitationTTL is how long an invitation can be accepted.
	InvitationTTL = 7 * 24 * time.Hour
	// maxEmail is the maximum length of an e-mail address in code points (RFC 5321).
	maxEmail = 254
)

// InvitationID identifies an invitation.
type InvitationID = id.Of[Invitation]

// Invitation lets one user become a member of a project. Its secret is shown once.
type Invitation struct {
	ID      InvitationID
	Owner   auth.UserID
	Project requirements.ProjectID
	Role    requirements.Role
	// Email is the verified address of the user who may accept it, in lower case; nil for
	// every user who has the secret.
	Email                *string
	CreatedAt, ExpiresAt time.Time
}

// NewInvitation is the validated input for an invitation.
type NewInvitation struct {
	role  requirements.Role
	email *string
}

// ParseNewInvitation validates a role and an address, which may be nil. It returns all
// field errors.
func ParseNewInvitation(role string, email *string) (NewInvitation, []problem.FieldError) {
	var n NewInvitation
	var errs []problem.FieldError
	n.role, errs = ParseRole(role)
	if email != nil {
		address := strings.ToLower(strings.TrimSpace(*email))
		n.email = &address
		if !isAddress(address) {
			errs = append(errs, problem.FieldError{Pointer: "/email", Code: "wrong_format", Detail: "This must be an e-mail address, such as ann@example.com."})
		}
		if count := utf8.RuneCountInString(address); count > maxEmail {
			errs = append(errs, problem.FieldError{Pointer: "/email", Code: "too_long", Detail: "At most 254 characters are allowed."})
		}
	}
	return n, errs
}

// isAddress reports whether a text looks like an e-mail address. Only the sign-in proves
// that there is such an address.
func isAddress(text string) bool {
	local, domain, found := strings.Cut(text, "@")
	return found && local != "" && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) })
}

// Invitations returns the open invitations to a project, from the newest to the oldest.
// Only the owner may read them.
func (s *Service) Invitations(ctx context.Context, actor auth.Actor, project requirements.ProjectID) ([]Invitation, error) {
	found, open, err := s.store.Invitations(ctx, actor, project)
	if err != nil {
		return nil, err
	}
	return open, checkOwner(found)
}

// Invite creates an invitation and returns its secret, which is stored nowhere. Nothing
// depends on whether the address has an account.
func (s *Service) Invite(ctx context.Context, actor auth.Actor, project requirements.ProjectID, n NewInvitation) (invited Invitation, secret string, err error) {
	secret = newSecret()
	err = s.changeInvitations(ctx, actor, project, func(tx Tx, p requirements.Project, open []Invitation, at time.Time) error {
		if len(open) >= s.limits.Invitations {
			return problem.New(problem.InvitationLimit, "A project can have at most %d open invitations; this one has %d.", s.limits.Invitations, len(open))
		}
		invited = Invitation{
			ID: id.New[Invitation](), Owner: p.Owner, Project: project, Role: n.role, Email: n.email, CreatedAt: at, ExpiresAt: at.Add(InvitationTTL),
		}
		if err := tx.InsertInvitation(ctx, invited, sha256.Sum256([]byte(secret))); err != nil {
			return err
		}
		return tx.Audit(ctx, event(actor, auth.InvitationCreated, project, p.Owner, map[string]string{
			"invitation_id": invited.ID.String(), "role": string(n.role),
		}))
	})
	return invited, secret, err
}

// Withdraw ends an open invitation.
func (s *Service) Withdraw(ctx context.Context, actor auth.Actor, project requirements.ProjectID, invitation InvitationID) error {
	return s.changeInvitations(ctx, actor, project, func(tx Tx, p requirements.Project, open []Invitation, at time.Time) error {
		n := slices.IndexFunc(open, func(i Invitation) bool { return i.ID == invitation })
		if n < 0 {
			return problem.NotFound(problem.InvitationNotFound)
		}
		if err := tx.Withdraw(ctx, open[n], at); err != nil {
			return err
		}
		return tx.Audit(ctx, event(actor, auth.InvitationWithdrawn, project, p.Owner, map[string]string{"invitation_id": invitation.String()}))
	})
}

// changeInvitations runs decide in a transaction in which a project of the actor is locked.
func (s *Service) changeInvitations(ctx context.Context, actor auth.Actor, project requirements.ProjectID, decide func(tx Tx, p requirements.Project, open []Invitation, at time.Time) error) error {
	return s.store.MembersInTx(ctx, actor, func(tx Tx) error {
		locked, open, at, err := tx.LockInvitations(ctx, project)
		if err != nil {
			return err
		}
		if err := checkOwner(locked); err != nil {
			return err
		}
		return decide(tx, locked, open, at)
	})
}
