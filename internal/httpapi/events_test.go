package httpapi_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func streamPath(project string) string { return projectsPath + "/" + project + "/events" }

func TestEvents_ChangesArriveAsTheyHappen(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	spec := newSpec(ann, "one")
	stream := ann.Follow(streamPath(spec.ProjectID))
	for header, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := stream.Header.Get(header); got != want || stream.Status != 200 {
			t.Errorf("%s: %q with %d, want %q", header, got, stream.Status, want)
		}
	}
	item := newBullet(ann, spec, "two")
	created := stream.Want("change")
	listed := ann.Get(projectsPath + "/" + spec.ProjectID + "/changes?page_size=1").Want(200).JSON()["changes"].([]any)
	if diff := cmp.Diff(listed, created["changes"]); diff != "" {
		t.Errorf("the changes of the event (-listed +sent):\n%s", diff)
	}
	if got := created["changes"].([]any)[0].(map[string]any)["item_id"]; got != item.ID {
		t.Errorf("the event is about %v, want %s", got, item.ID)
	}
	if got := fmt.Sprint(created["revision"]); got != stream.LastID {
		t.Errorf("the id is %s and the revision %s", stream.LastID, got)
	}
	all := ann.Follow("/api/v1/events")
	ann.Patch(projectsPath+"/"+spec.ProjectID, `{"title": "Changed"}`).Want(200)
	revision := stream.Want("change")["revision"]
	if diff := cmp.Diff(map[string]any{"project_id": spec.ProjectID, "revision": revision}, all.Want("revision")); diff != "" {
		t.Errorf("event of all projects (-want +got):\n%s", diff)
	}
	other := newProject(ann, "Another")
	if got := all.Want("revision"); got["project_id"] != other.ID {
		t.Errorf("the next event is about %v, want the new project", got)
	}
}

func TestEvents_ReplaysWhatWasMissed(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	spec := newSpec(ann, "one")
	for n := range 250 { // more than one page
		newBullet(ann, spec, fmt.Sprint("item ", n))
	}
	head := int(ann.Get(projectsPath + "/" + spec.ProjectID + "/changes?page_size=1").Want(200).JSON()["changes"].([]any)[0].(map[string]any)["revision"].(float64))
	check := func(since int, query string, headers ...string) {
		t.Helper()
		stream := ann.Follow(streamPath(spec.ProjectID)+query, headers...)
		defer stream.Close()
		for revision := since + 1; revision <= head; revision++ {
			if got := stream.Want("change")["revision"]; got != float64(revision) {
				t.Fatalf("since %d: revision %v, want %d", since, got, revision)
			}
		}
		newBullet(ann, spec, "after")
		head++
		if got := stream.Want("change")["revision"]; got != float64(head) {
			t.Errorf("since %d: revision %v behind the replay, want %d", since, got, head)
		}
	}
	check(0, "?since=r0")
	check(3, "?since=3")
	check(head-1, "?since=r1", "Last-Event-ID", fmt.Sprint(head-1))
	check(head, "?since=r1", "Last-Event-ID", fmt.Sprint("r", head))
}

func TestEvents_ResyncWhereAReplayIsImpossible(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	spec := newSpec(ann, "one", "two", "three", "four")
	head := ann.Get(projectsPath + "/" + spec.ProjectID + "/changes?page_size=1").Want(200).JSON()["changes"].([]any)[0].(map[string]any)["revision"].(float64)
	check := func(name, since string) {
		t.Helper()
		stream := ann.Follow(streamPath(spec.ProjectID) + "?since=" + since)
		defer stream.Close()
		if got := stream.Want("resync")["revision"]; got != head || stream.LastID != fmt.Sprint(head) {
			t.Errorf("%s: resync at %v with id %s, want %v", name, got, stream.LastID, head)
		}
		newBullet(ann, spec, "after")
		head++
		if got := stream.Want("change")["revision"]; got != head {
			t.Errorf("%s: revision %v after the resync, want %v", name, got, head)
		}
	}
	check("ahead of the project", "r999")
	check("ahead of every project", "r999999999999999999")
	execSQL(t, s, "DELETE FROM changes WHERE project_id = $1 AND revision = 2", spec.ProjectID)
	check("deleted", "r1")
	execSQL(t, s, "UPDATE changes SET revised_at = revised_at - interval '721 hours' WHERE project_id = $1 AND revision <= 4", spec.ProjectID)
	check("older than FEED_RETENTION", "r3")
	if got := ann.Follow(streamPath(spec.ProjectID) + "?since=r4").Want("change")["revision"]; got != 5.0 {
		t.Errorf("since r4 begins with %v", got)
	}
}

