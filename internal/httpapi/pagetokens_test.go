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

func TestAPageTokenThatWasAlteredIsRefused(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for _, title := range []string{"a", "b", "c"} {
		newProject(ann, title)
	}
	byTitle := []string{"order_by", "title", "page_size", "1"}
	token := list(ann, byTitle...).NextPageToken
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
	// The last character holds bits that mean nothing to a careless decoder.
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if changed := token[:len(token)-1] + string(last); changed != token {
			altered["ending in "+string(last)] = changed
		}
	}
	for name, changed := range altered {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann.WithT(t).Get(projectsPath+query(append(slices.Clone(byTitle), "page_token", changed)...)).
				WantProblem(400, "invalid_page_token")
		})
	}
}

func TestAPageTokenBelongsToItsUserOrderAndFilter(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	replica := s.Replica(t)
	stranger := s.Replica(t, func(settings *server.Settings) {
		settings.SecretKey = "another-secret-key-of-32-bytes-or-more"
		settings.RedisURL = "" // where the page is kept that the others answered, for the same person
	})
	for _, c := range []*testkit.Client{ann, bob} {
		for _, title := range []string{"a", "a", "b"} {
			p := newProject(c, title)
			c.Delete(p.path()).Want(204)
			newProject(c, title)
		}
	}
	asked := []string{"order_by", "title", "page_size", "1", "trashed", "false"}
	first := list(ann, asked...)
	with := func(changes ...string) string {
		values := url.Values{"page_token": {first.NextPageToken}}
		for pair := range slices.Chunk(append(slices.Clone(asked), changes...), 2) {
			values.Set(pair[0], pair[1])
		}
		return projectsPath + "?" + values.Encode()
	}
	ann.Get(with()).Want(200) // is kept from now on
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
		"of a server with another key": {ann.At(stranger), with(), 400},
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

func TestAPageTokenSurvivesTheRowItWasMadeOf(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for _, title := range []string{"a", "b", "c"} {
		newProject(ann, title)
	}
	asked := []string{"order_by", "title", "page_size", "1"}
	first := list(ann, asked...)
	ann.Delete(first.Projects[0].path()).Want(204)
	second := list(ann, append(asked, "page_token", first.NextPageToken)...)
	if len(second.Projects) != 1 || second.Projects[0].Title != "b" {
		t.Errorf("the second page has %+v", second.Projects)
	}
}

func TestTheLongestTitleFitsIntoAPageToken(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, character := range map[string]string{"wide": wide, "quotes": `"`, "markup": "<", "backslashes": `\`} {
		for range 2 {
			ann.Post(projectsPath, titled(strings.Repeat(character, 100))).Want(201)
		}
		all := ids(walk(t, ann, []string{"order_by", "title", "page_size", "1"}, nil))
		if want := len(list(ann).Projects); len(all) != want {
			t.Errorf("%s: walked over %d of %d", name, len(all), want)
		}
	}
}
