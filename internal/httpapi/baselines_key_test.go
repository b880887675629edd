package httpapi_test

import (
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// A retry gets the response of the first request, at every replica and whatever happened
// to the baseline and its project since. It creates nothing.
func TestBaselines_KeyReplaysStoredResponse(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	h.addWith(ann, "a", "b")
	path, body := h.path()+"/baselines", `{"name": "1.0", "description": "d"}`
	first := ann.Post(path, body, keyHeader, "k").Want(201)
	if read := ann.Get(first.Header.Get("Location")).Want(200); string(read.Body) != string(first.Body) {
		t.Errorf("created %s, read %s", first.Body, read.Body)
	}
	races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
	races.WantReplay(t, first, ann.At(replica).Post(path, `{"description":"d","name":"1.0"}`, keyHeader, "k"))
	ann.Post(path, body, keyHeader, "another").WantProblem(409, "baseline_exists")
	ann.Post(path, body).WantProblem(409, "baseline_exists")
	ann.Post(path, `{"name": "1.1", "description": "d"}`, keyHeader, "k").WantProblem(422, "idempotency_key_reused")
	ann.Post(h.specs(), `{"content": "x"}`, keyHeader, "k").WantProblem(422, "idempotency_key_reused")
	ben := s.SignUp(t)
	ben.Post(path, body, keyHeader, "k").WantProblem(404, "project_not_found")

	ann.Patch(first.Header.Get("Location"), `{"name": "renamed"}`).Want(200)
	h.addWith(ann, "c")
	races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
	ann.Delete(first.Header.Get("Location")).Want(204)
	ann.Delete(h.path()).Want(204)
	races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
	if n := queryInt(t, s, "SELECT count(*) FROM baselines WHERE project_id = $1", h.ID); n != 0 {
		t.Errorf("the retries created %d baselines", n)
	}
}

// A key stays free after a failure.
func TestBaselines_KeyStaysFreeAfterFailure(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	path := h.path() + "/baselines"
	ann.Post(path, `{"name": "x", "revision": 99}`, keyHeader, "k").WantProblem(404, "revision_not_found")
	ann.Post(path, `{"name": ""}`, keyHeader, "k").WantProblem(422, "validation_failed")
	ann.Delete(h.path()).Want(204)
	ann.Post(path, `{"name": "x"}`, keyHeader, "k").WantProblem(404, "project_not_found")
	ann.Post(h.path()+"/restore", nil).Want(200)
	ann.Post(path, `{"name": "x"}`, keyHeader, "k").Want(201)
}

// Of concurrent requests with one key, one creates the baseline.
func TestBaselines_SameKeyCreatesOnce(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	ann := s.SignUp(t).WithRetry()
	replica := s.Replica(t)
	h := newSpecProject(ann)
	h.addWith(ann, "a", "b")
	for range testkit.Repetitions(3, 50) {
		path := newSpecProject(ann).path() + "/baselines"
		races.WantCreatedOnce(t, 6, func(k int) *testkit.Response {
			at := ann
			if k%2 == 1 {
				at = ann.At(replica)
			}
			return at.Post(path, `{"name": "1.0"}`, keyHeader, path)
		})
	}
}
