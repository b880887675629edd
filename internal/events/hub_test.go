package events

import (
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func newWatch() Watch {
	user := id.New[auth.User]()
	return Watch{User: user, Session: id.New[auth.Session](), Owner: user, Project: id.New[requirements.Project]()}
}

func open(t *testing.T, h *Hub, w Watch) *Stream {
	t.Helper()
	s, err := h.Open(w)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHub_BoundsStreams(t *testing.T) {
	t.Parallel()
	h := New(t.Context(), Config{MaxPerUser: 2, Max: 3})
	ann, ben, eve := newWatch(), newWatch(), newWatch()
	first := open(t, h, ann)
	otherSession := ann
	otherSession.Session = id.New[auth.Session]()
	open(t, h, otherSession)
	wantCode := func(w Watch, code problem.Code) {
		t.Helper()
		if _, err := h.Open(w); err == nil || problem.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	wantCode(ann, problem.TooManyStreams)
	open(t, h, ben)
	wantCode(eve, problem.Unavailable)
	first.Close()
	first.Close() // counts once
	if n := h.Count(); n != 2 {
		t.Errorf("%d streams are open, want 2", n)
	}
	last := open(t, h, eve)
	h.Shutdown()
	wantCode(ann, problem.Unavailable)
	last.Close()
	h.Close()
	if len(h.users) != 2 || len(h.feeds) != 2 { // those of ann and ben
		t.Errorf("%d users and %d feeds are left", len(h.users), len(h.feeds))
	}
}

func TestHub_WakesWhatAChangeConcerns(t *testing.T) {
	t.Parallel()
	h := New(t.Context(), Config{})
	defer h.Close()
	watch := newWatch()
	other, all := watch, watch
	other.Project, all.Project = id.New[requirements.Project](), requirements.ProjectID{}
	streams := []*Stream{open(t, h, watch), open(t, h, other), open(t, h, all), open(t, h, newWatch())}
	for name, tc := range map[string]struct {
		names []string
		want  [4]bool
	}{
		"a project":      {[]string{watch.Project.String()}, [4]bool{true, false, true, false}},
		"two projects":   {[]string{other.Project.String(), watch.Project.String()}, [4]bool{true, true, true, false}},
		"any project":    {nil, [4]bool{true, true, true, false}},
		"something else": {[]string{"lists"}, [4]bool{false, false, true, false}},
	} {
		h.Wake(watch.User, tc.names...)
		h.Wake(watch.User, tc.names...) // wakes once
		for n, s := range streams {
			if woken := len(s.Woken()) == 1; woken != tc.want[n] {
				t.Errorf("a change of %s: stream %d is woken: %t", name, n, woken)
			} else if woken {
				<-s.Woken()
			}
		}
	}
}
