package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// An export that nobody reads holds its connection to the database until it is
// given up. However many somebody begins, the others go on.
func TestExportsLeaveTheDatabaseToOthers(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	few := s.Replica(t, func(set *server.Settings) { set.PoolSize, set.PoolOverflow = 2, 1 })
	ann, bob := s.SignUp(t), s.SignUp(t)
	wealthy(t, s, ann.User, 4, 20, strings.Repeat("🧾", 100_000), "") // more than the connection holds

	for _, server := range []*testkit.Server{s, few} {
		body := download(t, server, ann).Body
		if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if second := download(t, server, ann); second.StatusCode != http.StatusTooManyRequests || second.Header.Get("Retry-After") != "20" {
			t.Fatalf("another export is answered %d, Retry-After %q", second.StatusCode, second.Header.Get("Retry-After"))
		}
		ann.At(server).Get(exportPath).WantProblem(429, "rate_limited")
		bob.At(server).Get(projectsPath).Want(200)
		ann.At(server).Get(mePath).Want(200)
		if server == few { // which has one place
			bob.At(server).Get(exportPath).WantProblem(503, "unavailable")
		} else {
			bob.At(server).Get(exportPath).Want(200)
		}
		_ = body.Close() // the server finds out, and the place is free again
		for deadline := time.Now().Add(10 * time.Second); download(t, server, ann).StatusCode != http.StatusOK; {
			if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
				t.Fatal("an export that was given up still holds its place")
			}
		}
	}
}
