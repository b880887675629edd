package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const historyWriters = 64

// With 64 writers at three processes, of which one is killed and started again meanwhile,
// the revisions of a project have no gap. Readers that follow the log at each process see
// every revision once, in order. Every acknowledged write is in it, behind all writes that
// were acknowledged before it was sent.
func TestHistory_RevisionsAreGaplessOverThreeProcesses(t *testing.T) {
	t.Parallel()
	f := newHistoryFleet(t)
	rounds := testkit.Repetitions(6, 100)
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	logs := make([]*changeLog, len(f.addresses))
	for n := range logs {
		logs[n] = &changeLog{}
		readers.Go(func() { f.follow(n, logs[n], &done) })
	}
	for n := range historyWriters {
		writers.Go(func() {
			for round := range rounds {
				f.write(n, round)
			}
		})
	}
	f.killOne(historyWriters * rounds / 3)
	writers.Wait()
	done.Store(true)
	readers.Wait()

	whole := &changeLog{}
	for whole.read(f.try(0, http.MethodGet, whole.path(f.project), "", "")) {
	}
	for n, log := range append(logs, whole) {
		if log.fault != "" {
			t.Errorf("reader %d: %s", n, log.fault)
		}
		if !slices.Equal(log.changes, whole.changes) {
			t.Errorf("reader %d has seen %d changes, the log has %d or others", n, len(log.changes), len(whole.changes))
		}
	}
	f.check(whole)
}

// historyFleet is three processes over one database, with a project that all writers
// change.
type historyFleet struct {
	t         *testing.T
	env       func(address string) []string
	addresses []string
	servers   []*server
	token     string
	project   string
	specs     []string

	mu           sync.Mutex
	acknowledged []sentWrite
	// lost are the requests whose connection broke: they may have been committed.
	lost int
}

// sentWrite is an acknowledged write: the change that it made, and its times.
type sentWrite struct {
	change         string
	sent, returned time.Time
}

func newHistoryFleet(t *testing.T) *historyFleet {
	t.Helper()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	f := &historyFleet{t: t, env: func(address string) []string {
		return serveEnv(db.Service, google.URL, "HTTP_ADDR="+address, "LOG_LEVEL=WARNING")
	}}
	for n := range 3 {
		f.addresses = append(f.addresses, unusedAddress(t))
		f.servers = append(f.servers, f.start(n))
	}
	f.token = f.servers[0].signIn(google, "ann@example.com")
	var made project
	send(t, http.MethodPost, f.url(0)+"/api/v1/projects", f.token, `{"title":"Log"}`).want(http.StatusCreated).decode(&made)
	f.project = "/api/v1/projects/" + made.ID
	for range 16 {
		send(t, http.MethodPost, f.url(0)+f.project+"/specs", f.token, `{"content":"x"}`).want(http.StatusCreated).decode(&made)
		f.specs = append(f.specs, made.ID)
	}
	return f
}

func (f *historyFleet) url(n int) string { return "http://" + f.addresses[n%len(f.addresses)] }

// start starts a process at its address. It logs warnings only, so it is ready when it
// answers so.
func (f *historyFleet) start(n int) *server {
	f.t.Helper()
	s := &server{process: start(f.t, programOptions{args: []string{"serve"}, env: f.env(f.addresses[n])}), URL: f.url(n)}
	s.waitUntil("it is ready", func() bool {
		a, err := trySend(f.t, http.MethodGet, s.URL+"/health/ready", "", "")
		return err == nil && a.Status == http.StatusOK
	})
	return s
}

// killOne kills the second process once some writes are acknowledged, and starts it again.
func (f *historyFleet) killOne(after int) {
	f.t.Helper()
	waitUntil(f.t, "a third of the writes is acknowledged", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.acknowledged) >= after
	})
	f.servers[1].signal(syscall.SIGKILL)
	f.servers[1].waitExit()
	f.mu.Lock()
	before := len(f.acknowledged)
	f.mu.Unlock()
	f.servers[1] = f.start(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.acknowledged) == before {
		f.t.Errorf("the other processes have written nothing meanwhile")
	}
}