func TestEvents_RejectedRequests(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	path := streamPath(newSpec(ann, "one").ProjectID)
	for _, since := range []string{"x", "-1", "1.5", "v3", "r", "r01", "1000000000000000000000"} {
		ann.Get(path+"?since="+since).WantProblem(400, "invalid_parameter")
		ann.Get(path, "Last-Event-ID", since).WantProblem(400, "invalid_header")
	}
	ann.Get(path+"?until=r3").WantProblem(400, "invalid_parameter")
	s.SignUp(t).Get(path).WantProblem(404, "project_not_found")
	s.Anonymous(t).Get(path).WantProblem(401, "token_missing")
	if got := ann.Do(http.MethodHead, path, nil).Want(200).Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("HEAD: %s", got)
	}
}

func TestEvents_AtMostEightStreamsOfAUser(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, ben := s.SignUp(t), s.SignUp(t)
	path := streamPath(newSpec(ann, "one").ProjectID)
	streams := make([]*testkit.EventStream, 8)
	for n := range streams {
		streams[n] = ann.Follow([]string{path, "/api/v1/events"}[n%2])
	}
	ann.Get(path).WantProblem(429, "too_many_streams")
	ann.Get("/api/v1/events").WantProblem(429, "too_many_streams")
	ben.Follow("/api/v1/events")
	streams[3].Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if ann.Follow(path).Status == 200 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a closed stream still counts")
		}
	}
}

// withoutCache lets a server run without Redis and without a cache.
func withoutCache(s *server.Settings) { s.CacheTTL, s.SingleReplica = 0, false }

func TestEvents_WithoutRedis(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withoutCache)
	ann := s.SignUp(t)
	spec := newSpec(ann, "one")
	stream := ann.Follow(streamPath(spec.ProjectID))
	newBullet(ann, spec, "two")
	stream.Want("change")
	// A change by another program is found by the poll.
	execSQL(t, s, "UPDATE projects SET title = 'By hand' WHERE id = $1", spec.ProjectID)
	if got := stream.Want("change")["actor"].(map[string]any)["id"]; got != nil {
		t.Errorf("the actor is %v", got)
	}
}

// An idle stream outlives the timeouts of other responses.
func TestEvents_IdleStreamsStayOpen(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", http2), func(t *testing.T) {
			t.Parallel()
			s := testkit.Start(t)
			ann := s.SignUp(t)
			spec := newSpec(ann, "one")
			impatient := httptest.NewUnstartedServer(s.Handler)
			impatient.Config.ReadTimeout, impatient.Config.WriteTimeout, impatient.EnableHTTP2 = time.Second, time.Second, http2
			impatient.StartTLS()
			t.Cleanup(impatient.Close)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, impatient.URL+streamPath(spec.ProjectID), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+ann.Token)
			r.Header.Set("Accept-Encoding", "gzip")
			answer, err := impatient.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Encoding") != "" || (answer.ProtoMajor == 2) != http2 {
				t.Fatalf("%s with %v", answer.Status, answer.Header)
			}
			idle := 3 * time.Second
			if testkit.Long() {
				idle = 17 * time.Second // a comment comes after 15
			}
			time.AfterFunc(idle, func() { newBullet(ann, spec, "two") })
			comments := 0
			for lines := bufio.NewReader(answer.Body); ; {
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatalf("the idle stream has ended: %v", err)
				}
				if strings.HasPrefix(line, ": keep-alive") {
					comments++
				}
				if strings.HasPrefix(line, "data: ") {
					break
				}
			}
			if testkit.Long() && comments != 1 {
				t.Errorf("%d comments in %v", comments, idle)
			}
		})
	}
}
