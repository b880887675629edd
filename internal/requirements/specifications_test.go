package requirements

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestSpecifications_ParseReportsFieldErrors(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("🧾", n) }
	for name, tc := range map[string]struct {
		title   string
		content string
		want    []string
	}{
		"the longest":                     {title: long(200), content: long(100_000)},
		"no title":                        {title: "", content: "x"},
		"a title of blanks is empty":      {title: " \u00a0\t\r\n", content: "x"},
		"a title is trimmed first":        {title: " " + long(200) + "\n", content: "x"},
		"a title of one more":             {title: long(201), content: "x", want: []string{"/title too_long"}},
		"a content of one more":           {title: "", content: long(100_001), want: []string{"/content too_long"}},
		"an empty content":                {title: "", content: "", want: []string{"/content blank"}},
		"a content of blanks":             {title: "x", content: " \t\r\n\u2003\u3000\u00a0", want: []string{"/content blank"}},
		"a content of a thin blank":       {title: "x", content: "\u200b"},
		"too many blanks":                 {title: "x", content: strings.Repeat(" ", 100_001), want: []string{"/content blank"}},
		"what multi-line text may hold":   {title: "x", content: "\tx\r\n"},
		"a line feed in the title":        {title: "a\nb", content: "x", want: []string{"/title control_character"}},
		"an invisible title":              {title: "\u200b\ufeff\u3164", content: "x", want: []string{"/title blank"}},
		"a line separator in the title":   {title: "a\u2028b", content: "a\u2028b", want: []string{"/title control_character"}},
		"a tab in the title":              {title: "a\tb", content: "x", want: []string{"/title control_character"}},
		"NUL in both":                     {title: "a\x00b", content: "\x00x", want: []string{"/title control_character", "/content control_character"}},
		"NEL in the content":              {title: "x", content: "a\u0085b", want: []string{"/content control_character"}},
		"a form feed in the content":      {title: "x", content: "a\fb", want: []string{"/content control_character"}},
		"DEL in the content":              {title: "x", content: "a\x7fb", want: []string{"/content control_character"}},
		"too long, and a control as well": {title: "x", content: strings.Repeat("x", 100_000) + "\x01", want: []string{"/content too_long", "/content control_character"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs := ParseNewSpecification(tc.title, tc.content)
			_, again := ParseSpecificationPatch(&tc.title, &tc.content)
			if diff := cmp.Diff(tc.want, fieldErrorsOf(problem.Invalid(errs))); diff != "" {
				t.Errorf("field errors (-want +got):\n%s", diff)
			}
			if !slices.Equal(errs, again) {
				t.Errorf("a new specification has the field errors %v, a patch %v", errs, again)
			}
		})
	}
}

// specificationOf returns a live specification of the project.
func specificationOf(p Project) Specification {
	s, _ := newSpecification(2)
	s.Project, s.Owner = p.ID, p.Owner
	return s
}

func trashedSpecification(s Specification) Specification {
	s.DeletedAt = &early
	return s
}

func inTrashedProject(s Specification) Specification {
	s.ProjectTrashed = true
	return s
}

