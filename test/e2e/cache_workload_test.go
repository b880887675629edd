package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// resource is changed by one writer, to 1, 2 and so on, and read by many.
type resource struct {
	path, field string
	// views are the paths of the reads that show it.
	views []string

	mu sync.Mutex
	// confirmed is the value of the last write that got a response.
	confirmed int
	// unconfirmed are the writes without a response.
	unconfirmed map[int]bool
}

// confirmedValue is the minimum that a read that begins now has to show.
func (th *resource) confirmedValue() int {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.confirmed
}

// recordWrite records the result of a write.
func (th *resource) recordWrite(n int, known bool) {
	th.mu.Lock()
	defer th.mu.Unlock()
	if known {
		th.confirmed = n
	} else {
		th.unconfirmed[n] = true
	}
}

// isUnconfirmed reports whether a value that was read may be gone later, since its write
// got no response.
func (th *resource) isUnconfirmed(n int) bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.unconfirmed[n]
}

// valueIn is the value of the resource in a body.
func (th *resource) valueIn(body []byte) (int, error) {
	found := regexp.MustCompile(`"` + th.field + `":"([0-9]+)"`).FindSubmatch(body)
	if found == nil {
		return 0, fmt.Errorf("it shows no %s", th.field)
	}
	return strconv.Atoi(string(found[1]))
}

// cacheUser is a user with resources and more than one session.
type cacheUser struct {
	tokens    []string
	resources []*resource
	// pause is the time between two writes to a resource.
	pause   time.Duration
	stopped *atomic.Bool
}

// newCacheUser has a project, a specification and an item, each with a number.
func newCacheUser(t *testing.T, s *testkit.Server, email string) cacheUser {
	t.Helper()
	c := s.SignIn(t, email)
	made := func(path, body string) string {
		var m struct{ ID string }
		c.Post(path, body).Want(http.StatusCreated).Decode(&m)
		return m.ID
	}
	project := "/api/v1/projects/" + made("/api/v1/projects", `{"title":"0"}`)
	spec := "/api/v1/specs/" + made(project+"/specs", `{"content":"x","title":"0"}`)
	item := "/api/v1/items/" + made(spec+"/items", `{"content":"0"}`)
	return cacheUser{
		tokens: []string{c.Token, s.SignIn(t, email).Token}, stopped: &atomic.Bool{},
		resources: []*resource{
			{path: project, field: "title", unconfirmed: map[int]bool{}, views: []string{project, "/api/v1/projects"}},
			{path: spec, field: "title", unconfirmed: map[int]bool{}, views: []string{spec, project + "/specs"}},
			{path: item, field: "content", unconfirmed: map[int]bool{}, views: []string{item, spec + "/items"}},
		},
	}
}

// workload is concurrent writes and reads of several users at several servers.
type workload struct {
	t         *testing.T
	kit       *testkit.Server
	servers   []*server
	users     []cacheUser
	userCount int
	failures  *races.Failures
	client    *http.Client
	// quiesce is locked for writing to have no request in progress.
	quiesce                    sync.RWMutex
	running                    sync.WaitGroup
	reads, writes, unavailable atomic.Int64
}

