package requirements

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// newOwner returns an owner of n live projects at the time late.
func newOwner(n int) Owner { return Owner{ID: id.New[auth.User](), ProjectCount: n, At: late} }

// projectOf returns a live project of the owner with n live specifications.
func projectOf(o Owner, n int) Project {
	return Project{
		ID: id.New[Project](), Owner: o.ID, Title: "x", Description: "d", SpecificationCount: n,
		NextSpecificationNumber: n + 2, Version: 7, CreatedAt: early, UpdatedAt: early,
	}
}

func trashed(p Project) Project {
	p.DeletedAt = &early
	return p
}

func TestProjects_AddCountsAndChecksLimit(t *testing.T) {
	t.Parallel()
	n, errs := ParseNewProject(" y ", "about y")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for name, tc := range map[string]struct {
		count int
		want  problem.Code
	}{
		"first":          {count: 0},
		"last":           {count: 9},
		"over the limit": {count: 10, want: problem.ProjectLimit},
		"far over it":    {count: 11, want: problem.ProjectLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := newOwner(tc.count)
			after, created, err := before.addProject(n, 10)
			wantCode(t, err, tc.want)
			if tc.want != "" {
				return
			}
			if after.ProjectCount != tc.count+1 || after.ID != before.ID {
				t.Errorf("owner %+v", after)
			}
			want := Project{
				ID: created.ID, Owner: before.ID, OwnerName: before.Name, Role: RoleOwner, Title: "y", Description: "about y",
				NextSpecificationNumber: 1, Version: 1, Revision: 1, CreatedAt: late, UpdatedAt: late,
			}
			if diff := cmp.Diff(want, created); diff != "" || created.ID.IsZero() {
				t.Errorf("project (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProjects_TrashLowersCount(t *testing.T) {
	t.Parallel()
	before := newOwner(3)
	p := projectOf(before, 2)
	after, now, err := before.trashProject(p, atVersion(7))
	if err != nil || after.ProjectCount != 2 {
		t.Errorf("owner %+v, %v", after, err)
	}
	want := p
	want.DeletedAt, want.Version, want.UpdatedAt = &late, 8, late
	if diff := cmp.Diff(want, now); diff != "" {
		t.Errorf("project (-want +got):\n%s", diff)
	}
	_, _, err = before.trashProject(trashed(p), Precondition{})
	wantCode(t, err, problem.ProjectNotFound)
	_, _, err = before.trashProject(p, stale)
	wantCode(t, err, problem.PreconditionFailed)
	_, _, err = before.trashProject(trashed(p), stale)
	wantCode(t, err, problem.ProjectNotFound)
}

func TestProjects_RestoreCountsAndChecksLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		count   int
		live    bool
		changed bool
		want    problem.Code
	}{
		"from the trash":         {count: 9, changed: true},
		"from the trash, full":   {count: 10, want: problem.ProjectLimit},
		"a live one":             {count: 9, live: true},
		"a live one of the full": {count: 10, live: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := newOwner(tc.count)
			p := trashed(projectOf(before, 2))
			if tc.live {
				p.DeletedAt = nil
			}
			after, now, changed, err := before.restoreProject(p, Precondition{}, 10)
			wantCode(t, err, tc.want)
			want, count := p, tc.count
			if tc.changed {
				count++
				want.DeletedAt, want.Version, want.UpdatedAt = nil, 8, late
			}
			if changed != tc.changed || after.ProjectCount != count {
				t.Errorf("changed %t, owner %+v", changed, after)
			}
			if diff := cmp.Diff(want, now); diff != "" {
				t.Errorf("project (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProjects_PatchCountsOneVersion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		title, description *string
		condition          Precondition
		trashed            bool
		at                 time.Time
		want               Project // of title, description, version and time of the change
		changed            bool
		code               problem.Code
	}{
		"nothing":            {at: late, want: Project{Title: "x", Description: "d", Version: 7, UpdatedAt: early}},
		"the same":           {title: new("x"), description: new("d"), at: late, want: Project{Title: "x", Description: "d", Version: 7, UpdatedAt: early}},
		"the title":          {title: new("y"), at: late, want: Project{Title: "y", Description: "d", Version: 8, UpdatedAt: late}, changed: true},
		"the description":    {description: new(""), at: late, want: Project{Title: "x", Version: 8, UpdatedAt: late}, changed: true},
		"clock set back":     {title: new("y"), at: early.Add(-time.Hour), want: Project{Title: "y", Description: "d", Version: 8, UpdatedAt: early}, changed: true},
		"another version":    {title: new("y"), condition: stale, at: late, code: problem.PreconditionFailed},
		"in the trash":       {title: new("y"), trashed: true, at: late, code: problem.ProjectNotFound},
		"in the trash, both": {title: new("y"), trashed: true, condition: stale, at: late, code: problem.ProjectNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := projectOf(newOwner(1), 2)
			if tc.trashed {
				p = trashed(p)
			}
			patch, errs := ParseProjectPatch(tc.title, tc.description)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			now, changed, err := p.withPatch(patch, tc.condition, tc.at)
			wantCode(t, err, tc.code)
			if tc.code != "" || changed != tc.changed {
				if changed != tc.changed {
					t.Errorf("changed %t", changed)
				}
				return
			}
			want := p
			want.Title, want.Description, want.Version, want.UpdatedAt = tc.want.Title, tc.want.Description, tc.want.Version, tc.want.UpdatedAt
			if diff := cmp.Diff(want, now); diff != "" {
				t.Errorf("project (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProjects_PutReplacesEveryField(t *testing.T) {
	t.Parallel()
	n, _ := ParseNewProject("y", "")
	now, changed, err := projectOf(newOwner(1), 0).withPatch(n.patch(), Precondition{}, late)
	if err != nil || !changed || now.Title != "y" || now.Description != "" {
		t.Errorf("project %+v, changed %t, %v", now, changed, err)
	}
}

func TestProjects_ParseReportsAllFieldErrors(t *testing.T) {
	t.Parallel()
	_, errs := ParseNewProject("", strings.Repeat("x", 5001))
	var got []string
	for _, f := range errs {
		got = append(got, f.Pointer+" "+f.Code)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"/description too_long", "/title blank"}, got); diff != "" {
		t.Errorf("field errors (-want +got):\n%s", diff)
	}
}
