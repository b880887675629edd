package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// searchHit is a hit as a client reads it.
type searchHit struct {
	Kind            string  `json:"kind"`
	ProjectID       string  `json:"project_id"`
	SpecificationID *string `json:"specification_id"`
	ItemID          *string `json:"item_id"`
	Ref             *string `json:"ref"`
	Title           string  `json:"title"`
	Snippet         []struct {
		Text  string `json:"text"`
		Match bool   `json:"match"`
	} `json:"snippet"`
}

// marked is the snippet with its matches in brackets.
func (h searchHit) marked() string {
	var b strings.Builder
	for _, s := range h.Snippet {
		if s.Match {
			b.WriteString("[" + s.Text + "]")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

type searchPage struct {
	Hits          []searchHit `json:"hits"`
	NextPageToken string      `json:"next_page_token"`
	Complete      bool        `json:"complete"`
}

// searchPath is a search with parameters, in pairs of name and value.
func searchPath(q string, parameters ...string) string {
	return "/api/v1/search" + encodeQuery(append([]string{"q", q}, parameters...)...)
}

func searchFor(c *testkit.Client, q string, parameters ...string) (page searchPage) {
	c.Get(searchPath(q, parameters...)).Want(200).Decode(&page)
	return page
}

func TestSearch_HitNamesResource(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	h := projectOf(ann.Post(projectsPath, map[string]any{"title": "Refunds", "description": "Money <b>back</b>"}).Want(201))
	var spec, item struct{ ID string }
	ann.Post(h.path()+"/specs", map[string]any{"title": "Deadline", "content": "The money arrives within a day."}).Want(201).Decode(&spec)
	ann.Post("/api/v1/specs/"+spec.ID+"/items", map[string]any{"content": "first"}).Want(201)
	ann.Post("/api/v1/specs/"+spec.ID+"/items", map[string]any{"content": "No MONEY is kept."}).Want(201).Decode(&item)
	got := searchFor(ann, "money")
	want := searchPage{Complete: true, Hits: []searchHit{
		{Kind: "item", ProjectID: h.ID, SpecificationID: &spec.ID, ItemID: &item.ID, Ref: new("1.2"), Title: "Deadline"},
		{Kind: "specification", ProjectID: h.ID, SpecificationID: &spec.ID, Title: "Deadline"},
		{Kind: "project", ProjectID: h.ID, Title: "Refunds"},
	}}
	var snippets []string
	for n := range got.Hits {
		snippets = append(snippets, got.Hits[n].marked())
		got.Hits[n].Snippet = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"No [MONEY] is kept.", "The [money] arrives within a day.", "[Money] <b>back</b>"}, snippets); diff != "" {
		t.Errorf("snippets (-want +got):\n%s", diff)
	}
	for parameters, n := range map[[2]string]int{
		{"kind", "item"}: 1, {"kind", "specification"}: 1, {"kind", "project"}: 1,
		{"project_id", h.ID}: 3, {"project_id", newProject(ann, "Other").ID}: 0, {"project_id", "01890a5d-ac96-774b-bcce-b302099a8057"}: 0,
	} {
		if hits := searchFor(ann, "money", parameters[0], parameters[1]).Hits; len(hits) != n {
			t.Errorf("%v: %d hits, want %d", parameters, len(hits), n)
		}
	}
}

func TestSearch_WalkFindsEachHitOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	spec := newSpec(ann)
	execSQL(t, s, `INSERT INTO bullet_items (id, owner_id, spec_id, number, content, created_at, updated_at)
		SELECT gen_random_uuid(), $1, $2, n, CASE n % 3 WHEN 0 THEN 'a zebra' WHEN 1 THEN 'prezebra' ELSE 'none' END, now(), `+strings.Replace(repeatedTimes, "\n", " ", 1)[strings.Index(repeatedTimes, ",")+1:]+`
		FROM generate_series(1, 100) AS n`, ann.User, spec.ID)
	seen, inside, token := map[string]bool{}, false, ""
	for pages := 1; ; pages++ {
		page := searchFor(ann, "zebra", "page_size", "7", "page_token", token)
		for _, h := range page.Hits {
			if seen[*h.ItemID] {
				t.Errorf("%s occurs twice", *h.Ref)
			}
			seen[*h.ItemID] = true
			if inside && h.marked() == "a [zebra]" {
				t.Errorf("%s is a whole word behind parts of words", *h.Ref)
			}
			inside = h.marked() == "pre[zebra]"
		}
		if token = page.NextPageToken; token == "" {
			if len(seen) != 67 || pages != 10 {
				t.Errorf("%d hits on %d pages", len(seen), pages)
			}
			break
		}
		if pages == 1 { // the token belongs to this search alone
			for _, path := range []string{searchPath("zebr"), searchPath("zebra", "kind", "item"), searchPath("zebra", "project_id", spec.ProjectID)} {
				ann.Get(path+"&page_token="+url.QueryEscape(token)).WantProblem(400, "invalid_page_token")
			}
			s.SignUp(t).Get(searchPath("zebra", "page_token", token)).WantProblem(400, "invalid_page_token")
		}
	}
}

func TestSearch_OnlyLengthMakesQueryInvalid(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	newBullet(ann, newSpec(ann), "some text")
	for _, q := range []string{"\x00", "a\x00b", "\xff", " ", `"`, `""`, "-", `-"`, "%", "_", `\`, ":*", "'; DROP TABLE users; --", "(", "[[", "a{9999}", "***:x", "(?i)a", strings.Repeat("-q ", 66), strings.Repeat("é", 200)} {
		if page := searchFor(ann, q); len(page.Hits) != 0 || !page.Complete || page.NextPageToken != "" {
			t.Errorf("%q finds %+v", q, page)
		}
	}
	for _, query := range []string{"", "?q=", "?q=" + strings.Repeat("a", 201), "?q=a&q=b", "?q=a&kind=user", "?q=a&project_id=1", "?q=a&order_by=title"} {
		ann.Get("/api/v1/search"+query).WantProblem(400, "invalid_parameter")
	}
}

func TestSearch_FindsOnlyOwnContent(t *testing.T) {
	t.Parallel()
	eachIsolationLayer(t, func(t *testing.T, s *testkit.Server) {
		ann, bob := s.SignUp(t), s.SignUp(t)
		his := newSpec(bob, "a secret item")
		bob.Patch(his.path(), `{"title": "Secret", "content": "secret"}`).Want(200)
		newProject(bob, "Secret")
		newProject(ann, "Secret of Ann")
		for _, parameters := range [][]string{nil, {"kind", "project"}} {
			if hits := searchFor(ann, "secret", parameters...).Hits; len(hits) != 1 || hits[0].Title != "Secret of Ann" {
				t.Errorf("ann finds %+v", hits)
			}
		}
		if hits := searchFor(ann, "secret", "project_id", his.ProjectID).Hits; len(hits) != 0 {
			t.Errorf("in bob's project ann finds %+v", hits)
		}
		if hits := searchFor(bob, "secret").Hits; len(hits) != 3 {
			t.Errorf("bob finds %+v", hits)
		}
	})
}

// A page ends by bytes, too.
func TestSearch_PageEndsByBytes(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	execSQL(t, s, `INSERT INTO specifications (id, owner_id, project_id, number, title, content, created_at, updated_at)
		SELECT gen_random_uuid(), $1, $2, n, 'x', repeat('😀', 99990) || ' zebra', now(), now() FROM generate_series(1, 25) AS n`, ann.User, h.ID)
	seen, pages, token := map[string]bool{}, 0, ""
	for {
		page := searchFor(ann, "zebra", "page_size", "100", "page_token", token)
		for _, hit := range page.Hits {
			seen[*hit.SpecificationID] = true
			if !strings.HasSuffix(hit.marked(), " [zebra]") {
				t.Errorf("snippet %q", hit.marked())
			}
		}
		pages++
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	if fmt.Sprint(len(seen), pages) != "25 3" {
		t.Errorf("%d hits on %d pages", len(seen), pages)
	}
}
