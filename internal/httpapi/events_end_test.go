package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// maxEndTime is how long a stream may take to end, on a busy machine.
const maxEndTime = 2 * time.Second

// streamEnd is a way to end a stream at one server by a request at another.
type streamEnd struct {
	name, reason string
	end          func(other *testkit.Server, ann, admin *testkit.Client, project string)
}

var streamEnds = []streamEnd{
	{"logout", "session_ended", func(other *testkit.Server, ann, _ *testkit.Client, _ string) {
		ann.At(other).Post(logoutPath, `{}`).Want(204)
	}},
	{"the session is revoked", "session_ended", func(other *testkit.Server, ann, _ *testkit.Client, _ string) {
		ann.At(other).Delete(sessionsPath + "/" + ann.Session).Want(204)
	}},
	{"the user is suspended", "session_ended", func(other *testkit.Server, ann, admin *testkit.Client, _ string) {
		admin.At(other).Patch(usersPath+"/"+ann.User, `{"suspended": true}`).Want(200)
	}},
	{"the account is deleted", "session_ended", func(other *testkit.Server, ann, _ *testkit.Client, _ string) {
		ann.At(other).Delete("/api/v1/users/me").Want(204)
	}},
	{"the project is trashed", "project_unavailable", func(other *testkit.Server, ann, _ *testkit.Client, project string) {
		ann.At(other).Delete(projectsPath + "/" + project).Want(204)
	}},
}

// checkStreamEnds ends streams at one server by requests at another.
func checkStreamEnds(t *testing.T, here, other *testkit.Server) {
	t.Helper()
	admin := here.SignIn(t, adminEmail)
	for _, way := range streamEnds {
		ann := here.SignUp(t)
		project := newSpec(ann, "one").ProjectID
		streams := []*testkit.EventStream{ann.Follow(streamPath(project))}
		if way.reason == "session_ended" {
			streams = append(streams, ann.Follow("/api/v1/events"))
		}
		way.end(other, ann, admin, project)
		began := time.Now()
		for n, stream := range streams {
			e, ok := stream.Next(10 * time.Second)
			for ok && e.Name == "revision" || e.Name == "change" { // of the request itself
				e, ok = stream.Next(10 * time.Second)
			}
			took := time.Since(began)
			if want := fmt.Sprintf(`{"reason":"%s"}`, way.reason); !ok || e.Name != "end" || e.Data != want || took > maxEndTime {
				t.Errorf("%s, stream %d: %+v after %v, want %s", way.name, n, e, took, want)
			}
			t.Logf("%s, stream %d: ended after %v", way.name, n, took.Round(time.Millisecond))
			if e, more := stream.Next(10 * time.Second); more {
				t.Errorf("%s: %+v after the end", way.name, e)
			}
		}
	}
}

func TestEvents_EndWithTheirSessionAndProject(t *testing.T) {
	t.Parallel()
	t.Run("two replicas", func(t *testing.T) {
		t.Parallel()
		here := testkit.StartShared(t, withAdmin)
		checkStreamEnds(t, here, here.Replica(t, withAdmin))
	})
	t.Run("two replicas without Redis", func(t *testing.T) {
		t.Parallel()
		here := testkit.Start(t, withAdmin, withoutCache)
		db, google := here.Database, here.Issuer
		checkStreamEnds(t, here, testkit.StartOn(t, db, google, withAdmin, withoutCache))
	})
	t.Run("one replica", func(t *testing.T) {
		t.Parallel()
		here := testkit.Start(t, withAdmin)
		checkStreamEnds(t, here, here)
	})
}

func TestEvents_EndWithTheAccessToken(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.AccessLifetime *= 0; s.AccessLifetime += 3e9 })
	ann := s.SignUp(t)
	project := newSpec(ann, "one").ProjectID
	began := time.Now()
	stream := ann.Follow(streamPath(project))
	if got := stream.Want("end")["reason"]; got != "token_expired" {
		t.Errorf("the reason is %v", got)
	}
	if took := time.Since(began); took > 3*time.Second+maxEndTime {
		t.Errorf("it ended after %v", took)
	}
	// The session goes on with a new token.
	next := withTokensOf(ann, refresh(t, s, ann.RefreshToken).Want(200))
	newBullet(next, newSpec(next, "two"), "three")
	if got := next.Follow(streamPath(project) + "?since=r0").Want("change")["revision"]; got != 1.0 {
		t.Errorf("the new stream begins with %v", got)
	}
}

func TestEvents_EndWithTheServer(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := testkit.StartLogging(t, &log)
	ann := s.SignUp(t)
	stream := ann.Follow(streamPath(newSpec(ann, "one").ProjectID))
	stopped := make(chan time.Duration, 1)
	go func() {
		began := time.Now()
		s.Stop()
		stopped <- time.Since(began)
	}()
	if got := stream.Want("end")["reason"]; got != "shutdown" {
		t.Errorf("the reason is %v", got)
	}
	if stream.Retry < 2000 || stream.Retry > 8000 {
		t.Errorf("the client is to wait %d ms", stream.Retry)
	}
	if took := <-stopped; took > 5*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
	if strings.Contains(log.String(), "SHUTDOWN_GRACE") {
		t.Error("the stream was cut off")
	}
}
