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

// thing is what one writer writes, 1 and 2 and so on, and many read.
type thing struct {
	path, field string
	// views are the paths of reads that show it.
	views []string

	mu sync.Mutex
	// answered is the last write that was answered.
	answered int
	// lost are the writes of which nobody was told whether they have happened.
	lost map[int]bool
}

// atLeast is what a read must show that begins now.
func (th *thing) atLeast() int {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.answered
}

// wrote notes what became of a write.
func (th *thing) wrote(n int, known bool) {
	th.mu.Lock()
	defer th.mu.Unlock()
	if known {
		th.answered = n
	} else {
		th.lost[n] = true
	}
}

// mayVanish reports whether a write that was read may be gone: nobody was told
// that it has happened.
func (th *thing) mayVanish(n int) bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.lost[n]
}

// shown is what a body shows of the thing.
func (th *thing) shown(body []byte) (int, error) {
	found := regexp.MustCompile(`"` + th.field + `":"([0-9]+)"`).FindSubmatch(body)
	if found == nil {
		return 0, fmt.Errorf("it shows no %s", th.field)
	}
	return strconv.Atoi(string(found[1]))
}

// person owns things, and has signed in more than once.
type person struct {
	tokens []string
	things []*thing
	// pause is how long the person waits between two writes of a thing.
	pause time.Duration
	gone  *atomic.Bool
}

// newPerson has a project, a specification and an item, each with a number.
func newPerson(t *testing.T, s *testkit.Server, email string) person {
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
	return person{
		tokens: []string{c.Token, s.SignIn(t, email).Token}, gone: &atomic.Bool{},
		things: []*thing{
			{path: project, field: "title", lost: map[int]bool{}, views: []string{project, "/api/v1/projects"}},
			{path: spec, field: "title", lost: map[int]bool{}, views: []string{spec, project + "/specs"}},
			{path: item, field: "content", lost: map[int]bool{}, views: []string{item, spec + "/items"}},
		},
	}
}

// storm is people who write and read at several servers at once.
type storm struct {
	t       *testing.T
	kit     *testkit.Server
	servers []*server
	people  []person
	came    int
	wrong   *races.Failures
	client  *http.Client
	// calm is taken for writing by who wants that nothing is asked meanwhile.
	calm                sync.RWMutex
	running             sync.WaitGroup
	reads, writes, busy atomic.Int64
}

// newStorm is nobody yet, at servers over one database.
func newStorm(t *testing.T, kit *testkit.Server, servers ...*server) *storm {
	t.Helper()
	s := &storm{
		t: t, kit: kit, servers: servers, wrong: races.CollectFailures(t),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// come lets so many people begin: all they have is written by one and read by some
// at a time, at whatever servers. Half of them write often.
func (s *storm) come(people, readers int) {
	for range people {
		s.came++
		p := newPerson(s.t, s.kit, fmt.Sprintf("person-%d@example.com", s.came))
		p.pause = time.Duration(300+2700*(s.came%2)) * time.Millisecond
		s.people = append(s.people, p)
		for _, th := range p.things {
			s.running.Go(func() { s.write(p, th) })
		}
		for k := range readers {
			s.running.Go(func() { s.read(p, p.tokens[k%len(p.tokens)]) })
		}
	}
}

// leave waits until nobody asks any more.
func (s *storm) leave() {
	for _, p := range s.people {
		p.gone.Store(true)
	}
	s.people = nil
	s.running.Wait()
}

func (s *storm) write(p person, th *thing) {
	for n := 1; !p.gone.Load(); n++ {
		status, body, err := s.ask(http.MethodPatch, th.path, p.tokens[0], fmt.Sprintf(`{%q:"%d"}`, th.field, n))
		switch {
		case err == nil && status == http.StatusOK:
			th.wrote(n, true)
			s.writes.Add(1)
		case err != nil || status == http.StatusServiceUnavailable:
			th.wrote(n, false)
			s.busy.Add(1)
		default:
			s.wrong.Add("a write that is refused", "%d: %s", status, body)
		}
		for until := time.Now().Add(p.pause/2 + rand.N(p.pause)); time.Now().Before(until) && !p.gone.Load(); {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (s *storm) read(p person, token string) {
	last := map[*thing]int{}
	for !p.gone.Load() {
		th := p.things[rand.IntN(len(p.things))]
		path := th.views[rand.IntN(len(th.views))]
		least := th.atLeast()
		status, body, err := s.ask(http.MethodGet, path, token, "")
		if err == nil && status == http.StatusServiceUnavailable { // the machine is
			s.busy.Add(1)
			continue
		}
		if err != nil || status != http.StatusOK {
			s.wrong.Add("a read that fails", "%s: %d %s %v", path, status, body, err)
			continue
		}
		s.reads.Add(1)
		shown, err := th.shown(body)
		switch {
		case err != nil:
			s.wrong.Add("another answer", "%s: %v: %s", path, err, body)
		case shown < least:
			s.wrong.Add("a stale read", "%s shows %d after %d was answered", path, shown, least)
		case shown < last[th] && !th.mayVanish(last[th]):
			s.wrong.Add("a read that goes back", "%s shows %d after a read of %d", path, shown, last[th])
		}
		last[th] = shown
	}
}

// ask sends a request to any of the servers.
func (s *storm) ask(method, path, token, body string) (int, []byte, error) {
	s.calm.RLock()
	defer s.calm.RUnlock()
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

// hits is how many answers the servers have taken from the gate, by their logs.
func (s *storm) hits() (n int64) {
	for _, one := range s.servers {
		n += one.logs.hits.Load()
	}
	return n
}

// ill is a Redis of the test's own, and what can happen to it.
type ill struct {
	*redisserver.Server

	t   *testing.T
	dir string
}

func newIll(t *testing.T) ill {
	t.Helper()
	dir := t.TempDir()
	redis, err := redisserver.Start(t.Context(), dir)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(redis.Stop)
	return ill{redis, t, dir}
}

// command sends commands, each of which must be taken.
func (r ill) command(commands ...string) {
	r.t.Helper()
	conn, err := net.DialTimeout("tcp", r.Address, patience)
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

// again starts it after its end, with what was saved, or with nothing.
func (r ill) again(saved bool) {
	r.t.Helper()
	if !saved {
		_ = os.Remove(filepath.Join(r.dir, "dump.rdb")) // if there is one
	}
	must(r.t, r.Restart(r.t.Context()))
}