// newWorkload is a workload without users, at servers over one database.
func newWorkload(t *testing.T, kit *testkit.Server, servers ...*server) *workload {
	t.Helper()
	s := &workload{
		t: t, kit: kit, servers: servers, failures: races.CollectFailures(t),
		client: &http.Client{Timeout: waitTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// addUsers starts users. Each resource has one writer, and several readers, at random
// servers. Half of the users write often.
func (s *workload) addUsers(people, readers int) {
	for range people {
		s.userCount++
		p := newCacheUser(s.t, s.kit, fmt.Sprintf("cache-user-%d@example.com", s.userCount))
		p.pause = time.Duration(300+2700*(s.userCount%2)) * time.Millisecond
		s.users = append(s.users, p)
		for _, th := range p.resources {
			s.running.Go(func() { s.write(p, th) })
		}
		for k := range readers {
			s.running.Go(func() { s.read(p, p.tokens[k%len(p.tokens)]) })
		}
	}
}

// stopUsers stops all users and waits for their requests.
func (s *workload) stopUsers() {
	for _, p := range s.users {
		p.stopped.Store(true)
	}
	s.users = nil
	s.running.Wait()
}

func (s *workload) write(p cacheUser, th *resource) {
	for n := 1; !p.stopped.Load(); n++ {
		status, body, err := s.send(http.MethodPatch, th.path, p.tokens[0], fmt.Sprintf(`{%q:"%d"}`, th.field, n))
		switch {
		case err == nil && status == http.StatusOK:
			th.recordWrite(n, true)
			s.writes.Add(1)
		case err != nil || status == http.StatusServiceUnavailable:
			th.recordWrite(n, false)
			s.unavailable.Add(1)
		default:
			s.failures.Add("a rejected write", "%d: %s", status, body)
		}
		for until := time.Now().Add(p.pause/2 + rand.N(p.pause)); time.Now().Before(until) && !p.stopped.Load(); {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (s *workload) read(p cacheUser, token string) {
	last := map[*resource]int{}
	for !p.stopped.Load() {
		th := p.resources[rand.IntN(len(p.resources))]
		path := th.views[rand.IntN(len(th.views))]
		least := th.confirmedValue()
		status, body, err := s.send(http.MethodGet, path, token, "")
		if err == nil && status == http.StatusServiceUnavailable { // the machine is busy
			s.unavailable.Add(1)
			continue
		}
		if err != nil || status != http.StatusOK {
			s.failures.Add("a failed read", "%s: %d %s %v", path, status, body, err)
			continue
		}
		s.reads.Add(1)
		shown, err := th.valueIn(body)
		switch {
		case err != nil:
			s.failures.Add("an unexpected body", "%s: %v: %s", path, err, body)
		case shown < least:
			s.failures.Add("a stale read", "%s shows %d after the response to %d", path, shown, least)
		case shown < last[th] && !th.isUnconfirmed(last[th]):
			s.failures.Add("a non-monotonic read", "%s shows %d after a read of %d", path, shown, last[th])
		}
		last[th] = shown
	}
}

// send sends a request to a random server.
func (s *workload) send(method, path, token, body string) (int, []byte, error) {
	s.quiesce.RLock()
	defer s.quiesce.RUnlock()
	to := s.servers[rand.IntN(len(s.servers))]
	r, err := http.NewRequestWithContext(s.t.Context(), method, to.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	return answer.StatusCode, got, err
}

// cacheHits counts the cache hits of all servers, by their logs.
func (s *workload) cacheHits() (n int64) {
	for _, one := range s.servers {
		n += one.logs.cacheHits.Load()
	}
	return n
}

// redisUnderTest is a private Redis into which faults are injected.
type redisUnderTest struct {
	*redisserver.Server

	t   *testing.T
	dir string
}

func newRedisUnderTest(t *testing.T) redisUnderTest {
	t.Helper()
	dir := t.TempDir()
	redis, err := redisserver.Start(t.Context(), dir)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(redis.Stop)
	return redisUnderTest{redis, t, dir}
}

// command sends commands, each of which must succeed.
func (r redisUnderTest) command(commands ...string) {
	r.t.Helper()
	conn, err := net.DialTimeout("tcp", r.Address, waitTimeout)
	must(r.t, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, c := range commands {
		fmt.Fprintf(conn, "%s\r\n", c)
		if answer, err := answers.ReadString('\n'); err != nil || strings.HasPrefix(answer, "-") {
			r.t.Fatalf("%s: %q, %v", c, answer, err)
		}
	}
}

// restart starts it after its end, with the saved snapshot or empty.
func (r redisUnderTest) restart(saved bool) {
	r.t.Helper()
	if !saved {
		_ = os.Remove(filepath.Join(r.dir, "dump.rdb")) // if there is one
	}
	must(r.t, r.Restart(r.t.Context()))
}
