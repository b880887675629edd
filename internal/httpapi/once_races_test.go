package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestConcurrentRequestsWithOneKeyCreateOnce(t *testing.T) {
	long(t)
	t.Parallel()
	s := testkit.Start(t)
	replica := s.Replica(t)
	for name, creation := range creations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			c := [2]*testkit.Client{ann, ann.At(replica)}
			path, body := creation(ann)
			spaced := strings.ReplaceAll(body, ":", " :\n")
			for round := range 5 {
				key := fmt.Sprint("key-", round)
				ask := func(k int) *testkit.Answer {
					return c[k%2].Post(path, []string{body, spaced}[k/2%2], keyHeader, key)
				}
				wantOnce(t, atOnce(50, ask), ask)
			}
		})
	}
}

// wantOnce fails unless one of the answers created something, and the others are
// it again, or say that it is being made; asked again, all are it again.
func wantOnce(t *testing.T, answers []*testkit.Answer, ask func(k int) *testkit.Answer) {
	t.Helper()
	first := slices.IndexFunc(answers, func(a *testkit.Answer) bool { return a.Status == 201 && a.Header.Get(replayHeader) == "" })
	if first < 0 {
		t.Fatalf("nobody created: %v", tally(answers))
	}
	for k, a := range answers {
		switch {
		case k == first:
		case a.Status == 201:
			wantReplay(t, answers[first], a)
		case codeOf(a) != "409 idempotency_in_progress":
			t.Errorf("request %d answered %d: %s", k, a.Status, a.Body)
		case a.Header.Get("Retry-After") == "":
			t.Errorf("request %d is not told when to retry", k)
		}
	}
	for k := range 4 {
		wantReplay(t, answers[first], ask(k))
	}
}

// The first request takes the last place, so the others find the limit reached,
// and yet are to be answered as it was.
func TestConcurrentRequestsWithOneKeyForTheLastPlaceCreateOnce(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t, func(s *app.Settings) { s.MaxItems = 1 })
	for round := range 40 {
		parent := newSpec(ann[0])
		ask := func(k int) *testkit.Answer {
			return ann[k%2].Post(parent.items(), `{"content": "x"}`, keyHeader, fmt.Sprint("key-", round))
		}
		wantOnce(t, atOnce(20, ask), ask)
	}
}

func TestConcurrentRequestsWithOneKeyForDifferentThingsCreateOne(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t)
	h := newHome(ann[0])
	for round := range 20 {
		answers := atOnce(10, func(k int) *testkit.Answer {
			return ann[k%2].Post(h.specs(), fmt.Sprintf(`{"content": "%d by %d"}`, round, k), keyHeader, fmt.Sprint("key-", round))
		})
		got := tally(answers)
		if got["201"] != 1 || got["201"]+got["409 idempotency_in_progress"]+got["422 idempotency_key_reused"] != 10 {
			t.Errorf("round %d: %v", round, got)
		}
	}
	if now := h.seen(ann[1]); now.Count != 20 {
		t.Errorf("%d were made, want 20", now.Count)
	}
}

func TestAKeyIsFreeOnceTheDayIsOverAlsoForManyAtOnce(t *testing.T) {
	long(t)
	t.Parallel()
	s := testkit.Start(t)
	ann, super := s.SignUp(t), superuser(t, s)
	h := newHome(ann)
	ask := func(int) *testkit.Answer { return ann.Post(h.specs(), `{"content": "x"}`, keyHeader, "k") }
	for range 10 {
		wantOnce(t, atOnce(10, ask), ask)
		run(t, super, "UPDATE idempotency_keys SET created_at = created_at - interval '1 day'")
	}
	if now := h.seen(ann); now.Count != 10 {
		t.Errorf("%d were made in ten days, want 10", now.Count)
	}
}

// A keyed creation locks its parent, then its owner; moving the project to the
// trash locks the owner, then the project. Whoever loses must not be told that
// the database is away.
func TestCreationsWithAKeyAndTheTrashDoNotBlockEachOther(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t)
	h := newHome(ann[0])
	parent := h.add(ann[0], "x")
	until := time.Now().Add(4 * time.Second)
	var mu sync.Mutex
	counts, wrong := map[string]int{}, mishapsOf(t)
	atOnce(8, func(k int) bool {
		c := ann[k%2]
		for n := 0; time.Now().Before(until); n++ {
			began := time.Now()
			var answer *testkit.Answer
			var what string
			switch key := fmt.Sprint(k, "-", n); {
			case k == 0 && n%2 == 0:
				what, answer = "trash", c.Delete(h.path())
			case k == 0:
				what, answer = "restore", c.Post(h.path()+"/restore", nil)
			case k == 1:
				what, answer = "rename", c.Patch(mePath, map[string]any{"name": key})
			case k < 5:
				what, answer = "add a specification", c.Post(h.specs(), `{"content": "x"}`, keyHeader, key)
			default:
				what, answer = "add an item", c.Post(parent.items(), `{"content": "x"}`, keyHeader, key)
			}
			if answer.Status >= 500 {
				wrong.add(fmt.Sprint(what, " answered ", answer.Status), "after %s: %s", time.Since(began), answer.Body)
			}
			mu.Lock()
			counts[what+" "+codeOf(answer)]++
			mu.Unlock()
		}
		return true
	})
	t.Log(counts)
}

// mayEnd are the answers of requests that meet the end of their account.
var mayEnd = []string{"401 token_revoked", "404 project_not_found", "404 specification_not_found", "404 item_not_found"}

func TestAnAccountIsDeletedWhileItWorks(t *testing.T) {
	long(t)
	t.Parallel()
	s := testkit.Start(t)
	replica := s.Replica(t)
	wrong := mishapsOf(t)
	for range 12 {
		ann := s.SignUp(t)
		c := [2]*testkit.Client{ann, ann.At(replica)}
		parent := newSpec(ann, "a", "b", "c")
		list := bulletsOf(ann, parent)
		began := time.Now()
		answers := atOnce(12, func(k int) *testkit.Answer {
			switch key := fmt.Sprint(k); k % 6 {
			case 0:
				return c[k/6].Post(parent.items(), `{"content": "x"}`, keyHeader, key)
			case 1:
				return c[k/6].Post("/api/v1/projects/"+parent.ProjectID+"/specs", `{"content": "x"}`, keyHeader, key)
			case 2:
				return c[k/6].Patch(list[k%3].path(), `{"order": 0}`)
			case 3:
				return c[k/6].Delete(parent.path())
			case 4:
				return c[k/6].Get(exportPath)
			default:
				return c[k/6].Delete(mePath)
			}
		})
		for k, a := range answers {
			if code := codeOf(a); a.Status >= 300 && !slices.Contains(mayEnd, code) {
				wrong.add(fmt.Sprint("request ", k%6, " answered ", code), "all took %s: %s", time.Since(began), a.Body)
			}
		}
		ann.Get(mePath).WantProblem(401, "token_revoked")
		if left := mentions(t, s, ann.User); len(left) > 0 {
			t.Errorf("left in %v", left)
		}
	}
}
