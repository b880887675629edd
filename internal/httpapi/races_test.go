package httpapi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// atMost3 sets a limit that is reached soon.
func atMost3(settings *server.Settings) { settings.MaxProjects = 3 }

func TestTheProjectLimitIsExactWhileManyCreate(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t, atMost3)
	replica := s.Replica(t, atMost3)
	for round := range testkit.Repetitions(2, 20) {
		ann := s.SignUp(t)
		c := races.NewClients(ann, s, replica).WithRetry()
		answers := races.SendConcurrently(t, 30, func(n int) *testkit.Response {
			return c.At(n).Post(projectsPath, titled(fmt.Sprint("Project ", n)))
		})
		if diff := cmp.Diff(map[string]int{"201": 3, "409 project_limit_reached": 27}, races.CountByCode(answers)); diff != "" {
			t.Errorf("round %d: answers (-want +got):\n%s", round, diff)
		}
		if got := len(list(ann).Projects); got != 3 {
			t.Errorf("round %d: %d projects", round, got)
		}
		wantCounted(t, s, ann)
	}
}

// wantCounted fails the test unless the counter of the user's live projects is
// their number.
func wantCounted(t *testing.T, s *testkit.Server, c *testkit.Client) {
	t.Helper()
	counted := number(t, s, "SELECT project_count FROM users WHERE id = $1", c.User)
	if live := number(t, s, "SELECT count(*) FROM projects WHERE owner_id = $1 AND deleted_at IS NULL", c.User); live != counted {
		t.Errorf("%d live projects are counted as %d", live, counted)
	}
}

func TestTheTrashDoesNotCountAgainstTheLimit(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, atMost3)
	ann, bob := s.SignUp(t), s.SignUp(t)
	var made []project
	for n := range 3 {
		made = append(made, newProject(ann, fmt.Sprint("Project ", n)))
	}
	full := func(a *testkit.Response) {
		t.Helper()
		a.WantProblem(409, "project_limit_reached")
	}
	full(ann.Post(projectsPath, titled("One more")))
	newProject(bob, "Another account has its own limit")
	ann.Put(made[0].path(), titled("Changed")).Want(200) // changes need no place

	ann.Delete(made[0].path()).Want(204)
	ann.Delete(made[0].path()).WantProblem(404, "project_not_found") // frees no second place
	fourth := newProject(ann, "One more")
	full(ann.Post(projectsPath, titled("Yet one more")))
	full(ann.Post(made[0].path()+"/restore", nil))
	if trash := list(ann, "trashed", "true").Projects; len(trash) != 1 || trash[0].Version != 3 {
		t.Errorf("a refused restore changed the trash: %+v", trash)
	}
	ann.Post(fourth.path()+"/restore", nil).Want(200) // it is live already and needs no place

	ann.Delete(fourth.path()).Want(204)
	ann.Post(made[0].path()+"/restore", nil).Want(200)
	ann.Post(made[0].path()+"/restore", nil).Want(200) // takes no second place
	full(ann.Post(fourth.path()+"/restore", nil))
	ann.Delete(made[1].path()).Want(204)
	ann.Post(fourth.path()+"/restore", nil).Want(200)
	wantCounted(t, s, ann)
}

func TestTrashingAndRestoringAtOnceKeepsTheCount(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	ann := s.SignUp(t)
	c := races.NewClients(ann, s, s.Replica(t)).WithRetry()
	for range 2 {
		newProject(ann, "Lasting")
	}
	p := newProject(ann, "Invoices")
	allowed := map[string][]int{"trash": {204, 404}, "restore": {200}, "rename": {200, 404}, "read": {200, 404}}
	for round := range testkit.Repetitions(4, 40) {
		names := make([]string, 12)
		answers := races.SendConcurrently(t, len(names), func(n int) *testkit.Response {
			names[n] = []string{"trash", "trash", "restore", "restore", "rename", "read"}[rand.IntN(6)]
			switch c := c.At(n); names[n] {
			case "trash":
				return c.Delete(p.path())
			case "restore":
				return c.Post(p.path()+"/restore", nil)
			case "rename":
				return c.Patch(p.path(), titled(fmt.Sprint("Name ", round, n)))
			default:
				return c.Get(p.path())
			}
		})
		for n, answer := range answers {
			if !slices.Contains(allowed[names[n]], answer.Status) {
				t.Errorf("round %d: %s answered %d: %s", round, names[n], answer.Status, answer.Body)
			}
		}
		wantCounted(t, s, ann)
	}
	states := len(list(ann).Projects) + len(list(ann, "trashed", "true").Projects)
	if states != 3 {
		t.Errorf("three projects are listed as %d", states)
	}
}

func TestManyTrashOneProjectOnce(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	ann := s.SignUp(t)
	c := races.NewClients(ann, s, s.Replica(t)).WithRetry()
	p := newProject(ann, "Invoices")
	gone := races.SendConcurrently(t, 10, func(n int) *testkit.Response { return c.At(n).Delete(p.path()) })
	if diff := cmp.Diff(map[int]int{204: 1, 404: 9}, statuses(gone)); diff != "" {
		t.Errorf("DELETE (-want +got):\n%s", diff)
	}
	wantCounted(t, s, ann)
	back := races.SendConcurrently(t, 10, func(n int) *testkit.Response { return c.At(n).Post(p.path()+"/restore", nil) })
	if diff := cmp.Diff(map[int]int{200: 10}, statuses(back)); diff != "" {
		t.Errorf("restore (-want +got):\n%s", diff)
	}
	if got := projectOf(ann.Get(p.path()).Want(200)); got.Version != 3 {
		t.Errorf("trashed and restored once, it is at version %d", got.Version)
	}
	wantCounted(t, s, ann)
}