func TestSpecifications_AddCountsAndChecksLimit(t *testing.T) {
	t.Parallel()
	n, errs := ParseNewSpecification("", "# y\nmore")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for name, tc := range map[string]struct {
		count   int
		trashed bool
		want    problem.Code
	}{
		"first":                      {count: 0},
		"last":                       {count: 9},
		"over the limit":             {count: 10, want: problem.SpecificationLimit},
		"in a trashed project":       {count: 1, trashed: true, want: problem.ProjectNotFound},
		"in a full, trashed project": {count: 10, trashed: true, want: problem.ProjectNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := projectOf(newOwner(1), tc.count)
			if tc.trashed {
				before = trashed(before)
			}
			after, created, err := before.addSpecification(id.New[Specification](), n, Precondition{}, 10, late)
			wantCode(t, err, tc.want)
			if tc.want != "" {
				return
			}
			want := before
			want.SpecificationCount, want.NextSpecificationNumber = tc.count+1, before.NextSpecificationNumber+1
			want.Version, want.UpdatedAt = 8, late
			if diff := cmp.Diff(want, after); diff != "" {
				t.Errorf("project (-want +got):\n%s", diff)
			}
			spec := Specification{
				ID: created.ID, Project: before.ID, Owner: before.Owner, Number: before.NextSpecificationNumber,
				Title: "y", Content: "# y\nmore", NextItemNumber: 1, Version: 1, CreatedAt: late, UpdatedAt: late,
			}
			if diff := cmp.Diff(spec, created); diff != "" || created.ID.IsZero() {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpecifications_TrashLowersCount(t *testing.T) {
	t.Parallel()
	p := projectOf(newOwner(1), 3)
	spec := specificationOf(p)
	after, now, err := p.trashSpecification(spec, atVersion(7), late)
	if err != nil {
		t.Fatal(err)
	}
	parent := p
	parent.SpecificationCount, parent.Version, parent.UpdatedAt = 2, 8, late
	if diff := cmp.Diff(parent, after); diff != "" {
		t.Errorf("project (-want +got):\n%s", diff)
	}
	want := spec
	want.DeletedAt, want.Version, want.UpdatedAt = &late, 8, late
	if diff := cmp.Diff(want, now); diff != "" {
		t.Errorf("specification (-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		spec      Specification
		condition Precondition
		want      problem.Code
	}{
		"in the trash":         {spec: trashedSpecification(spec), want: problem.SpecificationNotFound},
		"in a trashed project": {spec: inTrashedProject(spec), want: problem.SpecificationNotFound},
		"another version":      {spec: spec, condition: stale, want: problem.PreconditionFailed},
		"both":                 {spec: inTrashedProject(spec), condition: stale, want: problem.SpecificationNotFound},
	} {
		_, _, err := p.trashSpecification(tc.spec, tc.condition, late)
		if got := problem.CodeOf(err); err == nil || got != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

func TestSpecifications_RestoreCountsAndChecksLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		count   int
		of      func(Specification) Specification
		changed bool
		want    problem.Code
	}{
		"from the trash":       {count: 9, of: trashedSpecification, changed: true},
		"from the trash, full": {count: 10, of: trashedSpecification, want: problem.SpecificationLimit},
		"a live one":           {count: 9, of: func(s Specification) Specification { return s }},
		"a live one, full":     {count: 10, of: func(s Specification) Specification { return s }},
		"in a trashed project": {count: 1, of: inTrashedProject, want: problem.SpecificationNotFound},
		"both in the trash": {
			count: 1, of: func(s Specification) Specification { return inTrashedProject(trashedSpecification(s)) },
			want: problem.SpecificationNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := projectOf(newOwner(1), tc.count)
			spec := tc.of(specificationOf(p))
			after, now, changed, err := p.restoreSpecification(spec, Precondition{}, 10, late)
			wantCode(t, err, tc.want)
			parent, want := p, spec
			if tc.changed {
				parent.SpecificationCount, parent.Version, parent.UpdatedAt = tc.count+1, 8, late
				want.DeletedAt, want.Version, want.UpdatedAt = nil, 8, late
			}
			if changed != tc.changed {
				t.Errorf("changed %t", changed)
			}
			if diff := cmp.Diff(parent, after); diff != "" {
				t.Errorf("project (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, now); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpecifications_PatchCountsOneVersion(t *testing.T) {
	t.Parallel()
	live, _ := newSpecification(2)
	live.Title = "t"
	for name, tc := range map[string]struct {
		spec           Specification
		title, content *string
		condition      Precondition
		at             time.Time
		want           Specification // of title, content, version and time of the change
		changed        bool
		code           problem.Code
	}{
		"nothing":              {spec: live, at: late, want: Specification{Title: "t", Content: "x", Version: 7, UpdatedAt: early}},
		"the same":             {spec: live, title: new("t"), content: new("x"), at: late, want: Specification{Title: "t", Content: "x", Version: 7, UpdatedAt: early}},
		"the content":          {spec: live, content: new("y"), at: late, want: Specification{Title: "t", Content: "y", Version: 8, UpdatedAt: late}, changed: true},
		"an empty title":       {spec: live, title: new(""), at: late, want: Specification{Title: "x", Content: "x", Version: 8, UpdatedAt: late}, changed: true},
		"title of new content": {spec: live, title: new(""), content: new("y"), at: late, want: Specification{Title: "y", Content: "y", Version: 8, UpdatedAt: late}, changed: true},
		"clock set back":       {spec: live, content: new("y"), at: early.Add(-time.Hour), want: Specification{Title: "t", Content: "y", Version: 8, UpdatedAt: early}, changed: true},
		"another version":      {spec: live, content: new("y"), condition: stale, at: late, code: problem.PreconditionFailed},
		"in the trash":         {spec: trashedSpecification(live), content: new("y"), at: late, code: problem.SpecificationNotFound},
		"in a trashed project": {spec: inTrashedProject(live), content: new("y"), at: late, code: problem.SpecificationNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patch, errs := ParseSpecificationPatch(tc.title, tc.content)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			now, changed, err := tc.spec.withPatch(patch, tc.condition, tc.at)
			wantCode(t, err, tc.code)
			if changed != tc.changed {
				t.Errorf("changed %t", changed)
			}
			if tc.code != "" {
				return
			}
			want := tc.spec
			want.Title, want.Content, want.Version, want.UpdatedAt = tc.want.Title, tc.want.Content, tc.want.Version, tc.want.UpdatedAt
			if diff := cmp.Diff(want, now); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpecifications_PutWithoutTitleTakesDefaultTitle(t *testing.T) {
	t.Parallel()
	spec, _ := newSpecification(0)
	spec.Title = "t"
	n, _ := ParseNewSpecification("", "y")
	now, changed, err := spec.withPatch(n.patch(), Precondition{}, late)
	if err != nil || !changed || now.Title != "y" || now.Content != "y" {
		t.Errorf("specification %+v, changed %t, %v", now, changed, err)
	}
}
