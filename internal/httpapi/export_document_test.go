package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const exportPath = mePath + "/export"

// exportDoc is what a client reads of an export.
type exportDoc struct {
	ExportedAt string            `json:"exported_at"`
	User       profile           `json:"user"`
	Projects   []exportedProject `json:"projects"`
}

type exportedProject struct {
	specProject
	Title          string  `json:"title"`
	DeletedAt      *string `json:"deleted_at"`
	Specifications []spec  `json:"specifications"`
}

// validate checks the consistency of a document and counts its items.
func (d exportDoc) validate() (items int, err error) {
	seen := map[string]bool{}
	once := func(id string) {
		if seen[id] {
			err = errors.Join(err, fmt.Errorf("%s occurs twice", id))
		}
		seen[id] = true
	}
	for _, p := range d.Projects {
		once(p.ID)
		live := 0
		for n, s := range p.Specifications {
			once(s.ID)
			if s.DeletedAt == nil {
				live++
			}
			if s.Items == nil || len(*s.Items) != s.ItemCount || s.ProjectID != p.ID || n > 0 && s.Number <= p.Specifications[n-1].Number {
				return items, fmt.Errorf("specification %d of %s is inconsistent", s.Number, p.ID)
			}
			for _, i := range *s.Items {
				once(i.ID)
			}
			err = errors.Join(err, checkDense(*s.Items))
			items += s.ItemCount
		}
		if live != p.Count {
			err = errors.Join(err, fmt.Errorf("project %s counts %d, and has %d live", p.ID, p.Count, live))
		}
	}
	return items, err
}

func readExport(c *testkit.Client) (d exportDoc) {
	c.Get(exportPath).Want(200).Decode(&d)
	return d
}

// startExport starts an export without a check against the contract.
func startExport(t *testing.T, s *testkit.Server, c *testkit.Client) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+exportPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.Header.Set("Accept-Encoding", "identity") // repeated texts would shrink to almost nothing
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// summary is the tree of a document: titles, order, and live or trashed.
func (d exportDoc) summary() string {
	var b strings.Builder
	where := func(deletedAt *string) string {
		if deletedAt != nil {
			return "trashed"
		}
		return "live"
	}
	for _, p := range d.Projects {
		fmt.Fprintf(&b, "%s, %s\n", p.Title, where(p.DeletedAt))
		for _, s := range p.Specifications {
			fmt.Fprintf(&b, "  %d %s, %s: %q\n", s.Number, s.Content, where(s.DeletedAt), itemTexts(*s.Items))
		}
	}
	return b.String()
}

func TestExport_HasAllContentOfUser(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	newSpec(bob, "bob's")
	project := func(title string) (h specProject) {
		ann.Post("/api/v1/projects", map[string]any{"title": title}).Want(201).Decode(&h)
		return h
	}
	first := project("First")
	live, dead := first.add(ann, "one"), first.add(ann, "two")
	for _, text := range []string{"a", "b\r\n🧾", "<c>&"} {
		newBullet(ann, live, text)
	}
	ann.Patch(bulletsOf(ann, live)[2].path(), `{"order": 0}`).Want(200)
	newBullet(ann, dead, "d")
	first.add(ann, "three")
	ann.Delete(dead.path()).Want(204)
	trashed := project("Trashed")
	trashed.add(ann, "four")
	ann.Delete(trashed.path()).Want(204)
	project("Empty")

	answer := ann.Get(exportPath).Want(200)
	var got exportDoc
	answer.Decode(&got)
	if _, err := got.validate(); err != nil {
		t.Error(err)
	}
	want := `First, live
  1 one, live: "<c>& a b\r\n🧾"
  2 two, trashed: "d"
  3 three, live: ""
Trashed, trashed
  1 four, live: ""
Empty, live
`
	if diff := cmp.Diff(want, got.summary()); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(profileOf(ann.Get(mePath)), got.User); diff != "" {
		t.Errorf("the user (-read +exported):\n%s", diff)
	}
	if diff := cmp.Diff(specOf(ann.Get(live.path()+"?include=items")), got.Projects[0].Specifications[0]); diff != "" {
		t.Errorf("a specification (-read +exported):\n%s", diff)
	}
	if diff := cmp.Diff(listTrash(ann, first)[0].DeletedAt, got.Projects[0].Specifications[1].DeletedAt); diff != "" {
		t.Errorf("when it went to the trash (-listed +exported):\n%s", diff)
	}
	if now := first.reload(ann); now != got.Projects[0].specProject {
		t.Errorf("a project is read as %+v, exported as %+v", now, got.Projects[0].specProject)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type = %s", kind)
	}
}

func TestExport_OfNewUserIsValid(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	got := readExport(ann)
	want := exportDoc{ExportedAt: got.ExportedAt, User: profileOf(ann.Get(mePath)), Projects: []exportedProject{}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(exportedProject{})); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	ann.Do("HEAD", exportPath, nil).Want(200)
	ann.Get(exportPath+"?format=csv").WantProblem(400, "invalid_parameter")
	s.Anonymous(t).Get(exportPath).WantProblem(401, "token_missing")
	ann.Delete(mePath).Want(204)
	ann.Get(exportPath).WantProblem(401, "token_revoked")
}

// Items are moved from one project to another: deleted first, then created. So
// every snapshot has all items, or one less.
func TestExport_IsOneSnapshot(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t).WithRetry()
	const projects, each = 12, 4
	var specs []spec
	for range projects {
		h := newSpecProject(ann)
		for range 11 { // more than one batch of the export
			h.add(ann, "x")
		}
		one := h.add(ann, "x")
		for range each {
			newBullet(ann, one, "x")
		}
		specs = append(specs, one)
	}
	var done atomic.Bool
	var mover sync.WaitGroup
	mover.Go(func() {
		for n := 0; !done.Load(); n++ {
			from, to := specs[n%projects], specs[(n*5+3)%projects]
			if list := bulletsOf(ann, from); len(list) > 0 {
				ann.Delete(list[0].path()).Want(204)
				newBullet(ann, to, "x")
			}
			if dead := specs[(n+1)%projects]; n%5 == 0 {
				ann.Delete(specProject{ID: dead.ProjectID}.path()).Want(204)
				ann.Post(specProject{ID: dead.ProjectID}.path()+"/restore", nil).Want(200)
			}
		}
	})
	for range testkit.Repetitions(5, 60) {
		items, err := readExport(ann).validate()
		if err != nil {
			t.Error(err)
		}
		if items != projects*each && items != projects*each-1 {
			t.Errorf("the document has %d items, want %d or one less", items, projects*each)
		}
	}
	done.Store(true)
	mover.Wait()
}
