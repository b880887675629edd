package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const exportPath = mePath + "/export"

// exportDoc is what a client reads of an export.
type exportDoc struct {
	ExportedAt string            `json:"exported_at"`
	User       profile           `json:"user"`
	Projects   []exportedProject `json:"projects"`
}

type exportedProject struct {
	specProject
	Title          string  `json:"title"`
	DeletedAt      *string `json:"deleted_at"`
	Specifications []spec  `json:"specifications"`
}

// validate checks the consistency of a document and counts its items.
func (d exportDoc) validate() (items int, err error) {
	seen := map[string]bool{}
	once := func(id string) {
		if seen[id] {
			err = errors.Join(err, fmt.Errorf("%s occurs twice", id))
		}
		seen[id] = true
	}
	for _, p := range d.Projects {
		once(p.ID)
		live := 0
		for n, s := range p.Specifications {
			once(s.ID)
			if s.DeletedAt == nil {
				live++
			}
			if s.Items == nil || len(*s.Items) != s.ItemCount || s.ProjectID != p.ID || n > 0 && s.Number <= p.Specifications[n-1].Number {
				return items, fmt.Errorf("specification %d of %s is inconsistent", s.Number, p.ID)
			}
			for _, i := range *s.Items {
				once(i.ID)
			}
			err = errors.Join(err, checkDense(*s.Items))
			items += s.ItemCount
		}
		if live != p.Count {
			err = errors.Join(err, fmt.Errorf("project %s counts %d, and has %d live", p.ID, p.Count, live))
		}
	}
	return items, err
}

func readExport(c *testkit.Client) (d exportDoc) {
	c.Get(exportPath).Want(200).Into(&d)
	return d
}

// startExport starts an export without a check against the contract.
func startExport(t *testing.T, s *testkit.Server, c *testkit.Client) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+exportPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// summary is the tree of a document: titles, order, and live or trashed.
func (d exportDoc) summary() string {
	var b strings.Builder
	where := func(deletedAt *string) string {
		if deletedAt != nil {
			return "trashed"
		}
		return "live"
	}
	for _, p := range d.Projects {
		fmt.Fprintf(&b, "%s, %s\n", p.Title, where(p.DeletedAt))
		for _, s := range p.Specifications {
			fmt.Fprintf(&b, "  %d %s, %s: %q\n", s.Number, s.Content, where(s.DeletedAt), itemTexts(*s.Items))
		}
	}
	return b.String()
}

func TestExport_HasAllContentOfUser(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	newSpec(bob, "bob's")
	project := func(title string) (h specProject) {
		ann.Post("/api/v1/projects", map[string]any{"title": title}).Want(201).Into(&h)
		return h
	}
	first := project("First")
	live, dead := first.add(ann, "one"), first.add(ann, "two")
	for _, text := range []string{"a", "b\r\n🧾", "<c>&"} {
		newBullet(ann, live, text)
	}
	ann.Patch(bulletsOf(ann, live)[2].path(), `{"order": 0}`).Want(200)
	newBullet(ann, dead, "d")
	first.add(ann, "three")
	ann.Delete(dead.path()).Want(204)
	trashed := project("Trashed")
	trashed.add(ann, "four")
	ann.Delete(trashed.path()).Want(204)
	project("Empty")

	answer := ann.Get(exportPath).Want(200)
	var got exportDoc
	answer.Into(&got)
	if _, err := got.validate(); err != nil {
		t.Error(err)
	}
	want := `First, live
  1 one, live: "<c>& a b\r\n🧾"
  2 two, trashed: "d"
  3 three, live: ""
Trashed, trashed
  1 four, live: ""
Empty, live
`
	if diff := cmp.Diff(want, got.summary()); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(profileOf(ann.Get(mePath)), got.User); diff != "" {
		t.Errorf("the user (-read +exported):\n%s", diff)
	}
	if diff := cmp.Diff(specOf(ann.Get(live.path()+"?include=items")), got.Projects[0].Specifications[0]); diff != "" {
		t.Errorf("a specification (-read +exported):\n%s", diff)
	}
	if diff := cmp.Diff(listTrash(ann, first)[0].DeletedAt, got.Projects[0].Specifications[1].DeletedAt); diff != "" {
		t.Errorf("when it went to the trash (-listed +exported):\n%s", diff)
	}
	if now := first.reload(ann); now != got.Projects[0].specProject {
		t.Errorf("a project is read as %+v, exported as %+v", now, got.Projects[0].specProject)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type = %s", kind)
	}
}

