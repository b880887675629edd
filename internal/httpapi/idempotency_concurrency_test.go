package httpapi_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

func TestIdempotency_ExpiredKeyIsTakenOnceByMany(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, super := s.SignUp(t).WithRetry(), superuserConn(t, s)
	h := newSpecProject(ann)
	ask := func(int) *testkit.Response { return ann.Post(h.specs(), `{"content": "x"}`, keyHeader, "k") }
	const days = 10
	for range days {
		races.WantCreatedOnce(t, 10, ask)
		execOn(t, super, "UPDATE idempotency_keys SET created_at = created_at - interval '1 day'")
	}
	if now := h.reload(ann); now.Count != days {
		t.Errorf("%d were created in %d days", now.Count, days)
	}
}

// A keyed creation locks its parent, then its owner. Moving the project to the
// trash locks the owner, then the project. The loser must not get a 503.
func TestIdempotency_CreatesAndTrashDoNotDeadlock(t *testing.T) {
	t.Parallel()
	ann := patientUnlessLong(twoReplicas(t))
	h := newSpecProject(ann[0])
	parent := h.add(ann[0], "x")
	until := time.Now().Add(time.Duration(testkit.Repetitions(1, 5)) * time.Second)
	var mu sync.Mutex
	counts, wrong := map[string]int{}, races.CollectFailures(t)
	races.Concurrently(8, func(k int) bool {
		c := ann.At(k)
		for n := 0; time.Now().Before(until); n++ {
			began := time.Now()
			var answer *testkit.Response
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
				wrong.Add(fmt.Sprint(what, " answered ", answer.Status), "after %s: %s", time.Since(began), answer.Body)
			}
			mu.Lock()
			counts[what+" "+races.Code(answer)]++
			mu.Unlock()
		}
		return true
	})
	t.Log(counts)
}

// allowedDuringDeletion are the responses to requests that run while their
// account is deleted.
var allowedDuringDeletion = []string{"401 token_revoked", "404 project_not_found", "404 specification_not_found", "404 item_not_found"}

func TestUsers_AccountIsDeletedDuringItsRequests(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)
	wrong := races.CollectFailures(t)
	for range testkit.Repetitions(3, 20) {
		ann := s.SignUp(t)
		c := patientUnlessLong(races.NewClients(ann, s, replica))
		parent := newSpec(ann, "a", "b", "c")
		list := bulletsOf(ann, parent)
		began := time.Now()
		answers := races.SendConcurrently(t, 12, func(k int) *testkit.Response {
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
			code := races.Code(a)
			anotherExport := k%6 == 4 && code == "429 rate_limited"
			if a.Status >= 300 && !anotherExport && !slices.Contains(allowedDuringDeletion, code) {
				wrong.Add(fmt.Sprint("request ", k%6, " answered ", code), "all took %s: %s", time.Since(began), a.Body)
			}
		}
		ann.Get(mePath).WantProblem(401, "token_revoked")
		left := countRowsMentioning(t, s, ann.User)
		delete(left, "audit_events") // audit events stay
		if len(left) > 0 {
			t.Errorf("rows remain in %v", left)
		}
	}
}
