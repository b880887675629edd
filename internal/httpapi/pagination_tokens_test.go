package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestPagination_AlteredTokenIsRejected(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for _, title := range []string{"a", "b", "c"} {
		newProject(ann, title)
	}
	byTitle := []string{"order_by", "title", "page_size", "1"}
	token := listProjects(ann, byTitle...).NextPageToken
	altered := map[string]string{
		"doubled": token + token, "in a blank": " " + token, "before a blank": token + " ",
		"with padding": token + "=", "with more padding": token + "==", "with a character more": token + "A",
		"with a character less": token[:len(token)-1], "with a character less in front": token[1:],
		"with a line feed": token[:9] + "\n" + token[9:], "with a line feed after it": token + "\n",
		"with a return after it": token + "\r\n", "with NUL": token + "\x00",
		"cut to nothing but its seal": token[:22], "in capitals": strings.ToUpper(token),
		"made up": "bmV4dA", "a number": "2", "null": "null", "base64 of nothing": "====", "of another alphabet": "\u2603",
		"as long as can be": strings.Repeat("A", 2000),
	}
	for i := range token {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		altered[fmt.Sprintf("with another character at %d", i)] = token[:i] + string(other) + token[i+1:]
	}
	// The last character holds bits that a lax decoder ignores.
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if changed := token[:len(token)-1] + string(last); changed != token {
			altered["ending in "+string(last)] = changed
		}
	}
	for name, changed := range altered {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann.WithT(t).Get(projectsPath+encodeQuery(append(slices.Clone(byTitle), "page_token", changed)...)).
				WantProblem(400, "invalid_page_token")
		})
	}
}

func TestPagination_TokenIsBoundToUserOrderAndFilter(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	replica := s.Replica(t)
	otherKey := s.Replica(t, func(settings *server.Settings) {
		settings.SecretKey = "another-secret-key-of-32-bytes-or-more"
		settings.RedisURL = "" // the other replicas cache the page there
	})
	for _, c := range []*testkit.Client{ann, bob} {
		for _, title := range []string{"a", "a", "b"} {
			p := newProject(c, title)
			c.Delete(p.path()).Want(204)
			newProject(c, title)
		}
	}
	asked := []string{"order_by", "title", "page_size", "1", "trashed", "false"}
	first := listProjects(ann, asked...)
	with := func(changes ...string) string {
		values := url.Values{"page_token": {first.NextPageToken}}
		for pair := range slices.Chunk(append(slices.Clone(asked), changes...), 2) {
			values.Set(pair[0], pair[1])
		}
		return projectsPath + "?" + values.Encode()
	}
	ann.Get(with()).Want(200) // is cached from now on
	for name, tc := range map[string]struct {
		caller *testkit.Client
		path   string
		want   int
	}{
		"the same question":            {ann, with(), 200},
		"at another replica":           {ann.At(replica), with(), 200},
		"with another page size":       {ann, with("page_size", "100"), 200},
		"by another user":              {bob, with(), 400},
		"in the opposite order":        {ann, with("order_by", "title desc"), 400},
		"in another order":             {ann, with("order_by", "created_at"), 400},
		"in the default order":         {ann, projectsPath + "?page_token=" + first.NextPageToken, 400},
		"of the trash":                 {ann, with("trashed", "true"), 400},
		"of a server with another key": {ann.At(otherKey), with(), 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := tc.caller.WithT(t).Get(tc.path).Want(tc.want)
			if tc.want == 400 {
				answer.WantProblem(400, "invalid_page_token")
			}
		})
	}
	t.Run("also for the same person in another session", func(t *testing.T) {
		t.Parallel()
		var again projectPage
		ann.WithT(t).Get(with()).Want(200).Decode(&again)
		if len(again.Projects) != 1 || again.Projects[0].ID == first.Projects[0].ID {
			t.Errorf("the second page has %+v", again.Projects)
		}
	})
}

func TestPagination_TokenSurvivesItsRow(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for _, title := range []string{"a", "b", "c"} {
		newProject(ann, title)
	}
	asked := []string{"order_by", "title", "page_size", "1"}
	first := listProjects(ann, asked...)
	ann.Delete(first.Projects[0].path()).Want(204)
	second := listProjects(ann, append(asked, "page_token", first.NextPageToken)...)
	if len(second.Projects) != 1 || second.Projects[0].Title != "b" {
		t.Errorf("the second page has %+v", second.Projects)
	}
}

func TestPagination_TokenHoldsLongestTitle(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, character := range map[string]string{"wide": wideLetter, "quotes": `"`, "markup": "<", "backslashes": `\`} {
		for range 2 {
			ann.Post(projectsPath, withTitle(strings.Repeat(character, 100))).Want(201)
		}
		all := projectIDs(walkProjects(t, ann, []string{"order_by", "title", "page_size", "1"}, nil))
		if want := len(listProjects(ann).Projects); len(all) != want {
			t.Errorf("%s: walked over %d of %d", name, len(all), want)
		}
	}
}

func TestPagination_TokenIsBoundToItsList(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	h, other := newSpecProject(ann), newSpecProject(ann)
	bobs := newSpecProject(bob)
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
		"another user's":       bob.Get(bobs.specs() + query),
		"the list of projects": ann.Get("/api/v1/projects" + query),
		"another order":        ann.Get(h.specs() + query + "&order_by=title"),
		"the other direction":  ann.Get(h.specs() + query + "&order_by=number+desc"),
		"the trash":            ann.Get(h.specs() + query + "&trashed=true"),
		"one letter altered":   ann.Get(h.specs() + query[:len(query)-2] + "__"),
	} {
		if answer.Status != 400 || !strings.Contains(string(answer.Body), `"invalid_page_token"`) {
			t.Errorf("%s: got %d: %s", name, answer.Status, answer.Body)
		}
	}
}
