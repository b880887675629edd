package httpapi_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// atMost3 sets a limit that is reached soon.
func atMost3(settings *app.Settings) { settings.MaxProjects = 3 }

// warm opens the connections of the replicas' pools, so that a race is one of
// requests and not of who connects first.
func warm(c *testkit.Client, replicas []*testkit.Server) {
	together(10*len(replicas), func(n int) int { return c.At(replicas[n%len(replicas)]).Get(projectsPath).Status })
}

func TestTheProjectLimitIsExactWhileManyCreate(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, atMost3)
	replicas := []*testkit.Server{s, s.Replica(t, atMost3)}
	for round := range 3 {
		ann := s.SignUp(t)
		warm(ann, replicas)
		answers := together(30, func(n int) *testkit.Answer {
			return patiently(func() *testkit.Answer {
				return ann.At(replicas[n%2]).Post(projectsPath, titled(fmt.Sprint("Project ", n)))
			})
		})
		if diff := cmp.Diff(map[int]int{201: 3, 409: 27}, statuses(answers)); diff != "" {
			t.Errorf("round %d: answers (-want +got):\n%s", round, diff)
		}
		for _, answer := range answers {
			if answer.Status == 409 {
				answer.WantProblem(409, "project_limit_reached")
			}
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
	full := func(a *testkit.Answer) {
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

func TestOfTwoWritersWithTheSameTagOneWins(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	replicas := []*testkit.Server{s, s.Replica(t)}
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	warm(ann, replicas)
	for round := range 200 {
		tag := fmt.Sprintf(`"%d"`, round+1)
		answers := together(2, func(n int) *testkit.Answer {
			method := []string{"PUT", "PATCH"}[round%2]
			return patiently(func() *testkit.Answer {
				return ann.At(replicas[n]).Do(method, p.path(), titled(fmt.Sprintf("Writer %d of round %d", n, round)), "If-Match", tag)
			})
		})
		if diff := cmp.Diff(map[int]int{200: 1, 412: 1}, statuses(answers)); diff != "" {
			t.Fatalf("round %d: answers (-want +got):\n%s", round, diff)
		}
		won, lost := answers[0], answers[1]
		if won.Status != 200 {
			won, lost = lost, won
		}
		if diff := cmp.Diff(won.JSON(), lost.WantProblem(412, "precondition_failed").Current); diff != "" {
			t.Fatalf("round %d: current (-what won +what the loser was told):\n%s", round, diff)
		}
	}
	if got := projectOf(ann.Get(p.path()).Want(200)); got.Version != 201 {
		t.Errorf("200 rounds made version %d", got.Version)
	}
}

func TestAWriteIsReadAtOnceAtAnotherReplica(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	replicas := []*testkit.Server{s, s.Replica(t)}
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	for round := range 50 {
		title := fmt.Sprint("Round ", round)
		here, there := ann.At(replicas[round%2]), ann.At(replicas[1-round%2])
		written := here.Patch(p.path(), titled(title)).Want(200)
		if read := there.Get(p.path()).Want(200); !bytes.Equal(read.Body, written.Body) {
			t.Fatalf("wrote %s, read %s", written.Body, read.Body)
		}
		if listed := list(there).Projects[0]; listed.Title != title {
			t.Fatalf("wrote %s, listed %s", title, listed.Title)
		}
	}
}

func TestTrashingAndRestoringAtOnceKeepsTheCount(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	replicas := []*testkit.Server{s, s.Replica(t)}
	ann := s.SignUp(t)
	for range 2 {
		newProject(ann, "Lasting")
	}
	p := newProject(ann, "Invoices")
	warm(ann, replicas)
	allowed := map[string][]int{"trash": {204, 404}, "restore": {200}, "rename": {200, 404}, "read": {200, 404}}
	for round := range 8 {
		names := make([]string, 12)
		answers := together(len(names), func(n int) *testkit.Answer {
			c := ann.At(replicas[n%2])
			names[n] = []string{"trash", "trash", "restore", "restore", "rename", "read"}[rand.IntN(6)]
			return patiently(func() *testkit.Answer {
				switch names[n] {
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
	s := testkit.Start(t)
	replicas := []*testkit.Server{s, s.Replica(t)}
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	warm(ann, replicas)
	gone := together(10, func(n int) *testkit.Answer {
		return patiently(func() *testkit.Answer { return ann.At(replicas[n%2]).Delete(p.path()) })
	})
	if diff := cmp.Diff(map[int]int{204: 1, 404: 9}, statuses(gone)); diff != "" {
		t.Errorf("DELETE (-want +got):\n%s", diff)
	}
	wantCounted(t, s, ann)
	back := together(10, func(n int) *testkit.Answer {
		return patiently(func() *testkit.Answer { return ann.At(replicas[n%2]).Post(p.path()+"/restore", nil) })
	})
	if diff := cmp.Diff(map[int]int{200: 10}, statuses(back)); diff != "" {
		t.Errorf("restore (-want +got):\n%s", diff)
	}
	if got := projectOf(ann.Get(p.path()).Want(200)); got.Version != 3 {
		t.Errorf("trashed and restored once, it is at version %d", got.Version)
	}
	wantCounted(t, s, ann)
}
