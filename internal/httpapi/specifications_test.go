package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// spec is what a client reads of a specification.
type spec struct {
	ID        string    `json:"id"`
	ProjectID string    `json:"project_id"`
	Number    int       `json:"number"`
	Title     string    `json:"title"`
	Content   string    `json:"content"`
	ItemCount int       `json:"item_count"`
	Version   int       `json:"version"`
	CreatedAt string    `json:"created_at"`
	UpdatedAt string    `json:"updated_at"`
	DeletedAt *string   `json:"deleted_at"`
	Items     *[]bullet `json:"items"`
}

func (s spec) path() string { return "/api/v1/specs/" + s.ID }

func (s spec) tag() string { return strconv.Quote(strconv.Itoa(s.Version)) }

// specOf reads the specification in a response.
func specOf(a *testkit.Response) (s spec) {
	a.Decode(&s)
	return s
}

// specProject is what a client reads of the parent project of specifications.
type specProject struct {
	ID        string `json:"id"`
	Count     int    `json:"specification_count"`
	Version   int    `json:"version"`
	UpdatedAt string `json:"updated_at"`
}

func (h specProject) path() string { return "/api/v1/projects/" + h.ID }

func (h specProject) specs() string { return h.path() + "/specs" }

func newSpecProject(c *testkit.Client) (h specProject) {
	c.Post("/api/v1/projects", map[string]any{"title": "Home"}).Want(201).Decode(&h)
	return h
}

// reload reads the project again.
func (h specProject) reload(c *testkit.Client) (now specProject) {
	c.Get(h.path()).Want(200).Decode(&now)
	return now
}

func (h specProject) add(c *testkit.Client, content string) spec {
	return specOf(c.Post(h.specs(), map[string]any{"content": content}).Want(201))
}

// newSpec creates a specification with items in a new project.
func newSpec(c *testkit.Client, items ...string) spec {
	made := newSpecProject(c).add(c, "# First\nand more")
	for _, content := range items {
		newBullet(c, made, content)
	}
	return reloadSpec(c, made)
}

// reloadSpec reads the specification again.
func reloadSpec(c *testkit.Client, s spec) spec { return specOf(c.Get(s.path()).Want(200)) }

func TestSpecifications_Create(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpecProject(ann)
	made := ann.Post(parent.specs(), map[string]any{"title": " Refunds ", "content": "Within a day."}).Want(201)
	got := specOf(made)
	want := spec{
		ID: got.ID, ProjectID: parent.ID, Number: 1, Title: "Refunds", Content: "Within a day.",
		Version: 1, CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("specification (-want +got):\n%s", diff)
	}
	if at := made.Header.Get("Location"); at != got.path() {
		t.Errorf("Location = %s, want %s", at, got.path())
	}
	again := ann.Get(got.path()).Want(200)
	if string(again.Body) != string(made.Body) {
		t.Errorf("read %s, created %s", again.Body, made.Body)
	}
	head := ann.Do("HEAD", got.path(), nil).Want(200)
	for what, a := range map[string]*testkit.Response{"POST": made, "GET": again, "HEAD": head} {
		if tag := a.Header.Get("ETag"); tag != `"1"` {
			t.Errorf("%s: ETag = %s", what, tag)
		}
	}
}

// specText is what a client may write in a specification.
type specText struct{ Title, Content string }

