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
	home
	Title          string  `json:"title"`
	DeletedAt      *string `json:"deleted_at"`
	Specifications []spec  `json:"specifications"`
}

// whole tells what is wrong with a document in itself, and counts its items.
func (d exportDoc) whole() (items int, err error) {
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
				return items, fmt.Errorf("specification %d of %s is not whole", s.Number, p.ID)
			}
			for _, i := range *s.Items {
				once(i.ID)
			}
			err = errors.Join(err, dense(*s.Items))
			items += s.ItemCount
		}
		if live != p.Count {
			err = errors.Join(err, fmt.Errorf("project %s counts %d, and has %d live", p.ID, p.Count, live))
		}
	}
	return items, err
}

func exportOf(c *testkit.Client) (d exportDoc) {
	c.Get(exportPath).Want(200).Decode(&d)
	return d
}

// download reads an export as it comes, without a look at the contract.
func download(t *testing.T, s *testkit.Server, c *testkit.Client) *http.Response {
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

// outline is a document in short: what is in what, in which order, and where.
func (d exportDoc) outline() string {
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
			fmt.Fprintf(&b, "  %d %s, %s: %q\n", s.Number, s.Content, where(s.DeletedAt), textsOf(*s.Items))
		}
	}
	return b.String()
}

func TestAnExportHasEverythingThatIsOnesOwn(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	newSpec(bob, "bob's")
	project := func(title string) (h home) {
		ann.Post("/api/v1/projects", map[string]any{"title": title}).Want(201).Decode(&h)
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
	answer.Decode(&got)
	if _, err := got.whole(); err != nil {
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
	if diff := cmp.Diff(want, got.outline()); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(profileOf(ann.Get(mePath)), got.User); diff != "" {
		t.Errorf("the user (-read +exported):\n%s", diff)
	}
	if diff := cmp.Diff(specOf(ann.Get(live.path()+"?include=items")), got.Projects[0].Specifications[0]); diff != "" {
		t.Errorf("a specification (-read +exported):\n%s", diff)
	}
	if diff := cmp.Diff(trashOf(ann, first)[0].DeletedAt, got.Projects[0].Specifications[1].DeletedAt); diff != "" {
		t.Errorf("when it went to the trash (-listed +exported):\n%s", diff)
	}
	if now := first.seen(ann); now != got.Projects[0].home {
		t.Errorf("a project is read as %+v, exported as %+v", now, got.Projects[0].home)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type = %s", kind)
	}
}

func TestAnExportOfNothingIsADocument(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	got := exportOf(ann)
	want := exportDoc{ExportedAt: got.ExportedAt, User: profileOf(ann.Get(mePath)), Projects: []exportedProject{}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(exportedProject{})); diff != "" {
		t.Errorf("the document (-want +got):\n%s", diff)
	}
	ann.Do("HEAD", exportPath, nil).Want(200)
	ann.Get(exportPath+"?format=csv").WantProblem(400, "invalid_parameter")
	s.Anonymous(t).Get(exportPath).WantProblem(401, "token_missing")
	ann.Delete(mePath).Want(204)
	ann.Get(exportPath).WantProblem(401, "token_revoked")
}

// While items go from one project to another, taken away first, no moment has
// more than there were, or less by more than one.
func TestAnExportShowsOneMoment(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t).WithRetry()
	const projects, each = 12, 4
	var specs []spec
	for range projects {
		h := newHome(ann)
		for range 11 { // more than one page of the walk
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
				ann.Delete(home{ID: dead.ProjectID}.path()).Want(204)
				ann.Post(home{ID: dead.ProjectID}.path()+"/restore", nil).Want(200)
			}
		}
	})
	for range testkit.Repetitions(5, 60) {
		items, err := exportOf(ann).whole()
		if err != nil {
			t.Error(err)
		}
		if items != projects*each && items != projects*each-1 {
			t.Errorf("the document has %d items, and there were never but %d, or one less", items, projects*each)
		}
	}
	done.Store(true)
	mover.Wait()
}

