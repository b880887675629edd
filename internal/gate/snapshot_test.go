package gate

import (
	"fmt"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

// Redis is killed and comes back from an old snapshot while a replica asks it
// nothing. So it is the replica's next read that connects anew, and it must not
// believe what it finds.
func TestAReadThatConnectsAnewBelievesNothing(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := connect(t, server.URL())
	r := openRedis(t, RedisConfig{URL: server.URL(), Connections: 10, Wait: patience, KeepFor: time.Minute, Settle: time.Millisecond})
	awaitHere(t, r)
	session := id.New[auth.Session]()
	var entries []auth.Entry
	for n := range 16 { // of users enough to use each of the connections
		entries = append(entries, auth.Entry{Slot: auth.Slot(fmt.Sprint(n)), Question: "/", Session: session})
	}
	for _, e := range entries {
		await(t, "an answer is kept", func() bool {
			pass := r.Enter(t.Context(), e)
			if pass.Answer == nil {
				r.Keep(e, pass.Epoch, auth.Answer{Body: []byte("old")})
			}
			return pass.Answer != nil
		})
	}
	must(t, client.Do(t.Context(), client.B().Arbitrary("SAVE").Build()).Error())
	for _, e := range entries { // at whatever replica
		pass := r.Enter(t.Context(), auth.Entry{Slot: e.Slot, Changes: true})
		must(t, r.Changed(t.Context(), e.Slot, pass.Mark))
	}
	server.Kill()
	must(t, server.Restart(t.Context()))
	time.Sleep(50 * time.Millisecond)
	for _, e := range entries {
		if pass := r.Enter(t.Context(), e); pass.Answer != nil {
			t.Errorf("user %s reads %s", e.Slot, pass.Answer.Body)
		}
	}
}
