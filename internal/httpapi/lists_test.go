package httpapi_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	godiff "github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestAParameterThatIsNotValidIsNamed(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	for name, tc := range map[string]struct{ query, names string }{
		"an unknown one":                  {"?limit=5", "limit"},
		"an unknown one without a value":  {"?limit", "limit"},
		"another case":                    {"?Page_Size=5", "Page_Size"},
		"a known one and an unknown one":  {"?page_size=5&offset=0", "offset"},
		"one with an index":               {"?page_size[]=5", "page_size[]"},
		"a blank around the name":         {"?%20page_size=5", " page_size"},
		"no name":                         {"?=5", `""`},
		"a page of 0":                     {"?page_size=0", "page_size"},
		"a page of 101":                   {"?page_size=101", "page_size"},
		"a page below 0":                  {"?page_size=-1", "page_size"},
		"a page of a fraction":            {"?page_size=1.5", "page_size"},
		"a page of a word":                {"?page_size=ten", "page_size"},
		"a page in hexadecimal":           {"?page_size=0x10", "page_size"},
		"a page with an exponent":         {"?page_size=1e1", "page_size"},
		"a page with a blank":             {"?page_size=+5", "page_size"},
		"a page with a line feed":         {"?page_size=5%0A", "page_size"},
		"a page with NUL":                 {"?page_size=5%00", "page_size"},
		"a page beyond 64 bits":           {"?page_size=99999999999999999999", "page_size"},
		"an empty page size":              {"?page_size=", "page_size"},
		"page_size twice":                 {"?page_size=5&page_size=5", "page_size"},
		"page_size twice, once wrong":     {"?page_size=5&page_size=x", "page_size"},
		"page_token twice":                {"?page_token=&page_token=", "page_token"},
		"order_by twice":                  {"?order_by=title&order_by=title", "order_by"},
		"trashed twice":                   {"?trashed=true&trashed=false", "trashed"},
		"an empty order":                  {"?order_by=", "order_by"},
		"an order by what is no column":   {"?order_by=owner_id", "order_by"},
		"an order of specifications":      {"?order_by=number", "order_by"},
		"an order in capitals":            {"?order_by=Title", "order_by"},
		"an order that says asc":          {"?order_by=title+asc", "order_by"},
		"an order that says DESC":         {"?order_by=title+DESC", "order_by"},
		"an order with two blanks":        {"?order_by=title++desc", "order_by"},
		"an order with a blank after":     {"?order_by=title+", "order_by"},
		"an order by two columns":         {"?order_by=title,created_at", "order_by"},
		"an order that is SQL":            {"?order_by=title;+DROP+TABLE+projects", ""},
		"an order that is encoded SQL":    {"?order_by=title%3B+DROP+TABLE+projects", "order_by"},
		"an empty trashed":                {"?trashed=", "trashed"},
		"trashed without a value":         {"?trashed", "trashed"},
		"trashed in capitals":             {"?trashed=TRUE", "trashed"},
		"trashed as a number":             {"?trashed=1", "trashed"},
		"an escape that is none":          {"?page_size=%zz", ""},
		"a semicolon instead of an and":   {"?page_size=5;trashed=true", ""},
		"bad UTF-8":                       {"?order_by=%ff", "order_by"},
		"an unknown name in bad UTF-8":    {"?%ff=1", ""},
		"an unknown name that is no text": {"?%00%0a=1", ""},
		"many unknown ones":               {"?" + strings.Repeat("x&", 500), "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := ann.WithT(t).Get(projectsPath+tc.query).WantProblem(400, "invalid_parameter")
			if !strings.Contains(problem.Detail, tc.names) || mentionsGo(problem.Detail) {
				t.Errorf("%q does not name %s", problem.Detail, tc.names)
			}
		})
	}
	t.Run("also where there are none", func(t *testing.T) {
		t.Parallel()
		ann := ann.WithT(t)
		for _, request := range []struct {
			method, path string
			body         any
		}{
			{"POST", projectsPath, titled("x")},
			{"GET", p.path(), nil},
			{"PUT", p.path(), titled("x")},
			{"PATCH", p.path(), titled("x")},
			{"DELETE", p.path(), nil},
			{"POST", p.path() + "/restore", nil},
			{"POST", "/api/v1/auth/login", `{"id_token": "x"}`},
		} {
			problem := ann.Do(request.method, request.path+"?page_size=5", request.body).WantProblem(400, "invalid_parameter")
			if !strings.Contains(problem.Detail, "page_size") {
				t.Errorf("%q does not name page_size", problem.Detail)
			}
		}
		if got := projectOf(ann.Get(p.path()).Want(200)); got.Version != 1 {
			t.Errorf("a refused request changed the project: %+v", got)
		}
	})
}

