package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// The pending-write mark can be lost. So a write has to invalidate the cache
// again before its response is sent, even if the response is large enough to
// be flushed early.
func TestCache_WriteInvalidatesBeforeItsResponse(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	s := testkit.StartFirst(t, func(s *server.Settings) { s.RedisURL, s.RedisWait = server.Secret(redis.URL()), 20*time.Second })
	ann := s.SignUp(t)
	spec := newSpec(ann)
	long := `{"content":"` + strings.Repeat("x", 60_000) + `"}`
	ann.Patch(spec.path(), long).Want(200)

	lock := connectSuperuser(t, s)
	defer lock.Close(t.Context())
	for _, statement := range []string{"BEGIN", "SELECT FROM specifications FOR UPDATE"} {
		if _, err := lock.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan *testkit.Answer, 1)
	go func() { answered <- ann.Patch(spec.path(), `{"title":"after"}`) }()
	for queryInt(t, s, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		time.Sleep(time.Millisecond)
	}
	sendRedis(t, redis, "FLUSHALL") // deletes the mark
	redis.Pause()
	defer redis.Continue()
	if _, err := lock.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-answered:
		t.Errorf("got %d before the invalidation", a.Status)
	case <-time.After(500 * time.Millisecond):
		redis.Continue()
		(<-answered).Want(200)
	}
}
