package postgres_test

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func TestMembers_FormerMemberStaysARow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, ben := newTenant(f), f.signUp()
	if err := f.share(t.Context(), ann.actor, ann.live, ben); err != nil {
		t.Fatal(err)
	}
	super := connect(t, f.Super)
	state := func() string {
		return value[string](t, super, "SELECT role || CASE WHEN removed_at IS NULL THEN ' now' ELSE ' before' END FROM project_members WHERE user_id = $1", ben.User)
	}
	if got := state(); got != "viewer now" {
		t.Errorf("the row is %s", got)
	}
	if err := f.sharing().Remove(t.Context(), ann.actor, ann.live, ben.User); err != nil || state() != "viewer before" {
		t.Errorf("after the removal the row is %s, %v", state(), err)
	}
	if err := f.share(t.Context(), ann.actor, ann.live, ben); err != nil || state() != "viewer now" {
		t.Errorf("after the return the row is %s, %v", state(), err)
	}
	if err := f.sharing().Remove(t.Context(), ben, ann.live, ben.User); err != nil || state() != "viewer before" {
		t.Errorf("after leaving the row is %s, %v", state(), err)
	}
	wantCode(t, "leaving again", f.sharing().Remove(t.Context(), ben, ann.live, ben.User), problem.ProjectNotFound)
}

// The scope of each user shows their own memberships and invitations, and no function
// shows those of others.
func TestMembers_EveryUserSeesTheirOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, eve, ben := newTenant(f), newTenant(f), f.signUp()
	if err := f.share(t.Context(), ann.actor, ann.live, ben); err != nil {
		t.Fatal(err)
	}
	sharedWith := func(actor auth.Actor) int {
		found, err := f.service.Projects(t.Context(), actor, requirements.ListQuery{Query: projectQueries()["by title, first page"].Query, Shared: true})
		if err != nil {
			t.Error(err)
		}
		return len(found.Rows)
	}
	for user, tc := range map[string]struct {
		actor auth.Actor
		want  int
	}{"the owner": {ann.actor, 0}, "a member": {ben, 1}, "another user": {eve.actor, 0}} {
		if got := sharedWith(tc.actor); got != tc.want {
			t.Errorf("%d projects are shared with %s, want %d", got, user, tc.want)
		}
	}
	invitation, secret, err := f.invite(t.Context(), ann.actor, ann.live)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.sharing().Members(t.Context(), eve.actor, ann.live)
	wantCode(t, "members of another's project", err, problem.ProjectNotFound)
	_, err = f.sharing().Invitations(t.Context(), eve.actor, ann.live)
	wantCode(t, "invitations to another's project", err, problem.ProjectNotFound)
	wantCode(t, "withdrawing another's invitation", f.sharing().Withdraw(t.Context(), eve.actor, ann.live, invitation), problem.ProjectNotFound)
	wantCode(t, "withdrawing it in another project", f.sharing().Withdraw(t.Context(), eve.actor, eve.live, invitation), problem.InvitationNotFound)
	wantCode(t, "removing another's member", f.sharing().Remove(t.Context(), eve.actor, ann.live, ben.User), problem.ProjectNotFound)
	_, err = f.sharing().Accept(t.Context(), ann.actor, secret)
	wantCode(t, "accepting the own invitation", err, problem.AlreadyMember)
}

// The function that accepts reveals nothing to a caller who has no secret, and stores the
// hash of the secret alone.
func TestMembers_AcceptanceNeedsTheSecret(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, ben := newTenant(f), f.signUp()
	invitation, secret, err := f.invite(t.Context(), ann.actor, ann.live)
	if err != nil {
		t.Fatal(err)
	}
	super := connect(t, f.Super)
	hash := value[[]byte](t, super, "SELECT hash FROM invitations WHERE id = $1", invitation)
	if want := sha256.Sum256([]byte(secret)); !slices.Equal(hash, want[:]) {
		t.Errorf("the hash is %x, want %x", hash, want)
	}
	for _, other := range []string{string(hash), invitation.String(), "", secret[:len(secret)-1], secret + " "} {
		_, err := f.sharing().Accept(t.Context(), ben, other)
		wantCode(t, "accepting with another secret", err, problem.InvitationNotFound)
	}
	p, err := f.sharing().Accept(t.Context(), ben, secret)
	if err != nil || p.ID != ann.live || p.Role != requirements.RoleViewer || p.Owner != ann.actor.User || p.OwnerName != canary {
		t.Errorf("accepted %+v, %v", p, err)
	}
}

func TestHousekeeping_DeletesOldInvitations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := newTenant(f)
	var made []members.InvitationID
	for range 3 {
		invitation, _, err := f.invite(t.Context(), ann.actor, ann.live)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, invitation)
	}
	super := connect(t, f.Super)
	for n, age := range []time.Duration{31 * 24 * time.Hour, 29 * 24 * time.Hour} {
		mustExec(t, super, "UPDATE invitations SET expires_at = '"+time.Now().Add(-age).Format(time.RFC3339)+"' WHERE id = '"+made[n].String()+"'")
	}
	if deleted, err := f.store.DeleteExpired(t.Context()); err != nil || deleted != 1 {
		t.Errorf("deleted %d, %v", deleted, err)
	}
	if left := column[string](t, super, "SELECT id::text FROM invitations ORDER BY id"); !slices.Equal(left, []string{made[1].String(), made[2].String()}) {
		t.Errorf("left are %v", left)
	}
}
