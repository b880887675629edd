package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// ownPostgres is a PostgreSQL of one test.
type ownPostgres struct {
	t      *testing.T
	dir    string
	server *pgserver.Server
	testkit.Database
}

func newOwnPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	p := &ownPostgres{t: t, dir: t.TempDir()}
	p.start()
	t.Cleanup(func() { _ = p.server.Stop(context.WithoutCancel(t.Context())) })
	service, err := p.server.Provision(t.Context(), "codegenapp", "codegenapp_service")
	if err != nil {
		t.Fatal(err)
	}
	p.Database = testkit.Database{Owner: p.server.URL("codegenapp"), Service: service, Super: p.server.URL("codegenapp")}
	settings := &server.Settings{Env: "development", LogFormat: "text", DatabaseURL: server.Secret(service), MigrationDatabaseURL: server.Secret(p.Owner)}
	if err := server.MigrateUp(t.Context(), settings, io.Discard); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *ownPostgres) start() {
	p.t.Helper()
	var err error
	if p.server, err = pgserver.Start(p.t.Context(), pgserver.Config{Dir: p.dir}); err != nil {
		p.t.Error(err)
	}
}

// crash stops PostgreSQL at once, and starts it again.
func (p *ownPostgres) crash() {
	p.t.Helper()
	now, cancel := context.WithCancel(p.t.Context())
	cancel()
	_ = p.server.Stop(now) // it reports that the stop was not in order
	p.start()
}

// Three replicas, one reader whose stream is cut at random, and a writer at each replica.
// PostgreSQL and Redis crash meanwhile.
func TestEvents_CutStreamsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	db, redis := newOwnPostgres(t), startRedis(t)
	google := testkit.NewIssuer(t)
	var replicas []*testkit.Server
	for range 3 {
		replicas = append(replicas, testkit.StartOn(t, db.Database, google, func(s *server.Settings) { s.RedisURL = server.Secret(redis.URL()) }))
	}
	ann := replicas[0].SignUp(t)
	spec := newSpec(ann, "one", "two", "three")
	ctx, stop := context.WithCancel(t.Context())
	var writers, crash sync.WaitGroup
	for n, item := range bulletsOf(ann, spec) {
		writers.Go(func() {
			for at := 0; ctx.Err() == nil; at++ { // a write may fail while a server is down
				ann.At(replicas[n]).Patch("/api/v1/items/"+item.ID, fmt.Sprintf(`{"content": "by %d: %d"}`, n, at))
				time.Sleep(rand.N(20 * time.Millisecond))
			}
		})
	}
	r := &cutReader{t: t, ann: ann, replicas: replicas, path: streamPath(spec.ProjectID)}
	cuts := testkit.Repetitions(100, 1000)
	faults := map[int]func(){
		cuts / 3:     func() { crash.Go(db.crash) },
		2 * cuts / 3: redis.Kill,
		2*cuts/3 + 10: func() {
			if err := redis.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	}
	for r.streams < cuts {
		if fault := faults[r.streams]; fault != nil {
			delete(faults, r.streams)
			fault()
		}
		r.read(rand.N(150 * time.Millisecond))
	}
	crash.Wait()
	stop()
	writers.Wait()
	head := revisionOf(ann, spec.ProjectID)
	for deadline := time.Now().Add(time.Minute); r.last < head && time.Now().Before(deadline); {
		r.read(time.Second)
	}
	if r.last != head || head < cuts {
		t.Errorf("the reader is at revision %d, and the project at %d", r.last, head)
	}
	t.Logf("%d revisions over %d streams", r.last, r.streams)
}

// cutReader reads a stream in parts, as a client that loses its connections.
type cutReader struct {
	t        *testing.T
	ann      *testkit.Client
	replicas []*testkit.Server
	path     string
	// last is the revision that it has read last.
	last, streams int
}

// read opens a stream at some replica, reads for a time, and disconnects.
func (r *cutReader) read(interval time.Duration) {
	r.t.Helper()
	stream, err := r.ann.At(r.replicas[rand.N(len(r.replicas))]).TryFollow(r.path, "Last-Event-ID", strconv.Itoa(r.last))
	if err != nil || stream.Status == 503 {
		time.Sleep(20 * time.Millisecond)
		return
	}
	defer stream.Close()
	if stream.Status != 200 {
		r.t.Errorf("status %d", stream.Status)
		return
	}
	r.streams++
	for end := time.Now().Add(interval); ; {
		e, ok := stream.Next(time.Until(end))
		if !ok {
			return
		}
		if want := strconv.Itoa(r.last + 1); e.Name != "change" || e.ID != want {
			r.t.Fatalf("%+v, want revision %s", e, want)
		}
		r.last++
	}
}

// revisionOf returns the newest revision of a project.
func revisionOf(c *testkit.Client, project string) int {
	changes, _ := c.WithRetry().Get(projectsPath + "/" + project + "/changes?page_size=1").Want(200).JSON()["changes"].([]any)
	change, _ := changes[0].(map[string]any)
	revision, _ := change["revision"].(float64)
	return int(revision)
}
