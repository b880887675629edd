package races

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	keyHeader    = "Idempotency-Key"
	replayHeader = "Idempotency-Replayed"
)

// Creations are the requests that create a resource, below a new parent.
var Creations = map[string]func(*testkit.Client) (path, body string){
	"a project": func(*testkit.Client) (string, string) {
		return "/api/v1/projects", `{"title": "x", "description": "y"}`
	},
	"a specification": func(c *testkit.Client) (string, string) {
		return newProject(c).specs(), `{"content": "# x\r\n🧾", "title": "y"}`
	},
	"a specification with items": func(c *testkit.Client) (string, string) {
		return newProject(c).specs(), `{"content": "x", "items": [{"content": "a"}, {"content": "🧾"}]}`
	},
	"an item": func(c *testkit.Client) (string, string) {
		return newSpec(c, "a", "b").items(), `{"content": "x", "order": 1}`
	},
}

// SameKeyCreatesOnce sends the same creation with the same key concurrently: one request
// creates, the others get the saved response, or a conflict to retry.
func SameKeyCreatesOnce(t *testing.T, c Clients, rounds, requests int) {
	t.Helper()
	for name, creation := range Creations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c.WithT(t)
			for round := range rounds {
				path, body := creation(c[0])
				spaced := strings.ReplaceAll(body, ":", " :\n")
				key := fmt.Sprintf("%x-%d", name, round)
				WantCreatedOnce(t, requests, func(k int) *testkit.Response {
					return c.At(k).Post(path, []string{body, spaced}[k/2%2], keyHeader, key)
				})
			}
		})
	}
}

// WantCreatedOnce sends concurrent requests. It fails unless one response is the creation
// and the others are replays of it, or conflicts with a creation in progress. Repeated
// requests must be replays.
func WantCreatedOnce(t *testing.T, requests int, ask func(k int) *testkit.Response) {
	t.Helper()
	answers := SendConcurrently(t, requests, ask)
	first := slices.IndexFunc(answers, func(a *testkit.Response) bool { return a.Status == 201 && a.Header.Get(replayHeader) == "" })
	if first < 0 {
		t.Fatalf("no request created: %v", CountByCode(answers))
	}
	for k, a := range answers {
		switch {
		case k == first:
		case a.Status == 201:
			WantReplay(t, answers[first], a)
		case Code(a) != "409 idempotency_in_progress":
			t.Errorf("request %d: status %d: %s", k, a.Status, a.Body)
		case a.Header.Get("Retry-After") == "":
			t.Errorf("request %d: a conflict without Retry-After", k)
		}
	}
	for k := range 4 {
		WantReplay(t, answers[first], ask(k))
	}
}

// WantReplay fails unless the second response is a replay of the first.
func WantReplay(t *testing.T, first, again *testkit.Response) {
	t.Helper()
	again.Want(201)
	if string(first.Body) != string(again.Body) {
		t.Errorf("the replay is %s, the first response was %s", again.Body, first.Body)
	}
	for _, name := range []string{"Location", "ETag", "Content-Type"} {
		if first.Header.Get(name) != again.Header.Get(name) {
			t.Errorf("%s = %s in the replay, %s first", name, again.Header.Get(name), first.Header.Get(name))
		}
	}
	if first.Header.Get(replayHeader) != "" || again.Header.Get(replayHeader) != "true" {
		t.Errorf("%s = %q first, %q in the replay", replayHeader, first.Header.Get(replayHeader), again.Header.Get(replayHeader))
	}
}

// SameKeyAtTheLimit is the same where the first request reaches the limit: the others
// must get replays, not the limit's error.
func SameKeyAtTheLimit(t *testing.T, c Clients, rounds int) {
	t.Helper()
	for round := range rounds {
		parent := newSpec(c[0], contents(Limit-1)...)
		WantCreatedOnce(t, 20, func(k int) *testkit.Response {
			return c.At(k).Post(parent.items(), `{"content": "x"}`, keyHeader, fmt.Sprint("last-", round))
		})
		if n := len(itemsOf(c.At(round), parent)); n != Limit {
			t.Errorf("round %d: %d items, want %d", round, n, Limit)
		}
	}
}

// ReusedKeyCreatesOne sends different creations with one key: one resource is created.
func ReusedKeyCreatesOne(t *testing.T, c Clients, rounds int) {
	t.Helper()
	const requests = 10
	for round := range rounds {
		parent := newProject(c[0])
		answers := SendConcurrently(t, requests, func(k int) *testkit.Response {
			return c.At(k).Post(parent.specs(), fmt.Sprintf(`{"content": "%d by %d"}`, round, k), keyHeader, fmt.Sprint("thing-", round))
		})
		got := CountByCode(answers)
		if got["201"] != 1 || got["201"]+got["409 idempotency_in_progress"]+got["422 idempotency_key_reused"] != requests {
			t.Errorf("round %d: %v", round, got)
		}
		if now := parent.get(c.At(round)); now.Count != 1 {
			t.Errorf("round %d: %d were created", round, now.Count)
		}
	}
}
