package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// addMember makes a user a member of a project.
func addMember(t *testing.T, s *testkit.Server, project string, c *testkit.Client, role string) {
	t.Helper()
	execSQL(t, s, `INSERT INTO project_members (owner_id, project_id, user_id, role, created_at)
		SELECT owner_id, id, $2, $3, now() FROM projects WHERE id = $1
		ON CONFLICT (owner_id, project_id, user_id) DO UPDATE SET role = $3, removed_at = NULL`, project, c.User, role)
}

// removeMember ends a membership.
func removeMember(t *testing.T, s *testkit.Server, project string, c *testkit.Client) {
	t.Helper()
	execSQL(t, s, "UPDATE project_members SET removed_at = now() WHERE project_id = $1 AND user_id = $2", project, c.User)
}

// A member sees one project of its owner, with each isolation layer alone.
func TestMembers_ReachTheirProjectAlone(t *testing.T) {
	t.Parallel()
	eachIsolationLayer(t, func(t *testing.T, s *testkit.Server) {
		t.Helper()
		ann, bob := s.SignUp(t), s.SignUp(t)
		shared, other := newSpec(ann, "a shared item"), newSpec(ann, "a hidden item")
		addMember(t, s, shared.ProjectID, bob, "editor")
		item, hidden := bulletsOf(ann, shared)[0], bulletsOf(ann, other)[0]

		for _, path := range []string{projectsPath + "/" + shared.ProjectID, shared.path(), shared.items(), item.path(), projectsPath + "/" + shared.ProjectID + "/changes"} {
			if body := string(bob.Get(path).Want(200).Body); strings.Contains(body, "hidden") {
				t.Errorf("%s shows another project: %s", path, body)
			}
		}
		for path, code := range map[string]string{
			projectsPath + "/" + other.ProjectID: "project_not_found", other.path(): "specification_not_found", hidden.path(): "item_not_found",
		} {
			bob.Get(path).WantProblem(404, code)
			bob.Patch(path, `{}`).WantProblem(404, code)
		}
		bob.Post(item.path()+"/move", `{"specification_id": "`+other.ID+`"}`).WantProblem(404, "specification_not_found")
		added := newBullet(bob, shared, "by bob")
		bob.Patch(added.path(), `{"content": "by bob again"}`).Want(200)
		bob.Delete(item.path()).Want(204)
		changes := ann.Get(projectsPath + "/" + shared.ProjectID + "/changes").Want(200).JSON()["changes"].([]any)
		for _, change := range changes[:3] {
			if actor := change.(map[string]any)["actor"].(map[string]any); actor["id"] != bob.User || actor["name"] == nil {
				t.Errorf("a change of bob has the actor %v", actor)
			}
		}
		if got := listProjects(bob).Projects; len(got) != 0 {
			t.Errorf("bob's own projects are %+v", got)
		}
		removeMember(t, s, shared.ProjectID, bob)
		bob.Get(shared.path()).WantProblem(404, "specification_not_found")
		bob.Patch(added.path(), `{"content": "too late"}`).WantProblem(404, "item_not_found")
	})
}

func TestMembers_WritesOfOneAreReadByAll(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	spec := newSpec(ann, "one")
	addMember(t, s, spec.ProjectID, bob, "editor")
	far := bob.At(replica)
	for n := range 30 {
		content := strings.Repeat("x", n+1)
		item := bulletsOf(ann, spec)[0] // cached for ann
		writer := bob
		if n%2 == 1 {
			writer = far
		}
		writer.Patch(item.path(), `{"content": "`+content+`"}`).Want(200)
		if got := bulletsOf(ann, spec)[0].Content; got != content {
			t.Fatalf("ann reads %q after bob has written %q", got, content)
		}
		if got := bulletsOf(ann.At(replica), spec)[0].Content; got != content {
			t.Fatalf("ann reads %q at the replica after bob has written %q", got, content)
		}
		ann.Patch(item.path(), `{"content": "`+content+`y"}`).Want(200)
		if got := bulletsOf(far, spec)[0].Content; got != content+"y" {
			t.Fatalf("bob reads %q after ann has written %q", got, content+"y")
		}
	}
}

func TestMembers_RolesApplyFromTheNextRequest(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	spec := newSpec(ann, "one")
	item := bulletsOf(ann, spec)[0]
	for _, at := range []*testkit.Client{bob, bob.At(replica), bob} {
		addMember(t, s, spec.ProjectID, bob, "viewer")
		at.Get(item.path()).Want(200)
		at.Patch(item.path(), `{"content": "x"}`).WantProblem(403, "permission_denied")
		addMember(t, s, spec.ProjectID, bob, "editor")
		at.Patch(item.path(), `{"content": "x"}`).Want(200)
		at.Delete(spec.path()).WantProblem(403, "permission_denied")
		removeMember(t, s, spec.ProjectID, bob)
		at.Get(item.path()).WantProblem(404, "item_not_found")
		at.Patch(item.path(), `{"content": "x"}`).WantProblem(404, "item_not_found")
		at.Delete(spec.path()).WantProblem(404, "specification_not_found")
	}
}

