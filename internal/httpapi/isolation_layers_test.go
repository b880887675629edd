package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// isolationLayers start servers with one of the two isolation layers, or both.
var isolationLayers = map[string]func(t *testing.T) *testkit.Server{
	"both layers": func(t *testing.T) *testkit.Server { return testkit.Start(t) },
	"row-level security alone": func(t *testing.T) *testkit.Server {
		return testkit.StartOn(t, testkit.WithoutOwnerFilters(t, testkit.NewDatabase(t)), testkit.NewIssuer(t))
	},
	"the filters alone": func(t *testing.T) *testkit.Server {
		return testkit.StartOn(t, testkit.WithoutRLS(t, testkit.NewDatabase(t)), testkit.NewIssuer(t))
	},
}

// eachIsolationLayer runs a test with each layer alone, and with both.
func eachIsolationLayer(t *testing.T, test func(*testing.T, *testkit.Server)) {
	t.Helper()
	for name, start := range isolationLayers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// This is the control: without both layers the other tests would fail.
func TestIsolation_WithoutRLSAndFiltersAllIsReadable(t *testing.T) {
	t.Parallel()
	db := testkit.WithoutOwnerFilters(t, testkit.WithoutRLS(t, testkit.NewDatabase(t)))
	s := testkit.StartOn(t, db, testkit.NewIssuer(t))
	ann, bob := s.SignUp(t), s.SignUp(t)
	spec := newSpec(bob, "a")
	for _, path := range []string{projectsPath + "/" + spec.ProjectID, spec.path(), spec.items(), bulletsOf(bob, spec)[0].path()} {
		ann.Get(path).Want(200)
	}
	if got := listProjects(ann).Projects; len(got) != 1 {
		t.Errorf("ann's list has %+v", got)
	}
}

func TestIsolation_RLSAndFiltersHideSessionsKeysExports(t *testing.T) {
	t.Parallel()
	eachIsolationLayer(t, checkUnnamedResourcesAreOwn)
}

// checkUnnamedResourcesAreOwn covers sessions, idempotency keys, the export,
// and the deletion of accounts.
func checkUnnamedResourcesAreOwn(t *testing.T, s *testkit.Server) {
	t.Helper()
	ann, bob := s.SignUp(t), s.SignUp(t)
	const key = "the-same-key"
	his := bob.Post(projectsPath, withTitle("His secret"), keyHeader, key).Want(201)
	hers := ann.Post(projectsPath, withTitle("Hers"), keyHeader, key).Want(201)
	if hers.Header.Get("Idempotency-Replayed") != "" || string(hers.Body) == string(his.Body) {
		t.Errorf("another user's key answered %s", hers.Body)
	}
	spec := newSpec(bob, "a secret item")
	bob.Delete(newProject(bob, "His secret trash").path()).Want(204)

	if sessions := string(ann.Get("/api/v1/auth/sessions").Want(200).Body); strings.Contains(sessions, bob.Session) || !strings.Contains(sessions, ann.Session) {
		t.Errorf("ann's sessions are %s", sessions)
	}
	if export := string(ann.Get(mePath + "/export").Want(200).Body); strings.Contains(export, "ecret") || strings.Contains(export, bob.User) || !strings.Contains(export, "Hers") {
		t.Errorf("ann's export is %s", export)
	}
	ann.Delete("/api/v1/auth/sessions/"+bob.Session).WantProblem(404, "session_not_found")
	if me := profileOf(ann.Get(mePath).Want(200)); me.ID != ann.User {
		t.Errorf("ann is %+v", me)
	}
	ann.Patch(mePath, `{"name": "Anna"}`).Want(200)
	ann.Post("/api/v1/auth/logout", `{"all_sessions": true}`).Want(204)
	if me := profileOf(bob.Get(mePath).Want(200)); me.ID != bob.User || me.Name == "Anna" {
		t.Errorf("bob is %+v", me)
	}
	again := signInAgain(t, s, fmt.Sprintf("user-%d@example.com", 1))
	again.Delete(mePath).Want(204)
	bob.Get(spec.path()).Want(200)
}
