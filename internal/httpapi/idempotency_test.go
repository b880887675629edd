package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

const (
	keyHeader    = "Idempotency-Key"
	replayHeader = "Idempotency-Replayed"
)

func TestIdempotency_SameKeyReplaysStoredResponse(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	for name, creation := range races.Creations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			path, body := creation(ann)
			const count = "SELECT (SELECT count(*) FROM projects WHERE owner_id = $1) + (SELECT count(*) FROM specifications WHERE owner_id = $1) + (SELECT count(*) FROM bullet_items WHERE owner_id = $1)"
			conn := superuserConn(t, s)
			before := queryOne[int](t, conn, count, ann.User)
			first := ann.Post(path, body, keyHeader, "k")
			first.Want(201)
			races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
			races.WantReplay(t, first, ann.At(replica).Post(path, body, keyHeader, "k"))
			if after := queryOne[int](t, conn, count, ann.User); after != before+1+len(bulletList(first)) {
				t.Errorf("%d were created", after-before)
			}
			// Neither a change nor the deletion of the resource matters.
			ann.Patch(first.Header.Get("Location"), `{}`).Want(200)
			ann.Delete(first.Header.Get("Location")).Want(204)
			races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
		})
	}
}

func TestIdempotency_SameRequestInAnotherSpelling(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b")
	first := ann.Post(parent.items(), `{"content": "x/é", "order": 1}`, keyHeader, "k")
	first.Want(201)
	for name, body := range map[string]string{
		"without blanks":           `{"content":"x/é","order":1}`,
		"with more blanks":         " {\r\n\t\"content\" : \"x/é\" ,\n\"order\" : 1 }\n",
		"in another order":         `{"order": 1, "content": "x/é"}`,
		"with escapes":             `{"\u0063ontent": "\u0078\/\u00e9", "order": 1}`,
		"with escapes in capitals": `{"content": "x\u002F\u00E9", "order": 1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			races.WantReplay(t, first, ann.WithT(t).Post(parent.items(), body, keyHeader, "k"))
		})
	}
}

func TestIdempotency_KeyOfAnotherRequestIsRejected(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b")
	sibling := specProject{ID: parent.ProjectID}.add(ann, "sibling")
	body := `{"content": "x", "order": 1}`
	ann.Post(parent.items(), body, keyHeader, "k").Want(201)
	before := reloadSpec(ann, parent)
	t.Run("for", func(t *testing.T) {
		for name, tc := range map[string]struct{ path, body string }{
			"another text":                      {parent.items(), `{"content": "X", "order": 1}`},
			"a text longer by a blank":          {parent.items(), `{"content": "x ", "order": 1}`},
			"another place":                     {parent.items(), `{"content": "x", "order": 0}`},
			"no place":                          {parent.items(), `{"content": "x"}`},
			"another specification":             {sibling.items(), body},
			"a specification":                   {"/api/v1/projects/" + parent.ProjectID + "/specs", `{"content": "x"}`},
			"a project":                         {"/api/v1/projects", `{"title": "x"}`},
			"an order that is out of range now": {parent.items(), `{"content": "x", "order": 99}`},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ann.WithT(t).Post(tc.path, tc.body, keyHeader, "k").WantProblem(422, "idempotency_key_reused")
			})
		}
	})
	if after := reloadSpec(ann, parent); after != before {
		t.Errorf("the specification is %+v, was %+v", after, before)
	}
}

func TestIdempotency_KeyStaysFreeAfterFailure(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.MaxItems, s.MaxSpecifications, s.MaxProjects = 2, 3, 3 })
	super := superuserConn(t, s)
	ann := s.SignUp(t)
	full, free := newSpec(ann, "a", "b"), newSpec(ann)
	for name, tc := range map[string]struct {
		path, body string
		status     int
	}{
		"a field error":                {free.items(), `{"content": ""}`, 422},
		"a place out of range":         {free.items(), `{"content": "x", "order": 1}`, 422},
		"malformed JSON":               {free.items(), `{"content": "x"`, 400},
		"the limit":                    {full.items(), `{"content": "x"}`, 409},
		"a missing parent":             {"/api/v1/specs/01890a5d-ac96-774b-bcce-b302099a8057/items", `{"content": "x"}`, 404},
		"a malformed id of the parent": {"/api/v1/specs/x/items", `{"content": "x"}`, 404},
		"another media type":           {free.items(), ``, 400},
	} {
		key := strings.ReplaceAll(name, " ", "-")
		for range 2 {
			if a := ann.Post(tc.path, tc.body, keyHeader, key); a.Status != tc.status || a.Header.Get(replayHeader) != "" {
				t.Errorf("%s: got %d, want %d: %s", name, a.Status, tc.status, a.Body)
			}
		}
		if n := queryOne[int](t, super, "SELECT count(*) FROM idempotency_keys"); n != 0 {
			t.Errorf("%s: %d keys are stored", name, n)
		}
		made := ann.Post(free.items(), `{"content": "y"}`, keyHeader, key)
		made.Want(201)
		races.WantReplay(t, made, ann.Post(free.items(), `{"content": "y"}`, keyHeader, key))
		ann.Delete(made.Header.Get("Location")).Want(204)
		execOn(t, super, "DELETE FROM idempotency_keys")
	}
}

func TestIdempotency_KeyWorksAfterLimitWasReached(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t, func(s *server.Settings) { s.MaxItems = 2 }).SignUp(t)
	full := newSpec(ann, "a", "b")
	ann.Post(full.items(), `{"content": "x"}`, keyHeader, "k").WantProblem(409, "item_limit_reached")
	ann.Delete(bulletsOf(ann, full)[0].path()).Want(204)
	made := ann.Post(full.items(), `{"content": "x"}`, keyHeader, "k")
	made.Want(201)
	// The limit is reached again, and the replay still succeeds.
	races.WantReplay(t, made, ann.Post(full.items(), `{"content": "x"}`, keyHeader, "k"))
}

func TestIdempotency_KeysArePerUser(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	const path = "/api/v1/projects"
	anns := ann.Post(path, `{"title": "x"}`, keyHeader, "k")
	bobs := bob.Post(path, `{"title": "y"}`, keyHeader, "k")
	races.WantReplay(t, anns, ann.Post(path, `{"title": "x"}`, keyHeader, "k"))
	races.WantReplay(t, bobs, bob.Post(path, `{"title": "y"}`, keyHeader, "k"))
	if anns.Header.Get("Location") == bobs.Header.Get("Location") {
		t.Error("both users got one project")
	}
	if other := ann.Post(path, `{"title": "x"}`, keyHeader, "K").Want(201); other.Header.Get(replayHeader) != "" {
		t.Error("k and K are the same key")
	}
}

func TestIdempotency_KeyExpiresAfter24Hours(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, creation := range races.Creations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann, conn := s.SignUp(t), superuserConn(t, s)
			path, body := creation(ann)
			const age = "UPDATE idempotency_keys SET created_at = now() - make_interval(secs => $2) WHERE owner_id = $1"
			first := ann.Post(path, body, keyHeader, "k")
			first.Want(201)
			execOn(t, conn, age, ann.User, (24*time.Hour - time.Minute).Seconds())
			races.WantReplay(t, first, ann.Post(path, body, keyHeader, "k"))
			execOn(t, conn, age, ann.User, (24 * time.Hour).Seconds())
			second := ann.Post(path, body, keyHeader, "k").Want(201)
			if second.Header.Get(replayHeader) != "" || second.Header.Get("Location") == first.Header.Get("Location") {
				t.Errorf("a day later it is replayed: %s", second.Body)
			}
			races.WantReplay(t, second, ann.Post(path, body, keyHeader, "k"))
			execOn(t, conn, age, ann.User, (25 * time.Hour).Seconds())
			if third := ann.Post("/api/v1/projects", `{"title": "z"}`, keyHeader, "k").Want(201); third.Header.Get(replayHeader) != "" {
				t.Error("a day later the key is not free for another request")
			}
			if n := queryOne[int](t, conn, "SELECT count(*) FROM idempotency_keys WHERE owner_id = $1", ann.User); n != 1 {
				t.Errorf("%d keys are stored, want the last one", n)
			}
		})
	}
}

func TestIdempotency_KeyFormat(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	const visible = "!\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`{|}~"
	for name, tc := range map[string]struct {
		keys []string
		want int
	}{
		"one character":          {[]string{"~"}, 201},
		"every kind of them":     {[]string{visible}, 201},
		"255 characters":         {[]string{strings.Repeat("k", 255)}, 201},
		"256 characters":         {[]string{strings.Repeat("k", 256)}, 400},
		"a blank within":         {[]string{"a b"}, 400},
		"a tab within":           {[]string{"a\tb"}, 400},
		"beyond ASCII":           {[]string{"schlüssel"}, 400},
		"bytes that are no text": {[]string{"\xff\xfe"}, 400},
		"nothing":                {[]string{""}, 400},
		"two of them":            {[]string{"k1", "k2"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/projects", strings.NewReader(`{"title": "x"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Authorization": {"Bearer " + ann.Token}, "Content-Type": {"application/json"}, keyHeader: tc.keys}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != tc.want {
				t.Errorf("got %d, want %d", answer.StatusCode, tc.want)
			}
		})
	}
}

func TestIdempotency_ReplayNeedsOwnerAndLiveSession(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	ann.Post("/api/v1/projects", `{"title": "x"}`, keyHeader, "k").Want(201)
	ann.Delete("/api/v1/users/me").Want(204)
	ann.Post("/api/v1/projects", `{"title": "x"}`, keyHeader, "k").WantProblem(401, "token_revoked")
	s.Anonymous(t).Post("/api/v1/projects", `{"title": "x"}`, keyHeader, "k").WantProblem(401, "token_missing")
	if diff := cmp.Diff(0, queryOne[int](t, superuserConn(t, s), "SELECT count(*) FROM idempotency_keys")); diff != "" {
		t.Errorf("keys after the deletion (-want +got):\n%s", diff)
	}
}
