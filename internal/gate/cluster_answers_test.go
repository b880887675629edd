package gate

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

func TestReplicasOfAClusterSeeEachOthersAnswersAndChanges(t *testing.T) {
	t.Parallel()
	nodes, clients := newCluster(t)
	config := func(n int) RedisConfig { return RedisConfig{URL: nodes[n].URL(), KeepFor: time.Hour} }
	first, second := memory{Gate: believing(t, config(0))}, memory{Gate: believing(t, config(1))}
	hourly := []auth.Rate{rate("default", 100, time.Hour)}
	var entries []auth.Entry
	for n := range 60 {
		e := reading(auth.Slot(fmt.Sprintf("user %d", n)), newSession(), "/projects")
		e.Rates = hourly
		entries = append(entries, e)
	}
	believed := func(w memory) func() bool { // all nodes are connected
		return func() bool {
			for _, e := range entries {
				e.Rates = nil
				if w.Enter(t.Context(), e).Epoch == "" {
					return false
				}
			}
			return true
		}
	}
	await(t, "the first replica believes", believed(first))
	await(t, "the second replica believes", believed(second))
	for _, e := range entries {
		first.Keep(e, first.asksAnew(t, e), answer(string(e.Slot)))
		await(t, "the answer is kept", func() bool { return second.Enter(t.Context(), e).Answer != nil })
		second.gives(t, e, answer(string(e.Slot)))
		mark := second.begin(t, e.Slot)
		first.keepsOut(t, e)
		must(t, second.Changed(t.Context(), e.Slot, mark))
		first.asksAnew(t, e)
	}
	for n, client := range clients {
		for slot, kinds := range kindsOf(t, client) {
			if want := "answer epoch rate session"; slot != "believer" && kinds != want {
				t.Errorf("node %d has of %s %q, want %q", n, slot, kinds, want)
			}
		}
	}
}

// kindsOf is what a node has of each slot.
func kindsOf(t *testing.T, client rueidis.Client) map[string]string {
	t.Helper()
	keys, err := run(t, client, "KEYS", "codegenapp:*").AsStrSlice()
	must(t, err)
	if len(keys) < 4*10 {
		t.Errorf("a node has %d keys of 60 users: what is one user's does not lie in one place", len(keys))
	}
	kinds := map[string]string{}
	for _, kind := range []string{"answer", "epoch", "marks", "rate", "session"} {
		for _, key := range keys {
			slot, rest, _ := strings.Cut(strings.TrimPrefix(key, "codegenapp:{"), "}:")
			if strings.HasPrefix(rest, kind) {
				kinds[slot] = strings.TrimSpace(kinds[slot] + " " + kind)
			}
		}
	}
	return kinds
}

// A slot of the cluster that moves to another node takes with it what is kept, or
// loses it; nobody is answered by what it was before a change.
func TestASlotOfAClusterThatMovesIsFollowed(t *testing.T) {
	t.Parallel()
	nodes, clients := newCluster(t)
	config := RedisConfig{URL: nodes[0].URL(), KeepFor: time.Hour}
	r, other, ann := believing(t, config), believing(t, config), reading("ann", newSession(), "/projects")
	for _, r := range []*Redis{r, other} {
		await(t, "the node of ann is connected", func() bool { return r.Enter(t.Context(), ann).Epoch != "" })
	}
	w := memory{Gate: r}
	w.Keep(ann, w.asksAnew(t, ann), answer("old"))
	await(t, "the answer is kept", func() bool { return other.Enter(t.Context(), ann).Answer != nil })

	number, err := run(t, clients[0], "CLUSTER", "KEYSLOT", epochKey("ann")).AsInt64()
	must(t, err)
	owner := int(number) * 3 / 16384
	to := (owner + 1) % 3
	id, err := run(t, clients[to], "CLUSTER", "MYID").ToString()
	must(t, err)
	from, err := run(t, clients[owner], "CLUSTER", "MYID").ToString()
	must(t, err)
	slot := strconv.FormatInt(number, 10)
	run(t, clients[to], "CLUSTER", "SETSLOT", slot, "IMPORTING", from)
	run(t, clients[owner], "CLUSTER", "SETSLOT", slot, "MIGRATING", id)
	mark := r.Enter(t.Context(), changing("ann")).Mark // while some keys are here and others there
	keys, err := run(t, clients[owner], "CLUSTER", "GETKEYSINSLOT", slot, "100").AsStrSlice()
	must(t, err)
	host, port, _ := strings.Cut(nodes[to].Address, ":")
	for _, key := range keys {
		run(t, clients[owner], "MIGRATE", host, port, key, "0", "5000")
	}
	for n := range clients {
		run(t, clients[n], "CLUSTER", "SETSLOT", slot, "NODE", id)
	}
	await(t, "the change is told", func() bool { return r.Changed(t.Context(), "ann", mark) == nil && here(r.turns.Load()) })
	await(t, "ann is asked for at the other node", func() bool {
		pass := other.Enter(t.Context(), ann)
		if pass.Answer != nil {
			t.Errorf("%s is given", pass.Answer.Body)
		}
		return pass.Epoch != ""
	})
	if n, err := run(t, clients[to], "EXISTS", epochKey("ann")).AsInt64(); err != nil || n != 1 {
		t.Errorf("the other node has %d epochs of ann, %v", n, err)
	}
}
