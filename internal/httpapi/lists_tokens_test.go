package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestATokenOfOneListIsNoneOfAnother(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	h, other := newHome(ann), newHome(ann)
	bobs := newHome(bob)
	for _, n := range []string{"a", "b", "c"} {
		h.add(ann, n)
		other.add(ann, n)
		bobs.add(bob, n)
	}
	var page struct {
		NextPageToken string `json:"next_page_token"`
	}
	ann.Get(h.specs() + "?page_size=1").Want(200).Decode(&page)
	query := "?page_size=1&page_token=" + page.NextPageToken
	ann.Get(h.specs() + query).Want(200)
	ann.Get(h.specs() + "?page_size=100&page_token=" + page.NextPageToken).Want(200) // the size may change
	for name, answer := range map[string]*testkit.Response{
		"another project":      ann.Get(other.specs() + query),
		"somebody else's":      bob.Get(bobs.specs() + query),
		"the list of projects": ann.Get("/api/v1/projects" + query),
		"another order":        ann.Get(h.specs() + query + "&order_by=title"),
		"the other direction":  ann.Get(h.specs() + query + "&order_by=number+desc"),
		"the trash":            ann.Get(h.specs() + query + "&trashed=true"),
		"one letter altered":   ann.Get(h.specs() + query[:len(query)-2] + "__"),
	} {
		if answer.Status != 400 || !strings.Contains(string(answer.Body), `"invalid_page_token"`) {
			t.Errorf("%s: answered %d: %s", name, answer.Status, answer.Body)
		}
	}
}
