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

// An export whose client does not read holds its database connection until it
// is cancelled. However many a user starts, other requests continue.
func TestExport_LeavesConnectionsToOthers(t *testing.T) {
	t.Parallel()
	s := testkit.StartFirst(t)
	few := s.Replica(t, func(set *server.Settings) { set.PoolSize, set.PoolOverflow = 2, 1 })
	ann, bob := s.SignUp(t), s.SignUp(t)
	insertContent(t, s, ann.User, 4, 20, strings.Repeat("🧾", 100_000), "") // more than the socket buffers hold

	for _, server := range []*testkit.Server{s, few} {
		body := startExport(t, server, ann).Body
		if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if second := startExport(t, server, ann); second.StatusCode != http.StatusTooManyRequests || second.Header.Get("Retry-After") != "20" {
			t.Fatalf("another export got %d, Retry-After %q", second.StatusCode, second.Header.Get("Retry-After"))
		}
		ann.At(server).Get(exportPath).WantProblem(429, "rate_limited")
		bob.At(server).Get(projectsPath).Want(200)
		ann.At(server).Get(mePath).Want(200)
		if server == few { // has one export slot
			bob.At(server).Get(exportPath).WantProblem(503, "unavailable")
		} else {
			bob.At(server).Get(exportPath).Want(200)
		}
		_ = body.Close() // the server notices, and the slot is free again
		for deadline := time.Now().Add(time.Minute); startExport(t, server, ann).StatusCode != http.StatusOK; {
			if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
				t.Fatal("a cancelled export still holds its slot")
			}
		}
	}
}