func TestSpecifications_Change(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, tc := range map[string]struct {
		method, body string
		want         specText
	}{
		"PUT of both": {"PUT", `{"title": "New", "content": "y"}`, specText{"New", "y"}},
		"PUT without a title derives it from the content": {"PUT", `{"content": "\n## Second\nz"}`, specText{"Second", "\n## Second\nz"}},
		"PUT with an empty title derives it too":          {"PUT", `{"title": "", "content": "- y"}`, specText{"y", "- y"}},
		"PUT with a blank title derives it too":           {"PUT", `{"title": " \t", "content": "- y"}`, specText{"y", "- y"}},
		"PUT of a content without words":                  {"PUT", `{"content": "# -"}`, specText{"-", "# -"}},
		"PATCH of the content keeps the title":            {"PATCH", `{"content": "# Second"}`, specText{"Old", "# Second"}},
		"PATCH of the title keeps the content":            {"PATCH", `{"title": " New "}`, specText{"New", "# First\nline"}},
		"PATCH with an empty title derives it again":      {"PATCH", `{"title": ""}`, specText{"First", "# First\nline"}},
		"PATCH with a title of null derives it again":     {"PATCH", `{"title": null}`, specText{"First", "# First\nline"}},
		"PATCH of both, the title from the new content":   {"PATCH", `{"title": null, "content": "* Second"}`, specText{"Second", "* Second"}},
		"PATCH of the content by one blank":               {"PATCH", `{"content": "# First\nline "}`, specText{"Old", "# First\nline "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			parent := newSpecProject(ann)
			old := specOf(ann.Post(parent.specs(), specText{"Old", "# First\nline"}.body()).Want(201))
			before := parent.reload(ann)
			answer := ann.Do(tc.method, old.path(), tc.body).Want(200)
			got := specOf(answer)
			want := old
			want.Title, want.Content, want.Version, want.UpdatedAt = tc.want.Title, tc.want.Content, 2, got.UpdatedAt
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
			if got.UpdatedAt <= old.UpdatedAt || answer.Header.Get("ETag") != `"2"` {
				t.Errorf("updated at %s, before %s, ETag %s", got.UpdatedAt, old.UpdatedAt, answer.Header.Get("ETag"))
			}
			if diff := cmp.Diff(got, reloadSpec(ann, old)); diff != "" {
				t.Errorf("read again (-answered +read):\n%s", diff)
			}
			if now := parent.reload(ann); now != before {
				t.Errorf("the project is %+v now, was %+v", now, before)
			}
		})
	}
}

func (s specText) body() map[string]any {
	return map[string]any{"title": s.Title, "content": s.Content}
}

func TestSpecifications_NoopKeepsVersion(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	named := specOf(ann.Post(newSpecProject(ann).specs(), specText{"Old", "# First\nline"}.body()).Want(201))
	derived := newSpecProject(ann).add(ann, "# First\nline")
	for name, tc := range map[string]struct {
		of           spec
		method, body string
	}{
		"PUT of the same":                {named, "PUT", `{"title": "Old", "content": "# First\nline"}`},
		"PUT of the same, blanks around": {named, "PUT", `{"title": " Old ", "content": "# First\nline"}`},
		"PUT without the derived title":  {derived, "PUT", `{"content": "# First\nline"}`},
		"PATCH of nothing":               {named, "PATCH", `{}`},
		"PATCH of the same title":        {named, "PATCH", `{"title": "Old"}`},
		"PATCH of the same content":      {named, "PATCH", `{"content": "# First\nline"}`},
		"PATCH to the derived title":     {derived, "PATCH", `{"title": null}`},
		"restore of what is live":        {named, "POST", ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answer *testkit.Response
			if tc.method == "POST" {
				answer = ann.WithT(t).Post(tc.of.path()+"/restore", nil)
			} else {
				answer = ann.WithT(t).Do(tc.method, tc.of.path(), tc.body)
			}
			if diff := cmp.Diff(tc.of, specOf(answer.Want(200))); diff != "" {
				t.Errorf("specification (-before +after):\n%s", diff)
			}
			if tag := answer.Header.Get("ETag"); tag != `"1"` {
				t.Errorf("ETag = %s", tag)
			}
		})
	}
}

func TestSpecifications_ContentIsStoredByteForByte(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, content := range map[string]string{
		"line ends of Windows":             "a\r\nb\r\n",
		"line ends of all systems":         "\ra\r\rb\n\r\nc",
		"blanks around":                    " \n\t a \u00a0\n\n",
		"combining characters":             "e\u0301 is not \u00e9, nor \u1112\u1161\u11ab \ud55c",
		"emoji and what joins them":        "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪",
		"both directions":                  "\u202eabc\u202c \u05d0\u05d1",
		"HTML markup":                      `<script>alert("&amp;")</script>`,
		"what JSON escapes":                `a"b\c/d` + "\u2028\u2029",
		"a byte order mark and nonchars":   "\ufeffa\uffff\U0010ffff\ufffd",
		"the longest, four bytes each":     strings.Repeat("\U0001f9fe", 100_000),
		"the longest, escaped":             strings.Repeat("\n", 99_999) + "x",
		"what looks like SQL and formats":  `'); DROP TABLE users; -- %s $1 {{.}}`,
		"a zero-width blank and no others": "\u200b",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			parent := newSpecProject(ann)
			made := specOf(ann.Post(parent.specs(), specText{"x", content}.body()).Want(201))
			var page struct{ Specifications []spec }
			ann.Get(parent.specs()).Want(200).Decode(&page)
			got := map[string]string{"POST": made.Content, "GET": reloadSpec(ann, made).Content, "list": page.Specifications[0].Content}
			for _, method := range []string{"PUT", "PATCH"} {
				other := parent.add(ann, "other")
				got[method] = specOf(ann.Do(method, other.path(), map[string]any{"content": content}).Want(200)).Content
			}
			for what, text := range got {
				if text != content {
					t.Errorf("%s answers %.80q of %d bytes, want %.80q of %d", what, text, len(text), content, len(content))
				}
			}
		})
	}
}