func TestExport_OfNewUserIsValid(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	got := readExport(ann)
	want := exportDoc{ExportedAt: got.ExportedAt, User: profileOf(ann.Get(mePath)), Projects: []exportedProject{}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(exportedProject{})); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	ann.Do("HEAD", exportPath, nil).Want(200)
	ann.Get(exportPath+"?format=csv").WantProblem(400, "invalid_parameter")
	s.Anybody(t).Get(exportPath).WantProblem(401, "token_missing")
	ann.Delete(mePath).Want(204)
	ann.Get(exportPath).WantProblem(401, "token_revoked")
}

// Items are moved from one project to another: deleted first, then created. So
// every snapshot has all items, or one less.
func TestExport_IsOneSnapshot(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t).Patient()
	const projects, each = 12, 4
	var specs []spec
	for range projects {
		h := newSpecProject(ann)
		for range 11 { // more than one batch of the export
			h.add(ann, "x")
		}
		one := h.add(ann, "x")
		for range each {
			newBullet(ann, one, "x")
		}
		specs = append(specs, one)
	}
	var done atomic.Bool
	var mover sync.WaitGroup
	mover.Go(func() {
		for n := 0; !done.Load(); n++ {
			from, to := specs[n%projects], specs[(n*5+3)%projects]
			if list := bulletsOf(ann, from); len(list) > 0 {
				ann.Delete(list[0].path()).Want(204)
				newBullet(ann, to, "x")
			}
			if dead := specs[(n+1)%projects]; n%5 == 0 {
				ann.Delete(specProject{ID: dead.ProjectID}.path()).Want(204)
				ann.Post(specProject{ID: dead.ProjectID}.path()+"/restore", nil).Want(200)
			}
		}
	})
	for range testkit.Rounds(5, 60) {
		items, err := readExport(ann).validate()
		if err != nil {
			t.Error(err)
		}
		if items != projects*each && items != projects*each-1 {
			t.Errorf("the document has %d items, want %d or one less", items, projects*each)
		}
	}
	done.Store(true)
	mover.Wait()
}

// insertContent gives a user specifications with 100 items each. It bypasses
// rules and triggers, which would take minutes.
func insertContent(t *testing.T, s *testkit.Server, user string, projects, specs int, specText, itemText string) {
	t.Helper()
	super := superuserConn(t, s)
	execOn(t, super, "SET session_replication_role = replica")
	execOn(t, super, `INSERT INTO projects (id, owner_id, title, created_at, updated_at, specification_count, next_specification_number)
		SELECT gen_random_uuid(), $1, 'Project ' || p, now(), now(), $3, $3 + 1 FROM generate_series(1, $2::int) AS p`, user, projects, specs)
	execOn(t, super, `INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at, next_item_number)
		SELECT gen_random_uuid(), p.id, p.owner_id, n, 'Specification ' || n, $3, now(), now(), 101
		FROM projects AS p, generate_series(1, $2::int) AS n WHERE p.owner_id = $1`, user, specs, specText)
	if itemText == "" {
		return
	}
	execOn(t, super, `INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
		SELECT gen_random_uuid(), s.id, s.owner_id, n, $2 || n, now(), now()
		FROM specifications AS s, generate_series(1, 100) AS n WHERE s.owner_id = $1`, user, itemText)
	execOn(t, super, `UPDATE specifications AS s SET item_ids = i.ids
		FROM (SELECT spec_id, array_agg(id ORDER BY number DESC) AS ids FROM bullet_items WHERE owner_id = $1 GROUP BY spec_id) AS i
		WHERE s.id = i.spec_id`, user)
	execOn(t, super, `UPDATE users SET project_count = $2 WHERE id = $1`, user, projects)
	execOn(t, super, "ANALYZE")
}

