package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/race"
)

// manyStreams lets one user have all streams of a replica.
func manyStreams(s *server.Settings) { s.MaxStreamsPerUser = 2000 }

// sessionsOf are several sessions of one user.
func sessionsOf(t *testing.T, s *testkit.Server, n int) []*testkit.Client {
	t.Helper()
	clients := make([]*testkit.Client, n)
	for i := range clients {
		clients[i] = newSession(t, s, "many@example.com")
	}
	return clients
}

// A change at one replica reaches 500 streams at another.
func TestEvents_AChangeReachesManyStreams(t *testing.T) { //nolint:paralleltest // measures time
	const streams = 500
	here := testkit.StartShared(t, manyStreams)
	other := here.Replica(t)
	sessions := sessionsOf(t, here, 10)
	ann := sessions[0].At(other)
	spec := newSpec(ann, "one")
	open := make([]*testkit.EventStream, streams)
	for n := range open {
		if open[n] = sessions[n%len(sessions)].Follow(streamPath(spec.ProjectID)); open[n].Status != 200 {
			t.Fatalf("stream %d: %d", n, open[n].Status)
		}
	}
	var slowest []time.Duration
	for range 10 {
		arrived := make(chan time.Time, streams)
		for _, stream := range open {
			go func() {
				stream.Next(10 * time.Second)
				arrived <- time.Now()
			}()
		}
		newBullet(ann, spec, "x")
		began, last := time.Now(), time.Time{}
		for range open {
			if at := <-arrived; at.After(last) {
				last = at
			}
		}
		slowest = append(slowest, last.Sub(began))
	}
	slices.Sort(slowest)
	t.Logf("a change reaches the last of %d streams at another replica after %v (median of %d), %v at most, from the response to the write",
		streams, slowest[len(slowest)/2], len(slowest), slowest[len(slowest)-1])
	if median := slowest[len(slowest)/2]; median > 2*time.Second || testkit.Long() && median > 200*time.Millisecond {
		t.Errorf("the median is %v", median)
	}
}

// openRaw opens streams over connections that take no memory but their sockets', and reads
// up to the first event.
func openRaw(t *testing.T, address, path, token string, count int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, count)
	for n := range conns {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", path, token)
		lines := bufio.NewReaderSize(conn, 16)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("stream %d: %v", n, err)
			}
			if strings.HasPrefix(line, "HTTP/1.1 ") && !strings.Contains(line, " 200 ") {
				t.Fatalf("stream %d: %s", n, line)
			}
			if strings.HasPrefix(line, "retry:") {
				break
			}
		}
		conns[n] = conn
	}
	return conns
}

// inUse is the memory of the process that is in use.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one has finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// bareStream is the smallest handler of a stream.
func bareStream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "retry: 2000\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// An idle stream takes little more memory than one of net/http alone.
func TestEvents_MemoryOfIdleStreams(t *testing.T) { //nolint:paralleltest // measures memory
	race.Skip(t)
	const streams = 500
	bare := httptest.NewServer(http.HandlerFunc(bareStream))
	t.Cleanup(bare.Close) // behind the end of its streams
	s := testkit.StartShared(t, manyStreams)
	sessions := sessionsOf(t, s, 20)
	path := streamPath(newSpec(sessions[0], "one").ProjectID)
	before := inUse()
	openRaw(t, bare.URL, "/", "x", streams)
	between := inUse()
	for _, session := range sessions {
		openRaw(t, s.URL, path, session.Token, streams/len(sessions))
	}
	time.Sleep(2 * time.Second)
	after := inUse()
	own, of := (after-between)/streams, (between-before)/streams
	t.Logf("an idle stream takes %d bytes, and one of net/http alone %d: %d more", own, of, own-of)
	if own-of > 20<<10 {
		t.Errorf("an idle stream takes %d bytes more than one of net/http", own-of)
	}
}

// A client that does not read is disconnected, and takes no more memory than a page of
// changes meanwhile.
func TestEvents_SlowReadersAreDisconnected(t *testing.T) { //nolint:paralleltest // measures memory
	readers := testkit.Repetitions(8, 100)
	s := testkit.Start(t, manyStreams)
	ann := s.SignUp(t)
	project := newSpec(ann, "one").ProjectID
	// More than the buffers of a connection hold.
	execSQL(t, s, `INSERT INTO changes (owner_id, project_id, revision, kind, revised_at, actor_id, spec_id, spec_version, item_id, item_version, item_number)
		SELECT c.owner_id, c.project_id, c.revision + n, 'item.changed', c.revised_at, c.actor_id, c.spec_id, n, c.spec_id, n, 1
		FROM   (SELECT * FROM changes WHERE project_id = $1 ORDER BY revision DESC, number DESC LIMIT 1) AS c, generate_series(1, 30000) AS n`, project)
	execSQL(t, s, "UPDATE project_revisions SET revision = revision + 30000 WHERE project_id = $1", project)
	_ = openRaw(t, s.URL, streamPath(project)+"?since=r0", ann.Token, 1)[0].Close() // makes what is made once
	before := inUse()
	var conns []net.Conn
	for range readers {
		conn := openRaw(t, s.URL, streamPath(project)+"?since=r0", ann.Token, 1)[0]
		conns = append(conns, conn)
	}
	began := time.Now()
	var each int64
	for deadline := began.Add(8 * time.Second); ; { // until all are blocked: on a busy machine that takes seconds
		time.Sleep(500 * time.Millisecond)
		if each = (inUse() - before) / int64(readers); each <= 512<<10 && time.Since(began) > 2*time.Second || time.Now().After(deadline) {
			break
		}
	}
	if open := eventStreams(t, s); each > 512<<10 || open != float64(readers) {
		t.Errorf("a blocked stream takes %d bytes; %v of %d are open", each, open, readers)
	}
	for eventStreams(t, s) > 0 {
		if time.Since(began) > 30*time.Second {
			t.Fatal("the streams of clients that do not read are still open")
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, _ := io.Copy(io.Discard, conn); n > 20<<20 {
			t.Errorf("%d bytes were sent", n)
		}
	}
	t.Logf("a blocked stream takes %d bytes; the streams were closed after %v", each, time.Since(began).Round(time.Second))
}

// eventStreams is the gauge of open streams.
func eventStreams(t *testing.T, s *testkit.Server) (open float64) {
	t.Helper()
	metrics := string(s.Anonymous(t).Get("/metrics").Want(200).Body)
	_, rest, found := strings.Cut(metrics, "\nevent_streams ")
	if _, err := fmt.Sscan(rest, &open); err != nil || !found {
		t.Fatalf("no event_streams: %v", err)
	}
	return open
}