// wealthy gives a user specifications of 100 items each, past the rules and
// their triggers, which would take minutes.
func wealthy(t *testing.T, s *testkit.Server, user string, projects, specs int, specText, itemText string) {
	t.Helper()
	super := superuser(t, s)
	run(t, super, "SET session_replication_role = replica")
	run(t, super, `INSERT INTO projects (id, owner_id, title, created_at, updated_at, specification_count, next_specification_number)
		SELECT gen_random_uuid(), $1, 'Project ' || p, now(), now(), $3, $3 + 1 FROM generate_series(1, $2::int) AS p`, user, projects, specs)
	run(t, super, `INSERT INTO specifications (id, project_id, owner_id, number, title, content, created_at, updated_at, next_item_number)
		SELECT gen_random_uuid(), p.id, p.owner_id, n, 'Specification ' || n, $3, now(), now(), 101
		FROM projects AS p, generate_series(1, $2::int) AS n WHERE p.owner_id = $1`, user, specs, specText)
	if itemText == "" {
		return
	}
	run(t, super, `INSERT INTO bullet_items (id, spec_id, owner_id, number, content, created_at, updated_at)
		SELECT gen_random_uuid(), s.id, s.owner_id, n, $2 || n, now(), now()
		FROM specifications AS s, generate_series(1, 100) AS n WHERE s.owner_id = $1`, user, itemText)
	run(t, super, `UPDATE specifications AS s SET item_ids = i.ids
		FROM (SELECT spec_id, array_agg(id ORDER BY number DESC) AS ids FROM bullet_items WHERE owner_id = $1 GROUP BY spec_id) AS i
		WHERE s.id = i.spec_id`, user)
	run(t, super, `UPDATE users SET project_count = $2 WHERE id = $1`, user, projects)
	run(t, super, "ANALYZE")
}

//nolint:paralleltest // it measures the memory of the process
func TestAnExportOfManyItemsTakesLittleMemory(t *testing.T) {
	s := testkit.Start(t)
	ann := s.SignUp(t)
	projects := testkit.Repetitions(2, 10)
	wealthy(t, s, ann.User, projects, 100, "# Specification\nx", strings.Repeat("x", 120))

	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	answer := download(t, s, ann)
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
	if err := json.NewDecoder(download(t, s, ann).Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if items, err := d.whole(); err != nil || items != projects*10_000 || len(d.Projects) != projects {
		t.Errorf("%d items in %d projects: %v", items, len(d.Projects), err)
	}
	if first := (*d.Projects[0].Specifications[0].Items)[0]; first.Number != 100 {
		t.Errorf("the first item has number %d; the list begins with the last", first.Number)
	}
	began = time.Now()
	ann.Delete(mePath).Want(204)
	t.Logf("deleted in %s", time.Since(began))
	if left := one[int](t, superuser(t, s), "SELECT count(*) FROM bullet_items"); left != 0 {
		t.Errorf("%d items outlive the account", left)
	}
}

// relay passes connections on to a database, until it cuts them all.
type relay struct {
	net.Listener
	mu    sync.Mutex
	conns []*net.TCPConn
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l}
	t.Cleanup(func() { _ = l.Close(); r.cut() })
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

// cut resets all connections, as when the database's machine restarts.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
	r.conns = nil
}

func TestAnExportWhoseDatabaseBreaksOffIsNeitherWholeNorRepeated(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	address, err := url.Parse(db.Service)
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(t, address.Host)
	address.Host = r.Addr().String()
	through := db
	through.Service = address.String()
	s := testkit.StartOn(t, through, google)
	ann := s.SignUp(t)
	wealthy(t, s, ann.User, 6, 20, strings.Repeat("🧾", 100_000), "") // more than the connection holds

	body := download(t, s, ann).Body
	beginning := make([]byte, 8<<20)
	if _, err := io.ReadFull(body, beginning); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // the server waits for us to read
	r.cut()
	rest, err := io.ReadAll(body)
	if err != nil {
		return // the caller knows that it is not whole
	}
	var d exportDoc
	if err := json.Unmarshal(append(beginning, rest...), &d); err != nil {
		t.Fatalf("the answer ends well and is no document: %v", err)
	}
	if _, err := d.whole(); err != nil || len(d.Projects) != 6 {
		t.Errorf("the answer ends well and has %d projects: %.300s", len(d.Projects), fmt.Sprint(err))
	}
}
