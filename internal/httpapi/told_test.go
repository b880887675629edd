package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// A mark may be lost, so it matters that a change is told again before its answer
// is out, be it long enough to be sent while it is written.
func TestAChangeIsToldBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	s := testkit.StartShared(t, func(s *server.Settings) { s.RedisURL, s.RedisWait = server.Secret(redis.URL()), 20*time.Second })
	ann := s.SignUp(t)
	spec := newSpec(ann)
	long := `{"content":"` + strings.Repeat("x", 60_000) + `"}`
	ann.Patch(spec.path(), long).Want(200)

	lock := connect(t, s)
	defer lock.Close(t.Context())
	for _, statement := range []string{"BEGIN", "SELECT FROM specifications FOR UPDATE"} {
		if _, err := lock.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan *testkit.Response, 1)
	go func() { answered <- ann.Patch(spec.path(), `{"title":"after"}`) }()
	for number(t, s, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		time.Sleep(time.Millisecond)
	}
	command(t, redis, "FLUSHALL") // the mark goes
	redis.Pause()
	defer redis.Continue()
	if _, err := lock.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-answered:
		t.Errorf("it is answered %d before it is told", a.Status)
	case <-time.After(500 * time.Millisecond):
		redis.Continue()
		(<-answered).Want(200)
	}
}
