package httpapi_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestETag_IfNoneMatch(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	ann.Patch(p.path(), map[string]any{"title": "Bills"}).Want(200) // now at version 2
	for name, tc := range map[string]struct {
		tags []string
		want int
	}{
		"the present version":                     {[]string{`"2-2"`}, 304},
		"the present version, weak":               {[]string{`W/"2-2"`}, 304},
		"any":                                     {[]string{`*`}, 304},
		"any, with blanks":                        {[]string{` * `}, 304},
		"a list with the present version":         {[]string{`"1", "2-2", "9"`}, 304},
		"a list without blanks":                   {[]string{`"1","2-2"`}, 304},
		"a list with empty members":               {[]string{`, "1",, "2-2",`}, 304},
		"a list of weak tags":                     {[]string{`W/"1", W/"2-2"`}, 304},
		"two lines":                               {[]string{`"1"`, `"2-2"`}, 304},
		"a tag with a comma in it, then the tag":  {[]string{`"a,b", "2-2"`}, 304},
		"another version":                         {[]string{`"1"`}, 200},
		"a list without the present version":      {[]string{`"1", W/"3"`}, 200},
		"the version alone":                       {[]string{`"2"`}, 200},
		"an earlier revision":                     {[]string{`"2-1"`}, 200},
		"the version in other digits":             {[]string{`"02-2"`}, 200},
		"the version within a tag":                {[]string{`"a2-2"`}, 200},
		"a tag that only looks like a list of it": {[]string{`"1, 2-2"`}, 200},
		"no quotes, which is no tag":              {[]string{`2-2`}, 200},
		"an open quote, which is no tag":          {[]string{`"2-2`}, 200},
		"a lower-case w, which is no tag":         {[]string{`w/"2-2"`}, 200},
		"two tags without a comma":                {[]string{`"2-2" "3"`}, 200},
		"nothing":                                 {[]string{` `}, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(method+" with "+name, func(t *testing.T) {
				t.Parallel()
				var headers []string
				for _, line := range tc.tags {
					headers = append(headers, "If-None-Match", line)
				}
				answer := ann.WithT(t).Do(method, p.path(), nil, headers...).Want(tc.want)
				if got := answer.Header.Get("ETag"); got != `"2-2"` {
					t.Errorf("ETag = %s", got)
				}
				if got := answer.Header.Get("Cache-Control"); got != "private, no-cache" {
					t.Errorf("Cache-Control = %s", got)
				}
				if tc.want == 304 && (len(answer.Body) != 0 || answer.Header.Get("Content-Type") != "") {
					t.Errorf("304 with a body: %q, %v", answer.Body, answer.Header)
				}
			})
		}
	}
}

func TestETag_IfNoneMatchOfReads(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	whatever := []string{"If-None-Match", "*"}
	ann.Get(projectsPath+"/"+uuid.NewString(), whatever...).WantProblem(404, "project_not_found")
	ann.Get(projectsPath+"?page_size=0", whatever...).WantProblem(400, "invalid_parameter")
	ann.Get(projectsPath, whatever...).Want(200)
	ann.Get("/health/live", whatever...).Want(200)
	ann.Delete(p.path()).Want(204)
	ann.Get(p.path(), whatever...).WantProblem(404, "project_not_found")
	ann.Post(p.path()+"/restore", nil, whatever...).WantProblem(412, "precondition_failed")
}

// conditionalWrites are the requests that take If-Match. Each one changes the
// project.
var conditionalWrites = map[string]struct {
	body any
	done int
}{
	"PUT":    {map[string]any{"title": "Changed"}, 200},
	"PATCH":  {map[string]any{"title": "Changed"}, 200},
	"DELETE": {nil, 204},
}

