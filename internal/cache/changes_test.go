package cache

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

// listen collects the notifications for a user, and returns once one arrives for a write
// that ends.
func listen(t *testing.T, at, other *Redis, user auth.UserID) <-chan []string {
	t.Helper()
	changes := make(chan []string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go at.Listen(ctx, user, func(names ...string) { changes <- names })
	await(t, "the subscription", func() bool {
		write(t, other, user, "probe")
		select {
		case <-changes:
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
	for len(changes) > 0 {
		<-changes
	}
	return changes
}

func write(t *testing.T, r *Redis, user auth.UserID, scopes ...Scope) {
	t.Helper()
	_, p, err := r.Begin(t.Context(), Write{User: user, Scopes: scopes})
	must(t, err)
	r.End(p)
}

// next returns the next notification, past those of probes that were late.
func next(t *testing.T, changes <-chan []string) []string {
	t.Helper()
	for {
		select {
		case names := <-changes:
			if !slices.Equal(names, []string{"probe"}) {
				return names
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no notification")
		}
	}
}

func TestChanges_ReplicasAreNotified(t *testing.T) {
	t.Parallel()
	config := Config{TTL: time.Hour, QuietPeriod: time.Millisecond}
	nodes, _ := newCluster(t)
	var clusterNodes []string
	for _, node := range nodes {
		clusterNodes = append(clusterNodes, node.URL())
	}
	single := newServer(t).URL()
	for name, urls := range map[string][]string{"one server": {single, single}, "a cluster": clusterNodes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newReplica(t, urls[0], config), newReplica(t, urls[1], config)
			for range 3 { // users of different nodes
				user := id.New[auth.User]()
				changes := listen(t, first, second, user)
				write(t, first, user, one) // its own streams are woken without Redis
				write(t, second, id.New[auth.User](), one)
				write(t, second, user, ListsOf+"p", "s")
				if diff := cmp.Diff([]string{"p", "s"}, next(t, changes)); diff != "" {
					t.Errorf("names (-want +got):\n%s", diff)
				}
				write(t, second, user, All)
				if names := next(t, changes); names != nil {
					t.Errorf("a write to all is %v", names)
				}
				must(t, second.Invalidate(t.Context(), user))
				if names := next(t, changes); names != nil {
					t.Errorf("the end of sessions is %v", names)
				}
			}
		})
	}
}

// A subscription comes back with its server, and leaves nothing behind.
func TestChanges_SubscriptionsComeBackAndEnd(t *testing.T) {
	t.Parallel()
	node := newServer(t)
	config := Config{TTL: time.Hour, QuietPeriod: time.Millisecond}
	first, second := newReplica(t, node.URL(), config), newReplica(t, node.URL(), config)
	user := id.New[auth.User]()
	changes := make(chan []string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		first.Listen(ctx, user, func(names ...string) { changes <- names })
	}()
	notified := func() bool {
		if _, p, err := second.Begin(t.Context(), Write{User: user, Scopes: []Scope{one}}); err == nil {
			second.End(p)
		}
		select {
		case <-changes:
			return true
		case <-time.After(100 * time.Millisecond):
			return false
		}
	}
	await(t, "the subscription", notified)
	node.Kill()
	must(t, node.Restart(t.Context()))
	for len(changes) > 0 {
		<-changes
	}
	await(t, "the subscription after a restart", notified)
	cancel()
	<-ended
	channel := "codegenapp:{" + user.String() + "}:changes"
	client := connect(t, node.URL())
	await(t, "the end of the subscription", func() bool {
		count, err := do(client, "PUBSUB", "NUMSUB", channel).ToAny()
		list, _ := count.([]any)
		return err == nil && len(list) == 2 && list[1] == int64(0)
	})
}
