package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// ownedIDs are the ids of what a user owns by kind, once live and once in the
// trash.
type ownedIDs struct{ live, trashed map[string]string }

func newOwner(t *testing.T, s *testkit.Server) (*testkit.Client, ownedIDs) {
	t.Helper()
	c := s.SignUp(t)
	return c, newOwned(c)
}

// newOwned creates one of each.
func newOwned(c *testkit.Client) ownedIDs {
	spec := newSpec(c, "a")
	dead := specProject{ID: spec.ProjectID}.add(c, "x")
	deadItem, deadProject, bot := newBullet(c, dead, "a"), newProject(c, "Dead"), newBot(c, "builder")
	own := ownedIDs{
		live: map[string]string{
			"project": spec.ProjectID, "specification": spec.ID, "item": bulletsOf(c, spec)[0].ID,
			"deleted item": newDeletedItem(c, spec), "baseline": newBaseline(c, specProject{ID: spec.ProjectID}, "old"),
			"session": c.Session, "user": c.User, "token": newAPIToken(c, tokensPath, "read").ID, "bot": bot,
			"bot token": bot + "/tokens/" + newAPIToken(c, botsPath+"/"+bot+"/tokens", "read").ID,
		},
		trashed: map[string]string{
			"project": deadProject.ID, "specification": dead.ID, "item": deadItem.ID,
			"deleted item": newDeletedItem(c, dead), "baseline": newBaseline(c, specProject{ID: deadProject.ID}, "old"),
		},
	}
	c.Delete(dead.path()).Want(204)
	c.Delete(deadProject.path()).Want(204)
	return own
}

// addMember adds a member and an invitation to the live project.
func (o ownedIDs) addMember(t *testing.T, s *testkit.Server, owner *testkit.Client) {
	t.Helper()
	p, ben := project{ID: o.live["project"]}, s.SignUp(t)
	share(owner, p, "editor", ben)
	o.live["member"], o.live["invitation"] = ben.User, invite(owner, p, "viewer").ID
}

// newDeletedItem creates an item, deletes it, and returns its id.
func newDeletedItem(c *testkit.Client, s spec) string {
	b := newBullet(c, s, "deleted")
	c.Delete(b.path()).Want(204)
	return b.ID
}

// fill is a path with the ids of a request, and makes the secret that its body needs.
func (x *callerFixture) fill(path, id string, cell routeCase, own ownedIDs) string {
	x.t.Helper()
	if cell.part != "" {
		path = strings.ReplaceAll(path, "{user_id}", own.live["member"])
		path = strings.ReplaceAll(path, "{invitation_id}", own.live["invitation"])
	}
	if strings.Contains(cell.body, "{secret}") {
		if x.shareable.ID == "" {
			x.shareable = newProject(x.admin, "Shared")
		}
		own.live["secret"] = invite(x.admin, x.shareable, "viewer").Secret
	}
	return pathParameter.ReplaceAllString(path, id)
}