func TestValidation_SpecificationNamesEveryError(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	old := newSpec(ann)
	all, whole := []string{"POST", "PUT", "PATCH"}, []string{"POST", "PUT"}
	for name, tc := range map[string]struct {
		methods []string
		body    any
		want    []string
	}{
		"a title of 201":                 {all, specText{strings.Repeat("🧾", 201), "x"}.body(), []string{"/title too_long"}},
		"a content of 100,001":           {all, specText{"x", strings.Repeat("🧾", 100_001)}.body(), []string{"/content too_long"}},
		"an empty content":               {all, `{"content": ""}`, []string{"/content blank"}},
		"a blank content":                {all, `{"content": "\t\r\n\u2003"}`, []string{"/content blank"}},
		"controls in both":               {all, `{"title": "a\tb", "content": "\u0000x"}`, []string{"/content control_character", "/title control_character"}},
		"a line feed in the title":       {all, `{"title": "a\nb", "content": "x"}`, []string{"/title control_character"}},
		"a content that is a number":     {all, `{"content": 1}`, []string{"/content wrong_type"}},
		"a title that is a list":         {all, `{"title": ["x"], "content": "x"}`, []string{"/title wrong_type"}},
		"a content of null":              {all, `{"content": null}`, []string{"/content wrong_type"}},
		"no content":                     {whole, `{"title": "x"}`, []string{"/content required"}},
		"nothing":                        {whole, `{}`, []string{"/content required"}},
		"fields of the server":           {all, `{"content": "x", "number": 9, "version": 1, "id": "x", "project_id": "x"}`, []string{"/id unknown_field", "/number unknown_field", "/project_id unknown_field", "/version unknown_field"}},
		"items":                          {all, `{"content": "x", "ref": "1", "item_ids": [], "item_count": 0}`, []string{"/item_count unknown_field", "/item_ids unknown_field", "/ref unknown_field"}},
		"a deletion by hand":             {all, `{"content": "x", "deleted_at": null}`, []string{"/deleted_at unknown_field"}},
		"several errors":                 {whole, `{"title": "a\u0085b", "Content": "x"}`, []string{"/Content unknown_field", "/content required", "/title control_character"}},
		"another case of the name":       {whole, `{"Content": "x"}`, []string{"/Content unknown_field", "/content required"}},
		"a list":                         {all, `["x"]`, []string{"wrong_type"}},
		"a long title with a line break": {all, specText{strings.Repeat("x", 200) + "\nx", "x"}.body(), []string{"/title control_character", "/title too_long"}},
	} {
		for _, method := range tc.methods {
			t.Run(method+" of "+name, func(t *testing.T) {
				t.Parallel()
				path := old.path()
				if method == "POST" {
					path = "/api/v1/projects/" + old.ProjectID + "/specs"
				}
				got := ann.WithT(t).Do(method, path, tc.body).WantProblem(422, "validation_failed").FieldErrors()
				slices.Sort(got)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("field errors (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSpecifications_LimitIsExact(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t, func(s *server.Settings) { s.MaxSpecifications = 2 }).SignUp(t)
	parent := newSpecProject(ann)
	first, second := parent.add(ann, "one"), parent.add(ann, "two")
	full := parent.reload(ann)
	ann.Post(parent.specs(), map[string]any{"content": "three"}).WantProblem(409, "specification_limit_reached")
	ann.Post(second.path()+"/restore", nil).Want(200) // it is live and needs no capacity
	if now := parent.reload(ann); now != full {
		t.Errorf("rejected, but the project is %+v, was %+v", now, full)
	}
	ann.Delete(first.path()).Want(204)
	third := parent.add(ann, "three")
	ann.Post(first.path()+"/restore", nil).WantProblem(409, "specification_limit_reached")
	ann.Get(first.path()).WantProblem(404, "specification_not_found")
	ann.Delete(third.path()).Want(204)
	ann.Post(first.path()+"/restore", nil).Want(200)
	if other := newSpecProject(ann).add(ann, "x"); third.Number != 3 || other.Number != 1 {
		t.Errorf("numbers %d and %d, want 3, and 1 elsewhere", third.Number, other.Number)
	}
}

func TestSpecifications_WritesRaiseProjectVersion(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpecProject(ann)
	var made spec
	for _, step := range []struct {
		what   string
		do     func()
		raised int
		count  int
	}{
		{"adding", func() { made = parent.add(ann, "x") }, 1, 1},
		{"adding another", func() { parent.add(ann, "x") }, 1, 2},
		{"reading", func() { ann.Get(parent.specs()).Want(200); reloadSpec(ann, made) }, 0, 2},
		{"changing", func() { ann.Put(made.path(), map[string]any{"content": "y"}).Want(200) }, 0, 2},
		{"adding an item", func() { newBullet(ann, made, "x") }, 0, 2},
		{"trashing", func() { ann.Delete(made.path()).Want(204) }, 1, 1},
		{"trashing again", func() { ann.Delete(made.path()).Want(404) }, 0, 1},
		{"restoring", func() { ann.Post(made.path()+"/restore", nil).Want(200) }, 1, 2},
		{"restoring again", func() { ann.Post(made.path()+"/restore", nil).Want(200) }, 0, 2},
		{"an invalid creation", func() { ann.Post(parent.specs(), map[string]any{"content": ""}).Want(422) }, 0, 2},
	} {
		before := parent.reload(ann)
		step.do()
		after := parent.reload(ann)
		if after.Version != before.Version+step.raised || after.Count != step.count || (after.UpdatedAt > before.UpdatedAt) != (step.raised > 0) {
			t.Errorf("after %s: %+v, before: %+v", step.what, after, before)
		}
	}
	if number := parent.add(ann, "x").Number; number != 3 {
		t.Errorf("the third has number %d", number)
	}
}

// A number selects one specification or none, live, in the trash and at a revision.
func TestSpecifications_SelectedByNumber(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	h := newSpecProject(ann)
	made := []spec{h.add(ann, "one"), h.add(ann, "two"), h.add(ann, "three")}
	ann.Delete(made[1].path()).Want(204) // r5
	for query, want := range map[string]string{
		"number=1":              "1 one",
		"number=3":              "3 three",
		"number=3&view=summary": "3 ",
		"number=1&order_by=updated_at desc&page_size=100": "1 one",
		"number=2":                    "",
		"number=2&trashed=true":       "2 two",
		"number=1&trashed=true":       "",
		"number=4":                    "",
		"number=999999999":            "",
		"number=2&at=r4":              "2 two",
		"number=2&at=r5":              "",
		"number=3&at=r3":              "",
		"number=3&at=r4&view=summary": "3 ",
	} {
		var list struct {
			Specifications []spec
			Next           string `json:"next_page_token"`
		}
		ann.Get(h.specs() + "?" + strings.ReplaceAll(query, " ", "%20")).Want(200).Decode(&list)
		var got strings.Builder
		for _, s := range list.Specifications {
			got.WriteString(fmt.Sprintf("%d %s", s.Number, s.Content))
		}
		if got.String() != want || list.Next != "" {
			t.Errorf("%s: %q and the token %q, want %q", query, got.String(), list.Next, want)
		}
	}
	for _, number := range []string{"0", "-1", "x", "", "1,2", "1.0", "1000000000"} {
		ann.Get(h.specs()+"?number="+number).WantProblem(400, "invalid_parameter")
	}
	token := ann.Get(h.specs() + "?page_size=1").Want(200).JSON()["next_page_token"].(string)
	ann.Get(h.specs()+"?page_size=1&number=3&page_token="+url.QueryEscape(token)).WantProblem(400, "invalid_page_token")
}
