package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// The history of a project is deleted with that of its specifications. The state at the
// revision and the list of changes stay.
func TestHistory_DeletedForAProject(t *testing.T) {
	t.Parallel()
	const secret = "AKIA-7f3c-pasted"
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one", "the key is "+secret)
	project := projectsPath + "/" + s.ProjectID
	ann.Patch(project, map[string]any{"title": secret, "description": "the key is " + secret}).Want(200)
	ann.Patch(project, map[string]any{"title": "Clean", "description": ""}).Want(200)
	ann.Delete(bulletsOf(ann, s)[1].path()).Want(204)
	last := lastRevision(ann, project)
	ann.Patch(s.path(), map[string]any{"content": "later"}).Want(200)
	kept, changes := string(ann.Get(s.path()+"?include=items&at="+last).Want(200).Body), changesOf(ann, project+"/changes")
	version := fmt.Sprintf("v%d", s.Version)
	ann.Get(s.path() + "?include=items&at=" + version).Want(200) // cached

	ann.Delete(project+"/history?before=r99").WantProblem(404, "revision_not_found")
	ann.Delete(project+"/history?before=v1").WantProblem(400, "invalid_parameter")
	ann.Delete(project + "/history?before=" + last).Want(204)
	ann.Delete(project + "/history?before=" + last).Want(204)

	for _, path := range []string{
		s.path() + "?include=items&at=" + version, s.path() + "?at=r2", s.path() + "/diff?from=v1",
		project + "/specs?at=r2", project + "/specs?at=r4",
	} {
		ann.Get(path).WantProblem(410, "history_expired")
	}
	for _, body := range []map[string]any{{"to": "r3"}, {"undo": "r5"}} {
		ann.Post(project+"/restore", body).WantProblem(410, "history_expired")
	}
	ann.Post(s.path()+"/restore", map[string]any{"to": version}).WantProblem(410, "history_expired")
	if now := string(ann.Get(s.path() + "?include=items&at=" + last).Want(200).Body); now != kept {
		t.Errorf("at %s it was %s and is %s", last, kept, now)
	}
	if now := changesOf(ann, project+"/changes"); strings.Join(now, "\n") != strings.Join(changes, "\n") {
		t.Errorf("the changes were %v and are %v", changes, now)
	}
	if export := string(ann.Get("/api/v1/users/me/export").Want(200).Body); strings.Contains(export, secret) {
		t.Errorf("the export has the secret: %s", export)
	}
	ann.Delete(project).Want(204)
	ann.Delete(project+"/history?before=r1").WantProblem(404, "project_not_found")
}

// A baseline whose state could not be read any more is named, and nothing is deleted until
// it is deleted. Other baselines stay.
func TestHistory_BaselinesPreventItsDeletion(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one")
	project := projectsPath + "/" + s.ProjectID
	named := func(name string) string {
		var made struct{ ID string }
		ann.Post(project+"/baselines", map[string]any{"name": name}).Want(201).Decode(&made)
		return "/api/v1/baselines/" + made.ID
	}
	early := named("early")
	later := specProject{ID: s.ProjectID}.add(ann, "created after the baseline")
	ann.Patch(later.path(), map[string]any{"content": "x"}).Want(200)
	ann.Delete(later.path() + "/history?before=v2").Want(204) // no baseline has it
	ann.Patch(s.path(), map[string]any{"content": "other"}).Want(200)
	version, revision := fmt.Sprintf("v%d", reloadSpec(ann, s).Version), lastRevision(ann, project)
	named("now")

	for _, path := range []string{s.path() + "/history?before=" + version, project + "/history?before=" + revision} {
		p := ann.Delete(path).WantProblem(409, "baseline_needs_history")
		if !strings.Contains(p.Detail, "early") || strings.Contains(p.Detail, "now.") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	ann.Get(s.path() + "?at=baseline:early").Want(200)
	ann.Get(project + "/specs?at=baseline:early").Want(200)
	ann.Delete(early).Want(204)
	ann.Delete(s.path() + "/history?before=" + version).Want(204)
	ann.Delete(project + "/history?before=" + revision).Want(204)
	ann.Get(project + "/specs?at=baseline:now").Want(200)
	ann.Post(project+"/restore", map[string]any{"to": "baseline:now"}).Want(200)
}
