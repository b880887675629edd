package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const acceptPath = "/api/v1/invitations/accept"

// invitation is what a client reads of an invitation.
type invitation struct {
	ID        string  `json:"id"`
	Role      string  `json:"role"`
	Email     *string `json:"email"`
	CreatedAt string  `json:"created_at"`
	ExpiresAt string  `json:"expires_at"`
	Secret    string  `json:"secret"`
	URL       string  `json:"url"`
}

// member is what a client reads of a member.
type member struct {
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"user"`
	Role  string `json:"role"`
	Since string `json:"since"`
}

func (m member) path(p project) string { return p.path() + "/members/" + m.User.ID }

// invite creates an invitation to a project of its owner. With an address it is for that
// user alone.
func invite(owner *testkit.Client, p project, role string, email ...string) (i invitation) {
	body := map[string]any{"role": role}
	if len(email) > 0 {
		body["email"] = email[0]
	}
	owner.Post(p.path()+"/invitations", body).Want(201).Decode(&i)
	return i
}

func accept(c *testkit.Client, secret string) *testkit.Response {
	return c.Post(acceptPath, map[string]any{"secret": secret})
}

// share makes a user a member of a project.
func share(owner *testkit.Client, p project, role string, user *testkit.Client) {
	accept(user, invite(owner, p, role).Secret).Want(200)
}

// listMembers lists the members of a project, as seen by one of them.
func listMembers(c *testkit.Client, p project) []member {
	var page struct{ Members []member }
	c.Get(p.path() + "/members").Want(200).Decode(&page)
	return page.Members
}

// summary is the members as text: names and roles.
func summary(members []member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.User.Name+" "+m.Role)
	}
	return strings.Join(all, ", ")
}

// newMembers inserts users as members of a project.
func newMembers(t *testing.T, s *testkit.Server, p project, n int) {
	t.Helper()
	execSQL(t, s, `
WITH made AS (
    INSERT INTO users (id, issuer, subject, email, name)
    SELECT gen_random_uuid(), 'https://issuer.test', gen_random_uuid()::text, 'x@example.com', 'x' FROM generate_series(1, $3::int) RETURNING id)
INSERT INTO project_members (owner_id, project_id, user_id, role, created_at)
SELECT $1::uuid, $2::uuid, id, 'viewer', now() FROM made`, p.OwnerID, p.ID, n)
}

// named signs up a user with a name.
func named(t *testing.T, s *testkit.Server, name string) *testkit.Client {
	t.Helper()
	c := s.SignUp(t)
	c.Patch(mePath, map[string]any{"name": name}).Want(200)
	return c
}

func TestMembers_InvitedUserBecomesMember(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben, carl := named(t, s, "Ann"), named(t, s, "Ben"), named(t, s, "Äda")
	p := newProject(ann, "Invoices")
	if got := summary(listMembers(ann, p)); got != "Ann owner" {
		t.Errorf("a new project has the members %s", got)
	}
	share(ann, p, "viewer", carl)
	got := projectOf(accept(ben, invite(ann, p, "editor").Secret).Want(200))
	want := p
	want.Role = "editor"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the response to an acceptance (-want +got):\n%s", diff)
	}
	members := listMembers(ann, p)
	if got := summary(members); got != "Ann owner, Ben editor, Äda viewer" {
		t.Errorf("members: %s", got)
	}
	if members[0].User.ID != ann.User || members[0].Since != p.CreatedAt || members[1].User.ID != ben.User || members[1].User.Type != "user" {
		t.Errorf("members: %+v", members)
	}
	if body := string(ann.Get(p.path() + "/members").Want(200).Body); strings.Contains(body, "@") {
		t.Errorf("the members show an address: %s", body)
	}
	shared := listProjects(ben, "shared", "true").Projects
	if diff := cmp.Diff([]project{want}, shared); diff != "" {
		t.Errorf("shared with ben (-want +got):\n%s", diff)
	}
	if own := listProjects(ben).Projects; len(own) != 0 {
		t.Errorf("ben owns %v", own)
	}
	if own, shared := listProjects(ann).Projects, listProjects(ann, "shared", "true").Projects; len(own) != 1 || own[0] != p || len(shared) != 0 {
		t.Errorf("ann owns %v, and %v is shared with her", own, shared)
	}
}

func TestMembers_OwnerChangesAndRemovesThem(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben, eve := named(t, s, "Ann"), named(t, s, "Ben"), s.SignUp(t)
	p := newProject(ann, "Invoices")
	share(ann, p, "viewer", ben)
	bens := listMembers(ann, p)[1]
	var changed member
	ann.Patch(bens.path(p), `{"role": "editor"}`).Want(200).Decode(&changed)
	want := bens
	want.Role = "editor"
	if changed != want || listMembers(ann, p)[1] != want {
		t.Errorf("changed to %+v, want %+v", changed, want)
	}
	ann.Patch(bens.path(p), `{"role": "editor"}`).Want(200)
	if got := listProjects(ben, "shared", "true").Projects[0].Role; got != "editor" {
		t.Errorf("ben sees the role %s", got)
	}
	for body, want := range map[string]string{
		`{"role": "owner"}`: "/role not_allowed", `{}`: "/role required", `{"role": null}`: "/role wrong_type",
		`{"role": "editor", "since": "now"}`: "/since read_only",
	} {
		got := ann.Patch(bens.path(p), body).WantProblem(422, "validation_failed").FieldErrors()
		if field, _, _ := strings.Cut(want, " "); len(got) != 1 || !strings.HasPrefix(got[0], field) {
			t.Errorf("%s: field errors %v, want %s", body, got, want)
		}
	}
	others := map[string]string{"another user": eve.User, "a user that does not exist": "01890a5d-ac96-774b-bcce-b302099a8057", "no id": "x", "the owner": ann.User}
	for name, id := range others {
		path := p.path() + "/members/" + id
		ann.Patch(path, `{"role": "editor"}`).WantProblem(404, "member_not_found")
		if got := ann.Delete(path); got.Status != 404 {
			t.Errorf("removing %s: %d", name, got.Status)
		}
	}
	ann.Delete(bens.path(p)).Want(204)
	ann.Delete(bens.path(p)).WantProblem(404, "member_not_found")
	ann.Patch(bens.path(p), `{"role": "viewer"}`).WantProblem(404, "member_not_found")
	if got := summary(listMembers(ann, p)); got != "Ann owner" || len(listProjects(ben, "shared", "true").Projects) != 0 {
		t.Errorf("after the removal the members are %s", got)
	}
	share(ann, p, "viewer", ben) // a former member may come back
	if got := summary(listMembers(ann, p)); got != "Ann owner, Ben viewer" {
		t.Errorf("after the return the members are %s", got)
	}
}

func TestMembers_MemberLeaves(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben, eve := named(t, s, "Ann"), named(t, s, "Ben"), s.SignUp(t)
	live, trashed, other := newProject(ann, "Live"), newProject(ann, "Trashed"), newProject(ann, "Other")
	for _, p := range []project{live, trashed, other} {
		share(ann, p, "editor", ben)
	}
	ann.Delete(trashed.path()).Want(204)
	for _, p := range []project{live, trashed} {
		path := p.path() + "/members/"
		eve.Delete(path+eve.User).WantProblem(404, "project_not_found")
		ben.Delete(path + ben.User).Want(204)
		ben.Delete(path+ben.User).WantProblem(404, "project_not_found")
	}
	ann.Delete(live.path()+"/members/"+ann.User).WantProblem(404, "member_not_found")
	ann.Delete(trashed.path()+"/members/"+ann.User).WantProblem(404, "project_not_found")
	ann.Post(trashed.path()+"/restore", nil).Want(200)
	for _, p := range []project{live, trashed} {
		if got := summary(listMembers(ann, p)); got != "Ann owner" {
			t.Errorf("%s has the members %s", p.Title, got)
		}
	}
	if shared := listProjects(ben, "shared", "true").Projects; len(shared) != 1 || shared[0].ID != other.ID {
		t.Errorf("shared with ben: %v", shared)
	}
}

// Two owners share with each other, and each has a third project. The lists never mix.
func TestMembers_SharedProjectsArePaged(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben := s.SignUp(t), s.SignUp(t)
	for _, title := range []string{"b", "a", "Z", "ä", "c"} {
		p := newProject(ann, title)
		share(ann, p, "viewer", ben)
	}
	newProject(ann, "not shared")
	share(ben, newProject(ben, "ben's"), "viewer", ann)
	gone := newProject(ann, "in the trash")
	share(ann, gone, "viewer", ben)
	ann.Delete(gone.path()).Want(204)

	for order, want := range map[string]string{
		"title": "Z a b c ä", "title desc": "ä c b a Z", "created_at": "b a Z ä c", "created_at desc": "c ä Z a b", "updated_at": "b a Z ä c",
	} {
		for _, size := range []string{"1", "2", "5", "100"} {
			var got []string
			for token, more := "", true; more; more = token != "" {
				page := listProjects(ben, "shared", "true", "order_by", order, "page_size", size, "page_token", token)
				for _, p := range page.Projects {
					got = append(got, p.Title)
				}
				token = page.NextPageToken
			}
			if joined := strings.Join(got, " "); joined != want {
				t.Errorf("by %s in pages of %s: %s, want %s", order, size, joined, want)
			}
		}
	}
	token := listProjects(ben, "shared", "true", "page_size", "2").NextPageToken
	for _, other := range [][]string{{"page_token", token}, {"shared", "false", "page_token", token}, {"shared", "true", "order_by", "title", "page_token", token}} {
		ben.Get(projectsPath+encodeQuery(other...)).WantProblem(400, "invalid_page_token")
	}
	ann.Get(projectsPath+encodeQuery("shared", "true", "page_token", token)).WantProblem(400, "invalid_page_token")
	ben.Get(projectsPath+"?shared=true&trashed=true").WantProblem(400, "invalid_parameter")
	ben.Get(projectsPath+"?shared=yes").WantProblem(400, "invalid_parameter")
}

// The list of shared projects is never cached: others change it.
func TestMembers_SharedProjectsAreCurrentAtEveryReplica(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann, ben := s.SignUp(t).WithRetry(), s.SignUp(t).WithRetry()
	p := newProject(ann, "First")
	for n := range 5 {
		share(ann, p, "viewer", ben)
		title := fmt.Sprint("Title ", n)
		ann.Patch(p.path(), map[string]any{"title": title}).Want(200)
		for _, query := range []string{"?shared=true", "?%73hared=true", "?shared=%74rue"} {
			for _, at := range []*testkit.Server{s, replica} {
				var page projectPage
				ben.At(at).Get(projectsPath + query).Want(200).Decode(&page)
				if len(page.Projects) != 1 || page.Projects[0].Title != title {
					t.Fatalf("%s shows %v, want %s", query, page.Projects, title)
				}
			}
		}
		ann.Delete(p.path() + "/members/" + ben.User).Want(204)
		for _, at := range []*testkit.Server{s, replica} {
			var page projectPage
			if ben.At(at).Get(projectsPath + "?shared=true").Want(200).Decode(&page); len(page.Projects) != 0 {
				t.Fatalf("a former member still has %v", page.Projects)
			}
		}
	}
}

// The name of the owner is in cached responses.
func TestMembers_RenamedOwnerIsShownAtEveryReplica(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann := s.SignUp(t).WithRetry()
	p := newProject(ann, "Invoices")
	for n := range 5 {
		name := fmt.Sprint("Ann the ", n)
		ann.Patch(mePath, map[string]any{"name": name}).Want(200)
		for _, at := range []*testkit.Server{s, replica, s} {
			c := ann.At(at)
			if got := projectOf(c.Get(p.path()).Want(200)).Owner.Name; got != name {
				t.Fatalf("the project has the owner %s, want %s", got, name)
			}
			if got := listProjects(c).Projects[0].Owner.Name; got != name {
				t.Fatalf("the list has the owner %s, want %s", got, name)
			}
		}
	}
}

func TestMembers_DeletionOfAccountSaysWhoLosesAccess(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben, carl := s.SignUp(t), s.SignUp(t), s.SignUp(t)
	first, second, trashed := newProject(ann, "First"), newProject(ann, `"Second"`), newProject(ann, "Trashed")
	share(ann, first, "viewer", ben)
	share(ann, first, "editor", carl)
	share(ann, second, "viewer", ben)
	share(ann, trashed, "viewer", ben)
	ann.Delete(trashed.path()).Want(204)
	p := ann.Delete(mePath).WantProblem(409, "members_lose_access")
	if !strings.Contains(p.Detail, second.ID+" (1), "+first.ID+" (2).") || strings.Contains(p.Detail, trashed.ID) {
		t.Errorf("detail: %s", p.Detail)
	}
	ann.Delete(mePath+"?members=keep").WantProblem(400, "invalid_parameter")
	projectOf(ann.Get(first.path()).Want(200))
	ben.Delete(mePath).Want(204) // a member without members
	if got := len(listMembers(ann, first)); got != 2 {
		t.Errorf("the project has %d members after the deletion of one", got)
	}
	ann.Delete(mePath + "?members=lose_access").Want(204)
	if shared := listProjects(carl, "shared", "true").Projects; len(shared) != 0 {
		t.Errorf("shared with carl: %v", shared)
	}
	ann.Get(mePath).WantProblem(401, "token_revoked")
}

func TestExport_ListsMemberships(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben := s.SignUp(t), s.SignUp(t)
	first, second := newProject(ann, "First"), newProject(ann, "Second")
	share(ann, second, "viewer", ben)
	share(ann, first, "editor", ben)
	newProject(ben, "ben's own")
	for _, path := range []string{exportPath, exportPath + "?history=true"} {
		var got struct {
			Projects    []project
			Memberships []map[string]string
		}
		ben.Get(path).Want(200).Decode(&got)
		var titles []string
		for _, m := range got.Memberships {
			titles = append(titles, m["project_id"]+m["title"]+m["role"])
		}
		if want := []string{second.ID + "Secondviewer", first.ID + "Firsteditor"}; !slices.Equal(titles, want) || len(got.Projects) != 1 {
			t.Errorf("%s: memberships %v, want %v; %d projects", path, titles, want, len(got.Projects))
		}
	}
	if body := string(ann.Get(exportPath).Want(200).Body); !strings.Contains(body, `"memberships":[]`) {
		t.Errorf("an export without memberships ends in %s", body[max(0, len(body)-40):])
	}
}