func TestParametersThatAreValid(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for i := range 3 {
		newProject(ann, fmt.Sprint("Project ", i))
	}
	for name, tc := range map[string]struct {
		query string
		rows  int
	}{
		"none":                   {"", 3},
		"an empty query":         {"?", 3},
		"an empty token":         {"?page_token=", 3},
		"a page of 1":            {"?page_size=1", 1},
		"a page of 2":            {"?page_size=2", 2},
		"a page of 100":          {"?page_size=100", 3},
		"what is live":           {"?trashed=false", 3},
		"the trash":              {"?trashed=true", 0},
		"an encoded name":        {"?page%5Fsize=1", 1},
		"an order with a plus":   {"?order_by=title+desc", 3},
		"an order with %20":      {"?order_by=title%20desc", 3},
		"all of them":            {"?page_size=2&page_token=&order_by=updated_at&trashed=false", 2},
		"ands that part nothing": {"?&&page_size=1&", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var page projectPage
			answer := ann.WithT(t).Get(projectsPath + tc.query).Want(200).Decode(&page)
			if len(page.Projects) != tc.rows {
				t.Errorf("%d rows, want %d", len(page.Projects), tc.rows)
			}
			if more := page.NextPageToken != ""; more != (tc.rows == 1 || tc.rows == 2) {
				t.Errorf("next_page_token = %q", page.NextPageToken)
			}
			if _, isList := answer.JSON()["projects"].([]any); !isList {
				t.Errorf("no list: %s", answer.Body)
			}
		})
	}
}

func TestAPageHas50RowsUnlessAskedOtherwiseAndAtMost100(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	sql(t, s, `INSERT INTO projects (id, owner_id, title, created_at, updated_at)
		SELECT gen_random_uuid(), $1, 'x', now(), now() FROM generate_series(1, 101)`, ann.User)
	for query, want := range map[string]int{"": 50, "?page_size=100": 100, "?page_size=99": 99} {
		var page projectPage
		ann.Get(projectsPath + query).Want(200).Decode(&page)
		if len(page.Projects) != want || page.NextPageToken == "" {
			t.Errorf("%s: %d rows, next %q", query, len(page.Projects), page.NextPageToken)
		}
	}
}

// orders are all that the list of projects has.
var orders = []string{"created_at", "created_at desc", "updated_at", "updated_at desc", "title", "title desc"}

// inOrder sorts as the contract says: by the column, ties by id, titles by code
// point.
func inOrder(projects []project, order string) []project {
	column, direction, _ := strings.Cut(order, " ")
	key := func(p project) string {
		return map[string]string{"created_at": p.CreatedAt, "updated_at": p.UpdatedAt, "title": p.Title}[column]
	}
	sorted := slices.SortedFunc(slices.Values(projects), func(a, b project) int {
		return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a.ID, b.ID))
	})
	if direction == "desc" {
		slices.Reverse(sorted)
	}
	return sorted
}

// walk reads a list to its end, and calls between pages.
func walk(t *testing.T, c *testkit.Client, parameters []string, between func(last project)) []project {
	t.Helper()
	var all []project
	token := ""
	for range 500 {
		page := list(c, append(slices.Clone(parameters), "page_token", token)...)
		all = append(all, page.Projects...)
		if token = page.NextPageToken; token == "" {
			return all
		}
		if between != nil {
			between(page.Projects[len(page.Projects)-1])
		}
	}
	t.Fatal("the list does not end")
	return nil
}

func TestEveryOrderIsKeptOverPagesOfAnySize(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	newProject(bob, "Between")
	var trash []string
	for _, title := range []string{"b", "a", "B", "a", "", "ä", "a", wide, "z", "\uffff", `a"\`, "A", "b"} {
		if title == "" {
			gone := newProject(ann, "in the trash")
			ann.Delete(gone.path()).Want(204)
			trash = append(trash, gone.ID)
			continue
		}
		newProject(ann, title)
	}
	// Times that are equal, and times that differ in the last digit only.
	sql(t, s, `UPDATE projects SET
		created_at = '2026-01-01T00:00:00Z'::timestamptz + interval '1 microsecond' * (ascii(title) % 3),
		updated_at = '2026-01-01T00:00:00.5Z'::timestamptz + interval '1 microsecond' * (ascii(title) % 2)`)
	everything := list(ann).Projects
	if len(everything) != 12 {
		t.Fatalf("%d projects", len(everything))
	}
	for _, order := range orders {
		want := ids(inOrder(everything, order))
		for _, size := range []string{"1", "2", "3", "4", "11", "12", "13"} {
			t.Run(order+" by "+size, func(t *testing.T) {
				t.Parallel()
				got := ids(walk(t, ann.WithT(t), []string{"order_by", order, "page_size", size}, nil))
				if diff := godiff.Diff(want, got); diff != "" {
					t.Errorf("order (-want +got):\n%s", diff)
				}
			})
		}
		t.Run(order+" of the trash", func(t *testing.T) {
			t.Parallel()
			got := ids(walk(t, ann.WithT(t), []string{"order_by", order, "trashed", "true"}, nil))
			if !slices.Equal(got, trash) {
				t.Errorf("the trash has %v, want %v", got, trash)
			}
		})
	}
	t.Run("the newest come first by default", func(t *testing.T) {
		t.Parallel()
		got := ids(walk(t, ann.WithT(t), []string{"page_size", "5"}, nil))
		if diff := godiff.Diff(ids(inOrder(everything, "created_at desc")), got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}
