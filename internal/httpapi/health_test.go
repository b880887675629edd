package httpapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for path, want := range map[string]map[string]any{
		"/health":       {"status": "ok", "checks": map[string]any{"database": "ok", "redis": "ok"}},
		"/health/live":  {"status": "ok"},
		"/health/ready": {"status": "ok"},
		"/health/db":    {"status": "ok"},
		"/health/redis": {"status": "ok", "mode": "embedded"},
	} {
		for name, c := range map[string]*testkit.Client{"anybody": s.Anonymous(t), "a broken token": withToken(t, s, "x")} {
			t.Run(path+" for "+name, func(t *testing.T) {
				t.Parallel()
				answer := c.WithT(t).Get(path).Want(200)
				got := answer.JSON()
				if version, _ := got["version"].(string); path == "/health" && version == "" {
					t.Error("no version")
				}
				delete(got, "version")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("health (-want +got):\n%s", diff)
				}
				if media := answer.Header.Get("Content-Type"); media != "application/json" {
					t.Errorf("Content-Type = %s", media)
				}
				if cache := answer.Header.Get("Cache-Control"); cache != "no-store" {
					t.Errorf("Cache-Control = %s", cache)
				}
			})
		}
	}
}

func TestHealthWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	// Nobody but superusers may connect from now on, and who was is cut off.
	name := s.Database.Service[strings.LastIndex(s.Database.Service, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	sql(t, s, `ALTER DATABASE "`+name+`" CONNECTION LIMIT 0`)
	defer sql(t, s, `ALTER DATABASE "`+name+`" CONNECTION LIMIT -1`)
	sql(t, s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", name)

	for path, want := range map[string]int{"/health/live": 200, "/health/ready": 200, "/health/redis": 200} {
		ann.Get(path).Want(want)
	}
	awaitStatus(t, ann, "/health/db", 503)
	if got := ann.Get("/health/db").JSON()["status"]; got != "unavailable" {
		t.Errorf("/health/db says %v", got)
	}
	awaitStatus(t, ann, "/health", 503)
	got := ann.Get("/health").JSON()
	want := map[string]any{"status": "unavailable", "version": got["version"], "checks": map[string]any{"database": "unavailable", "redis": "ok"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}
	for _, answer := range []*testkit.Response{ann.Get(projectsPath), ann.Post(projectsPath, titled("x")), ann.Get(projectsPath + "/" + ann.User)} {
		problem := answer.WantProblem(503, "unavailable")
		if answer.Header.Get("Retry-After") == "" || mentionsGo(problem.Detail) {
			t.Errorf("503 with Retry-After %q: %q", answer.Header.Get("Retry-After"), problem.Detail)
		}
	}
	// What can be refused without the database still is, and is not called dead.
	ann.Post(projectsPath, "{").WantProblem(400, "malformed_json")
	ann.Get(projectsPath+"?x=1").WantProblem(400, "invalid_parameter")
}

// awaitStatus asks until the status is answered; a check may be a second old.
func awaitStatus(t *testing.T, c *testkit.Client, path string, want int) {
	t.Helper()
	got := 0
	for range 10000 {
		if got = c.Get(path).Status; got == want {
			return
		}
	}
	t.Fatalf("%s answers %d, want %d", path, got, want)
}
