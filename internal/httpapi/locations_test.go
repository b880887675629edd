package httpapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// What a write changes decides which cached responses it ends.
func TestCache_WritesChangeTheirProjectAndTheListsThatShowIt(t *testing.T) {
	t.Parallel()
	project := id.New[requirements.Project]()
	spec, point, other := id.New[requirements.Specification](), id.New[requirements.Item](), id.New[requirements.Item]()
	l := newLocations()
	named := strings.NewReplacer("{project}", project.String(), "{spec}", spec.String(), "{item}", point.String(), "{other}", other.String())
	check := func(pattern string, want ...cache.Scope) {
		t.Helper()
		method, path, _ := strings.Cut(pattern, " ")
		general := strings.NewReplacer("{project}", "{id}", "{spec}", "{id}", "{item}", "{id}", "{other}", "{id}").Replace(path)
		r := route{pattern: method + " " + prefix + general, path: prefix + general}
		if !writesContent(method, r.path) {
			t.Errorf("%s is no write", pattern)
		}
		if diff := cmp.Diff(want, l.written(r, prefix+named.Replace(path))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
	its, lists, own := cache.Scope(project.String()), cache.ListsOf+cache.Scope(project.String()), cache.Scope(spec.String())
	check("PATCH /users/me", cache.All) // each project shows the name of its owner
	check("POST /projects", cache.Lists)
	check("PATCH /projects/{project}", its, cache.Lists)
	check("DELETE /projects/{project}", its, cache.Lists)
	check("POST /projects/{project}/restore", its, cache.Lists)
	check("POST /projects/{project}/specs", lists, cache.Lists)
	check("PATCH /projects/PROJECT", cache.All) // no id; it is refused later
	check("PATCH /specs/{spec}", cache.All)     // its project is unknown yet
	check("DELETE /specs/{spec}", cache.All)
	l.learn(&specificationOut{Body: specification{ID: spec, ProjectID: project, Items: []item{{ID: point, SpecID: spec}}}})
	check("PATCH /specs/{spec}", own, lists, cache.Lists)
	check("PUT /specs/{spec}/items/reorder", own, lists, cache.Lists)
	check("POST /specs/{spec}/items", own, lists, cache.Lists)
	check("DELETE /specs/{spec}", own, lists, cache.Lists)
	check("POST /specs/{spec}/restore", own, lists, cache.Lists)
	check("DELETE /items/{item}", own, lists, cache.Lists)
	check("PUT /items/{other}", cache.All)
	l.learn(&itemOut{Body: item{ID: other, SpecID: spec}})
	check("PUT /items/{other}", own, lists, cache.Lists)
	l = newLocations()
	l.learn(&projectItemsOut{project: project, Body: itemPage{Items: []item{{ID: other, SpecID: spec}}}})
	check("PUT /items/{other}", own, lists, cache.Lists)
	check("PATCH /specs/{spec}", own, lists, cache.Lists)

	for _, pattern := range []string{"DELETE /users/me", "PATCH /projects/{id}/members/{user_id}", "POST /projects/{id}/invitations", "POST /invitations/accept", "DELETE /auth/sessions/{id}", "PATCH /admin/users/{id}", "POST /auth/logout"} {
		if method, path, _ := strings.Cut(pattern, " "); writesContent(method, prefix+path) {
			t.Errorf("%s is a write of content", pattern)
		}
	}
}

func TestCache_LocationIsLearnedFromACachedResponse(t *testing.T) {
	t.Parallel()
	l, spec, project := newLocations(), id.New[requirements.Specification](), id.New[requirements.Project]()
	path := prefix + "/specs/" + spec.String()
	for _, scope := range []cache.Scope{cache.All, cache.Lists, "x", cache.Scope(project.String())} {
		l.learnScope(path, scope)
		if got := l.scope(path); got != cache.All {
			t.Errorf("from the scope %q the location is %q", scope, got)
		}
	}
	want := cache.Join(cache.Scope(project.String()), cache.Scope(spec.String()))
	l.learnScope(path, want)
	if got := l.scope(path + "/items"); got != want {
		t.Errorf("the location is %q", got)
	}
}
