package google

import (
	"github.com/codegenapp/codegenapp/internal/problem"
)

// maxUserID is the greatest length of a subject in a user store.
const maxUserID = 128

// firebase is what a user store says of a sign-in beside the usual claims.
type firebase struct {
	Tenant string `json:"tenant"`
}

// checkUserStore returns the first rule that c breaks of those that only tokens
// of a user store have to keep.
func (r rules) checkUserStore(c claims) error {
	switch {
	case c.AuthTime == nil:
		return refuse("The ID token does not say when its user has signed in.")
	case c.AuthTime.at().After(r.now().Add(leeway)):
		return refuse("The ID token is of somebody who has not signed in yet.")
	case c.Firebase.Tenant != "":
		// Two tenants of one project may have the same subject for two people.
		return refuse("The ID token is of a tenant of the project; only users of the project itself sign in here.")
	case len(c.Subject) > maxUserID:
		return refuse("The ID token does not name its subject in 1 to %d characters.", maxUserID)
	case c.Email == "":
		return refuse("The ID token has no e-mail address; anonymous and phone accounts do not sign in here.")
	case len(r.domains) > 0:
		// Nothing in such a token speaks for a Workspace domain: an address of
		// the domain is none, and a claim hd is one that the project has added.
		return problem.New(problem.DomainNotAllowed, "Only certain Google Workspace domains may sign in here, and accounts of a user store have none.")
	}
	return nil
}
