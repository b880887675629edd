package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// historyPath adds to the path of a specification or project what comes behind it.
type historyPath struct {
	method    string
	ofProject bool
	suffix    string
}

func (p historyPath) send(c *testkit.Client, s spec, value string, body any) *testkit.Response {
	path := s.path()
	if p.ofProject {
		path = projectsPath + "/" + s.ProjectID
	}
	return c.Do(p.method, path+p.suffix+value, body)
}

// pointLimit is the limit of query parameters that name a state, in characters. The
// baseline that they name does not exist.
func pointLimit(paths ...historyPath) limit {
	return limit{0, 120, func(t *testing.T, s *testkit.Server, n int) bool {
		t.Helper()
		ann := s.SignUp(t)
		sp := newSpec(ann)
		const form = "baseline:"
		var verdicts []bool
		for _, p := range paths {
			verdicts = append(verdicts, acceptsPoint(p.send(ann, sp, form+letters(n-len(form)), nil), "baseline_not_found"))
		}
		return allEqual(t, verdicts...)
	}}
}

// acceptsPoint reports whether the form of a point was accepted: the server looked for the
// state, and responded that it is missing. Any other response fails the test.
func acceptsPoint(a *testkit.Response, missing string) bool {
	if a.Status == 404 {
		a.WantProblem(404, missing)
		return true
	}
	a.WantProblem(400, "invalid_parameter")
	return false
}

// digits is a number with n digits behind the first.
func digits(n int) string { return "1" + strings.Repeat("0", n) }

// sinceLimit is the limit of a revision in digits behind the first. Streams accept a
// revision ahead of the project.
func sinceLimit(t *testing.T, s *testkit.Server, n int) bool {
	t.Helper()
	ann := s.SignUp(t)
	sp := newSpec(ann)
	changes := historyPath{"GET", true, "/changes?since=r"}.send(ann, sp, digits(n), nil)
	stream := historyPath{"HEAD", true, "/events?since=r"}.send(ann, sp, digits(n), nil)
	return allEqual(t, acceptsPoint(changes, "revision_not_found"), stream.Status == 200)
}

func lastEventLimit(t *testing.T, s *testkit.Server, n int) bool {
	t.Helper()
	ann := s.SignUp(t)
	return ann.Do("HEAD", streamPath(newSpec(ann).ProjectID), nil, "Last-Event-ID", digits(n)).Status == 200
}

func beforeLimit(t *testing.T, s *testkit.Server, n int) bool {
	t.Helper()
	ann := s.SignUp(t)
	sp := newSpec(ann)
	ofSpec := historyPath{"DELETE", false, "/history?before=v"}.send(ann, sp, digits(n), nil)
	ofProject := historyPath{"DELETE", true, "/history?before=r"}.send(ann, sp, digits(n), nil)
	return allEqual(t, acceptsPoint(ofSpec, "revision_not_found"), acceptsPoint(ofProject, "revision_not_found"))
}

// restoreLimit is the limit of a field of a restoration. Only these codes of field errors
// mean that it was exceeded.
func restoreLimit(least, greatest int, field string, value func(n int) string, codes ...string) limit {
	return limit{least, greatest, func(t *testing.T, s *testkit.Server, n int) bool {
		t.Helper()
		ann := s.SignUp(t)
		sp := newSpec(ann)
		var verdicts []bool
		for _, p := range []historyPath{{"POST", false, "/restore"}, {"POST", true, "/restore"}} {
			a := p.send(ann, sp, "", map[string]any{field: value(n)})
			if a.Status < 400 {
				t.Errorf("%s of size %d restores something: %s", field, n, a.Body)
			}
			exceeded := a.Status == 422 && slices.ContainsFunc(codes, func(code string) bool {
				return slices.Contains(a.WantProblem(422, "validation_failed").FieldErrors(), "/"+field+" "+code)
			})
			verdicts = append(verdicts, !exceeded)
		}
		return allEqual(t, verdicts...)
	}}
}