// try sends a request, and repeats it with a key after a 503. It returns nil if the
// connection broke, and no response came.
func (f *historyFleet) try(n int, method, path, body, key string) *response {
	headers := []string{"Idempotency-Key", key}
	if key == "" {
		headers = nil
	}
	for began := time.Now(); ; time.Sleep(pollInterval) {
		a, err := trySend(f.t, method, f.url(n)+path, f.token, body, headers...)
		if err != nil {
			return nil
		}
		if a.Status != http.StatusServiceUnavailable || time.Since(began) > waitTimeout {
			return a
		}
	}
}

// write sends one write: an item, or a text that no other request sends. A request whose
// connection broke is not repeated.
func (f *historyFleet) write(n, round int) {
	spec := f.specs[(n+round)%len(f.specs)]
	sent := time.Now()
	var a *response
	var change string
	if text := fmt.Sprintf("%d in round %d", n, round); n%2 == 0 {
		a = f.try(n, http.MethodPost, "/api/v1/specs/"+spec+"/items", `{"content":"`+text+`"}`, "key-"+strings.ReplaceAll(text, " ", "-"))
	} else {
		a = f.try(n, http.MethodPatch, "/api/v1/specs/"+spec, `{"content":"`+text+`"}`, "")
	}
	returned := time.Now()
	if a != nil {
		if a.Status >= http.StatusMultipleChoices {
			f.t.Errorf("writer %d: %d %s", n, a.Status, a.Body)
			return
		}
		var now struct {
			ID      string
			Version int64
		}
		a.decode(&now)
		change = fmt.Sprintf("specification.changed %s %d", now.ID, now.Version)
		if n%2 == 0 {
			change = "item.created " + now.ID
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if a == nil {
		f.lost++
		time.Sleep(pollInterval) // the process starts again
		return
	}
	f.acknowledged = append(f.acknowledged, sentWrite{change, sent, returned})
}

// follow reads the log of a process until the writers have ended, and it has no more.
func (f *historyFleet) follow(n int, log *changeLog, done *atomic.Bool) {
	for last := false; ; {
		wasDone := done.Load()
		if log.read(f.try(n, http.MethodGet, log.path(f.project), "", "")) || log.fault != "" {
			last = false
			if log.fault != "" {
				return
			}
			continue
		}
		if last && wasDone {
			return
		}
		last = wasDone
		time.Sleep(pollInterval)
	}
}

// check compares the log with the acknowledged writes.
func (f *historyFleet) check(log *changeLog) {
	f.t.Helper()
	revisions := map[string]int64{}
	for _, c := range log.changes {
		name := "item.created " + c.Item
		if c.Kind == "specification.changed" {
			name = fmt.Sprintf("specification.changed %s %d", c.Specification, c.Version)
		}
		if c.Kind == "item.created" || c.Kind == "specification.changed" {
			if revisions[name] != 0 {
				f.t.Errorf("%s is in the log twice", name)
			}
			revisions[name] = c.Revision
		}
	}
	for _, w := range f.acknowledged {
		if revisions[w.change] == 0 {
			f.t.Errorf("the acknowledged write %s is not in the log", w.change)
		}
	}
	if more := len(revisions) - len(f.acknowledged); more < 0 || more > f.lost {
		f.t.Errorf("%d writes are acknowledged, %d without a response, and %d in the log", len(f.acknowledged), f.lost, len(revisions))
	}
	f.checkOrder(revisions)
	f.t.Logf("%d writes acknowledged, %d without a response, of which %d were committed; %d revisions",
		len(f.acknowledged), f.lost, len(revisions)-len(f.acknowledged), log.newest())
}

// checkOrder fails the test if a write has a smaller revision than one that was
// acknowledged before it was sent.
func (f *historyFleet) checkOrder(revisions map[string]int64) {
	f.t.Helper()
	bySent, byReturned := slices.Clone(f.acknowledged), slices.Clone(f.acknowledged)
	slices.SortFunc(bySent, func(a, b sentWrite) int { return a.sent.Compare(b.sent) })
	slices.SortFunc(byReturned, func(a, b sentWrite) int { return a.returned.Compare(b.returned) })
	var newest int64
	for _, w := range bySent {
		for len(byReturned) > 0 && byReturned[0].returned.Before(w.sent) {
			newest = max(newest, revisions[byReturned[0].change])
			byReturned = byReturned[1:]
		}
		if revisions[w.change] < newest {
			f.t.Errorf("%s is r%d, but r%d was acknowledged before it was sent", w.change, revisions[w.change], newest)
		}
	}
}