//nolint:paralleltest // it measures the memory of the process
func TestExport_OfManyItemsUsesLittleMemory(t *testing.T) {
	s := testkit.Start(t)
	ann := s.SignUp(t)
	projects := testkit.Rounds(2, 10)
	insertContent(t, s, ann.User, projects, 100, "# Specification\nx", strings.Repeat("x", 120))

	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	answer := startExport(t, s, ann)
	var most, size uint64
	for more := true; more; {
		n, err := io.CopyN(io.Discard, answer.Body, 1<<20)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		size += uint64(n)
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse)
		more = err == nil
	}
	growth := int64(most) - int64(before.HeapInuse)
	t.Logf("%d MB in %s, the heap grew by %d MB", size>>20, time.Since(began), growth>>20)
	if size < uint64(projects)*3<<20 {
		t.Errorf("the document has only %d bytes", size)
	}
	if growth > 48<<20 {
		t.Errorf("the heap grew by %d bytes", growth)
	}

	var d exportDoc
	if err := json.NewDecoder(startExport(t, s, ann).Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if items, err := d.validate(); err != nil || items != projects*10_000 || len(d.Projects) != projects {
		t.Errorf("%d items in %d projects: %v", items, len(d.Projects), err)
	}
	if first := (*d.Projects[0].Specifications[0].Items)[0]; first.Number != 100 {
		t.Errorf("the first item has number %d, want that of the last insert", first.Number)
	}
	began = time.Now()
	ann.Delete(mePath).Want(204)
	t.Logf("deleted in %s", time.Since(began))
	if left := queryOne[int](t, superuserConn(t, s), "SELECT count(*) FROM bullet_items"); left != 0 {
		t.Errorf("%d items remain after the account", left)
	}
}

// tcpProxy forwards connections to a database until it closes them all.
type tcpProxy struct {
	net.Listener
	mu    sync.Mutex
	conns []*net.TCPConn
}

func newTCPProxy(t *testing.T, to string) *tcpProxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &tcpProxy{Listener: l}
	t.Cleanup(func() { _ = l.Close(); r.closeConnections() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, near.(*net.TCPConn), far.(*net.TCPConn))
			r.mu.Unlock()
			go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
			go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
		}
	}()
	return r
}

// closeConnections resets all connections, as a restart of the database's
// machine does.
func (r *tcpProxy) closeConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	r.conns = nil
}

func TestExport_LostDatabaseTruncatesResponse(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	address, err := url.Parse(db.Service)
	if err != nil {
		t.Fatal(err)
	}
	r := newTCPProxy(t, address.Host)
	address.Host = r.Addr().String()
	through := db
	through.Service = address.String()
	s := testkit.StartOn(t, through, google)
	ann := s.SignUp(t)
	insertContent(t, s, ann.User, 6, 20, strings.Repeat("🧾", 100_000), "") // more than the socket buffers hold

	body := startExport(t, s, ann).Body
	beginning := make([]byte, 8<<20)
	if _, err := io.ReadFull(body, beginning); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // until the server waits for the client to read
	r.closeConnections()
	rest, err := io.ReadAll(body)
	if err != nil {
		return // the client sees that the response is truncated
	}
	var d exportDoc
	if err := json.Unmarshal(append(beginning, rest...), &d); err != nil {
		t.Fatalf("the response ends regularly and is invalid: %v", err)
	}
	if _, err := d.validate(); err != nil || len(d.Projects) != 6 {
		t.Errorf("the response ends regularly and has %d projects: %.300s", len(d.Projects), fmt.Sprint(err))
	}
}
