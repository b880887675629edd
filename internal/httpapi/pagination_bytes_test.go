package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// A page ends by bytes, too: the walk reads every row once, in order, whatever the sizes.
func TestPagination_PageEndsByBytes(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	// Contents of 400 kB, and small ones in between: 4 MiB are ten large ones.
	execSQL(t, s, `INSERT INTO specifications (id, owner_id, project_id, number, title, content, created_at, updated_at)
		SELECT gen_random_uuid(), $1, $2, n, 'x', CASE WHEN n % 7 = 0 THEN 'small' ELSE repeat('😀', 100000) END, now(), now()
		FROM generate_series(1, 40) AS n`, ann.User, h.ID)
	type list struct {
		Specifications []struct {
			Number  int
			Content *string
			Title   string
		}
		NextPageToken string `json:"next_page_token"`
	}
	for _, order := range []string{"number", "number desc", "title"} {
		seen, pages, token := map[int]bool{}, 0, ""
		for last := 0; ; pages++ {
			var page list
			answer := ann.Get(h.specs() + "?page_size=100&order_by=" + url.QueryEscape(order) + "&page_token=" + url.QueryEscape(token)).Want(200)
			answer.Decode(&page)
			if size := len(answer.Body); size > 4<<20+64<<10 || len(page.Specifications) == 0 {
				t.Errorf("order %s: a page has %d rows in %d bytes", order, len(page.Specifications), size)
			}
			for _, spec := range page.Specifications {
				inOrder := last == 0 || order == "title" || (order == "number") == (spec.Number > last)
				if seen[spec.Number] || !inOrder || spec.Content == nil {
					t.Fatalf("order %s: number %d after %d", order, spec.Number, last)
				}
				seen[spec.Number], last = true, spec.Number
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		if len(seen) != 40 || pages < 3 {
			t.Errorf("order %s: %d rows on %d pages", order, len(seen), pages+1)
		}
	}
	var summary list
	answer := ann.Get(h.specs() + "?page_size=100&view=summary").Want(200)
	answer.Decode(&summary)
	if len(summary.Specifications) != 40 || summary.NextPageToken != "" || strings.Contains(string(answer.Body), `"content"`) || summary.Specifications[0].Title != "x" {
		t.Errorf("the summary has %d rows in %d bytes", len(summary.Specifications), len(answer.Body))
	}
	ann.Get(h.specs()+"?view=x").WantProblem(400, "invalid_parameter")
}

// One row larger than a page is a page.
func TestPagination_LargestRowIsAPage(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	for n := range 2 {
		ann.Post(h.specs(), map[string]any{"content": fmt.Sprint(n) + strings.Repeat("😀", 99_999)}).Want(201)
	}
	var page struct {
		Specifications []struct{ Number int }
		Next           string `json:"next_page_token"`
	}
	ann.Get(h.specs() + "?page_size=1").Want(200).Decode(&page)
	if len(page.Specifications) != 1 || page.Next == "" {
		t.Errorf("the first page has %d rows and the token %q", len(page.Specifications), page.Next)
	}
}