func TestMembers_StreamEndsWithTheMembership(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	spec := newSpec(ann, "one")
	bob.Get(streamPath(spec.ProjectID)).WantProblem(404, "project_not_found")
	addMember(t, s, spec.ProjectID, bob, "viewer")
	stream := bob.At(s.Replica(t)).Follow(streamPath(spec.ProjectID))
	added := newBullet(ann, spec, "two")
	if got := stream.Want("change")["changes"].([]any)[0].(map[string]any)["item_id"]; got != added.ID {
		t.Errorf("the event is about %v, want %s", got, added.ID)
	}
	start := time.Now()
	removeMember(t, s, spec.ProjectID, bob)
	if got := stream.Want("end")["reason"]; got != "project_unavailable" {
		t.Errorf("the stream ended with %v", got)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("the stream of a former member ended after %v", took)
	}
}

// A saved response belongs to the place of the creation and to its author.
func TestMembers_IdempotencyKeysAreTheMembersOwn(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	spec := newSpec(ann, "one")
	addMember(t, s, spec.ProjectID, bob, "editor")
	const key = "one-key"
	first := bob.Post(spec.items(), `{"content": "by bob"}`, keyHeader, key).Want(201)
	again := bob.Post(spec.items(), `{"content": "by bob"}`, keyHeader, key).Want(201)
	if again.Header.Get("Idempotency-Replayed") != "true" || string(first.Body) != string(again.Body) {
		t.Errorf("the retry got %s after %s", again.Body, first.Body)
	}
	own := ann.Post(spec.items(), `{"content": "by bob"}`, keyHeader, key).Want(201)
	if own.Header.Get("Idempotency-Replayed") != "" {
		t.Error("the owner got the saved response of a member")
	}
	bob.Post(projectsPath, withTitle("x"), keyHeader, key).WantProblem(422, "idempotency_key_reused")
	removeMember(t, s, spec.ProjectID, bob)
	bob.Post(spec.items(), `{"content": "by bob"}`, keyHeader, key).WantProblem(404, "specification_not_found")
}

// A search finds what the caller may read: own content and that of shared projects, best
// first.
func TestMembers_SearchFindsWhatIsShared(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, cid, bob := s.SignUp(t), s.SignUp(t), s.SignUp(t)
	ofAnn, ofCid, own, hidden := newSpec(ann, "zebra of ann"), newSpec(cid, "zebra of cid"), newSpec(bob, "zebra of bob"), newSpec(ann, "zebra in hiding")
	addMember(t, s, ofAnn.ProjectID, bob, "viewer")
	addMember(t, s, ofCid.ProjectID, bob, "editor")
	find := func(query string) (projects []string) {
		for token := ""; ; {
			page := bob.Get("/api/v1/search?q=zebra&page_size=1" + query + "&page_token=" + token).Want(200).JSON()
			for _, hit := range page["hits"].([]any) {
				projects = append(projects, hit.(map[string]any)["project_id"].(string))
			}
			if token = page["next_page_token"].(string); token == "" {
				return projects
			}
		}
	}
	want := []string{own.ProjectID, ofCid.ProjectID, ofAnn.ProjectID} // the newest first
	if got := find(""); !slices.Equal(got, want) {
		t.Errorf("everywhere: %v, want %v", got, want)
	}
	for project, want := range map[string][]string{ofAnn.ProjectID: {ofAnn.ProjectID}, own.ProjectID: {own.ProjectID}, hidden.ProjectID: nil} {
		if got := find("&project_id=" + project); !slices.Equal(got, want) {
			t.Errorf("in %s: %v, want %v", project, got, want)
		}
	}
	removeMember(t, s, ofAnn.ProjectID, bob)
	if got := find(""); !slices.Equal(got, want[:2]) {
		t.Errorf("after the end of a membership: %v, want %v", got, want[:2])
	}
}

// A write of a user who is no member ends nothing that is cached of the owner, also where
// the location of the thing is known.
func TestMembers_WritesOfOthersEndNoCachedResponse(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob, eve := s.SignUp(t), s.SignUp(t), s.SignUp(t)
	spec := newSpec(ann, "one")
	addMember(t, s, spec.ProjectID, bob, "editor")
	bob.Get(spec.path()).Want(200)
	bob.Patch(spec.path(), `{"content": "by bob"}`).Want(200)
	ann.Get(spec.path()).Want(200)
	for range 3 {
		eve.Patch(spec.path(), `{"content": "by eve"}`).WantProblem(404, "specification_not_found")
		if _, hit := serve(s, "GET", spec.path(), ann.Token); !hit {
			t.Fatal("the owner's response is not cached any more")
		}
	}
	bob.Patch(spec.path(), `{"content": "again"}`).Want(200)
	if _, hit := serve(s, "GET", spec.path(), ann.Token); hit {
		t.Error("a write of a member does not end the owner's cached response")
	}
}