func TestETag_IfMatch(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const done, stale, rejected = 0, 412, 400
	for name, tc := range map[string]struct {
		lines []string
		want  int
	}{
		"the present version":                       {[]string{`"2"`}, done},
		"the present version, with blanks":          {[]string{"  \t\"2\" \t"}, done},
		"any":                                       {[]string{`*`}, done},
		"a list with the present version":           {[]string{`"1", "2"`}, done},
		"a list without blanks":                     {[]string{`"2","3"`}, done},
		"a list with empty members":                 {[]string{`,, "2" ,`}, done},
		"two lines":                                 {[]string{`"1"`, `"2"`}, done},
		"a list with a weak tag and the version":    {[]string{`W/"2", "2"`}, done},
		"a foreign tag and the version":             {[]string{`"a,b=c;/*", "2"`}, done},
		"an older version":                          {[]string{`"1"`}, stale},
		"a version to come":                         {[]string{`"3"`}, stale},
		"a list of other versions":                  {[]string{`"1", "3"`}, stale},
		"the present version, weak":                 {[]string{`W/"2"`}, done},
		"the present version, compressed by Apache": {[]string{`"2-gzip"`}, done},
		"the present version, compressed by Jetty":  {[]string{`"2--gzip"`}, done},
		"the present version, compressed and weak":  {[]string{`W/"2;br"`}, done},
		"an older version, compressed":              {[]string{`"1-gzip"`}, stale},
		"a revision to come":                        {[]string{`"2-77"`}, stale},
		"an earlier revision":                       {[]string{`"2-0"`}, done},
		"a counter that a project does not have":    {[]string{`"2-2-0"`}, stale},
		"a list of weak tags":                       {[]string{`W/"1", W/"2"`}, done},
		"the version in other digits":               {[]string{`"02"`}, stale},
		"the version with a sign":                   {[]string{`"+2"`}, stale},
		"a version below zero":                      {[]string{`"-2"`}, stale},
		"an empty tag":                              {[]string{`""`}, stale},
		"a quoted star":                             {[]string{`"*"`}, stale},
		"a number too large for any version":        {[]string{`"99999999999999999999999999"`}, stale},
		"a foreign tag":                             {[]string{`"abc"`}, stale},
		"nothing":                                   {[]string{` `}, rejected},
		"only a comma":                              {[]string{`,`}, rejected},
		"no quotes":                                 {[]string{`2`}, rejected},
		"an open quote":                             {[]string{`"2`}, rejected},
		"a lower-case w":                            {[]string{`w/"2"`}, rejected},
		"a blank after W/":                          {[]string{`W/ "2"`}, rejected},
		"a blank inside of the tag":                 {[]string{`"2 "`}, rejected},
		"two tags without a comma":                  {[]string{`"2" "3"`}, rejected},
		"a tag and then no tag":                     {[]string{`"2", x`}, rejected},
		"star in a list":                            {[]string{`"2", *`}, rejected},
		"star twice":                                {[]string{`*, *`}, rejected},
		"star in one line and a version in another": {[]string{`*`, `"2"`}, rejected},
		"single quotes":                             {[]string{`'2'`}, rejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			var headers []string
			for _, line := range tc.lines {
				headers = append(headers, "If-Match", line)
			}
			for method, request := range conditionalWrites {
				p := newProject(ann, "Old")
				before := ann.Patch(p.path(), map[string]any{"title": "Newer"}).Want(200)
				answer := ann.Do(method, p.path(), request.body, headers...)
				switch tc.want {
				case done:
					answer.Want(request.done)
					continue
				case stale:
					problem := answer.WantProblem(412, "precondition_failed")
					if diff := cmp.Diff(before.JSON(), problem.Current); diff != "" {
						t.Errorf("%s: current (-want +got):\n%s", method, diff)
					}
				case rejected:
					problem := answer.WantProblem(400, "invalid_header")
					if problem.Current != nil {
						t.Errorf("%s: the rejection of a header has a current resource", method)
					}
				}
				if after := ann.Get(p.path()).Want(200); !bytes.Equal(after.Body, before.Body) {
					t.Errorf("%s changed %s to %s", method, before.Body, after.Body)
				}
			}
		})
	}
}

func TestETag_IfMatchPrecedesTheWrite(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	stale := []string{"If-Match", `"7"`}

	t.Run("a no-op with an old tag is 412", func(t *testing.T) {
		t.Parallel()
		ann := ann.WithT(t)
		ann.Patch(p.path(), `{}`, stale...).WantProblem(412, "precondition_failed")
		ann.Put(p.path(), map[string]any{"title": p.Title, "description": p.Description}, stale...).WantProblem(412, "precondition_failed")
	})
	t.Run("a missing project is 404 under any condition", func(t *testing.T) {
		t.Parallel()
		ann := ann.WithT(t)
		for _, tag := range []string{`*`, `"1"`, `"7"`} {
			for method, request := range conditionalWrites {
				ann.Do(method, projectsPath+"/"+uuid.NewString(), request.body, "If-Match", tag).WantProblem(404, "project_not_found")
			}
		}
	})
	t.Run("a trashed project is 404 under any condition", func(t *testing.T) {
		t.Parallel()
		ann := ann.WithT(t)
		gone := newProject(ann, "Gone")
		ann.Delete(gone.path(), "If-Match", `"1"`).Want(204)
		for _, tag := range []string{`*`, `"1"`, `"2"`} {
			for method, request := range conditionalWrites {
				ann.Do(method, gone.path(), request.body, "If-Match", tag).WantProblem(404, "project_not_found")
			}
		}
	})
}

func TestETag_ChangesWithEveryVersion(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	made := ann.Post(projectsPath, map[string]any{"title": "Invoices"}).Want(201)
	path, tag := made.Header.Get("Location"), made.Header.Get("ETag")

	tag = ann.Put(path, map[string]any{"title": "Bills"}, "If-Match", tag).Want(200).Header.Get("ETag")
	tag = ann.Patch(path, map[string]any{"description": "x"}, "If-Match", tag).Want(200).Header.Get("ETag")
	ann.Get(path, "If-None-Match", tag).Want(304)
	ann.Delete(path, "If-Match", tag).Want(204)
	restored := ann.Post(path+"/restore", nil).Want(200).Header.Get("ETag")
	if restored == tag {
		t.Errorf("the tag %s is the same after the trash", tag)
	}
	ann.Get(path, "If-None-Match", tag).Want(200)
	ann.Patch(path, map[string]any{"title": "Back"}, "If-Match", restored).Want(200)
}
