package httpapi_test

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// row is what these tests read of a row of a list.
type row struct {
	ID        string  `json:"id"`
	Number    int     `json:"number"`
	Title     string  `json:"title"`
	CreatedAt string  `json:"created_at"`
	UpdatedAt string  `json:"updated_at"`
	DeletedAt *string `json:"deleted_at"`
}

func rowIDs(rows []row) []string {
	all := make([]string, len(rows))
	for n, r := range rows {
		all[n] = r.ID
	}
	return all
}

// shelf is a list of one's own, live or trash, and what comes to it and goes.
type shelf struct {
	t       *testing.T
	ann     *testkit.Client
	super   *pgx.Conn
	trashed bool
	// list is the path of the list, one that of a row before its id.
	list, one string
	// stock fills it in SQL, for $1 rows of the user $2, trashed at $3, with the
	// titles $4.
	stock []string
}

// shelves are the lists that come in pages, and the orders that each has.
var shelves = map[string]struct {
	orders []string
	build  func(ann *testkit.Client) shelf
}{
	"projects": {orders, func(*testkit.Client) shelf {
		return shelf{list: projectsPath, one: projectsPath, stock: []string{`
INSERT INTO projects (id, owner_id, title, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), $2, ($4::text[])[n % 10 + 1], ` + fewTimes + `, $3
FROM   generate_series(1, $1::int) AS n`, `
UPDATE users SET project_count = (SELECT count(*) FROM projects WHERE owner_id = $1 AND NOT trashed) WHERE id = $1`}}
	}},
	"specifications": {append([]string{"number", "number desc"}, orders...), func(ann *testkit.Client) shelf {
		return shelf{list: newHome(ann).specs(), one: "/api/v1/specs", stock: []string{`
INSERT INTO specifications (id, owner_id, project_id, number, content, title, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), $2, p.id, n, 'x', ($4::text[])[n % 10 + 1], ` + fewTimes + `, $3
FROM   projects AS p, generate_series(1, $1::int) AS n WHERE p.owner_id = $2`, `
UPDATE projects SET next_specification_number = 100, specification_count = (SELECT count(*) FROM specifications WHERE owner_id = $1 AND NOT trashed)
WHERE  owner_id = $1`}}
	}},
}

// fewTimes are the times of row n, of which many have the same.
const fewTimes = `timestamptz '2026-01-01 00:00:00.123456Z' + n % 3 * interval '1 microsecond',
       timestamptz '2026-01-01 00:00:00.123456Z' + n % 5 / 2 * interval '1 microsecond'`

// eachShelf runs a test for every list, live and trash, in every order. It builds
// as many as it wants, of users of their own.
func eachShelf(t *testing.T, test func(build func() shelf, order string)) {
	t.Helper()
	s := testkit.Start(t)
	for name, kind := range shelves {
		for _, trashed := range []bool{false, true} {
			for _, order := range kind.orders {
				t.Run(fmt.Sprintf("%s, trash %t, by %s", name, trashed, order), func(t *testing.T) {
					t.Parallel()
					super := superuser(t, s)
					test(func() shelf {
						ann := s.SignUp(t)
						x := kind.build(ann)
						x.t, x.ann, x.super, x.trashed = t, ann, super, trashed
						return x
					}, order)
				})
			}
		}
	}
}

// add puts a new row onto the shelf.
func (x shelf) add(title string) (made row) {
	x.t.Helper()
	body := map[string]any{"title": title}
	if x.list != projectsPath {
		body["content"] = "x"
	}
	x.ann.Post(x.list, body).Want(201).Decode(&made)
	if x.trashed {
		x.put(made.ID, true)
	}
	return made
}

// put moves a row onto the shelf, or from it.
func (x shelf) put(id string, onto bool) {
	x.t.Helper()
	if onto == x.trashed {
		x.ann.Delete(x.one + "/" + id).Want(204)
	} else {
		x.ann.Post(x.one+"/"+id+"/restore", nil).Want(200)
	}
}

// fill puts n rows onto the shelf that have few titles and times, and returns
// them as they are listed.
func (x shelf) fill(n int) []row {
	x.t.Helper()
	titles := []string{"same", "same", "Same", "sam", "same same", "ä", "a\u0308", "🧾", "\uffff", strings.Repeat("🧾", 100)}
	var deleted *time.Time
	if x.trashed {
		deleted = new(time.Now())
	}
	run(x.t, x.super, x.stock[0], n, x.ann.User, deleted, titles)
	run(x.t, x.super, x.stock[1], x.ann.User)
	all := x.walk(100, "created_at", nil)
	if len(all) != n {
		x.t.Fatalf("%d of %d are listed", len(all), n)
	}
	return all
}

// walk reads the list page by page and does something between pages.
func (x shelf) walk(size int, order string, between func(last row)) []row {
	x.t.Helper()
	var all []row
	query := url.Values{"page_size": {strconv.Itoa(size)}, "order_by": {order}, "trashed": {strconv.FormatBool(x.trashed)}}
	for range 200 {
		var page struct {
			Projects, Specifications []row
			NextPageToken            string `json:"next_page_token"`
		}
		x.ann.Get(x.list + "?" + query.Encode()).Want(200).Decode(&page)
		rows := append(page.Projects, page.Specifications...)
		all = append(all, rows...)
		switch {
		case page.NextPageToken == "":
			return all
		case len(rows) != size:
			x.t.Fatalf("a page of %d has %d rows and a next one", size, len(rows))
		}
		query.Set("page_token", page.NextPageToken)
		if between != nil {
			between(rows[size-1])
		}
	}
	x.t.Fatal("the list does not end")
	return nil
}

// compareRows compares by the column of an order, ties by id, text by code point.
func compareRows(order string) func(a, b row) int {
	column, descending := strings.CutSuffix(order, " desc")
	key := func(r row) string {
		return map[string]string{"title": r.Title, "created_at": r.CreatedAt, "updated_at": r.UpdatedAt}[column]
	}
	return func(a, b row) int {
		if descending {
			a, b = b, a
		}
		if column == "number" {
			return cmp.Compare(a.Number, b.Number)
		}
		return cmp.Or(strings.Compare(key(a), key(b)), strings.Compare(a.ID, b.ID))
	}
}

func TestEveryListIsInOrderOverPagesOfAnySize(t *testing.T) {
	t.Parallel()
	eachShelf(t, func(build func() shelf, order string) {
		x := build()
		all := x.fill(23)
		want := rowIDs(slices.SortedFunc(slices.Values(all), compareRows(order)))
		for _, size := range []int{1, 2, 3, 4, 5, 6, 7, 22, 23, 24, 100} {
			if got := rowIDs(x.walk(size, order, nil)); !slices.Equal(got, want) {
				x.t.Errorf("in pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

// While a walk goes on, others come and go: new ones, such as were there before,
// and the row that the next page begins after. What was there all along is seen
// once, in its place, and nothing twice.
func TestAWalkNeitherSkipsNorRepeatsWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	eachShelf(t, func(build func() shelf, order string) {
		for _, size := range []int{1, 2, 7} {
			build().walkWhileOthersComeAndGo(size, order)
		}
	})
}

func (x shelf) walkWhileOthersComeAndGo(size int, order string) {
	x.t.Helper()
	stay, here := map[string]bool{}, map[string]bool{}
	var others []string
	for k, r := range x.fill(16) {
		if k%2 == 0 {
			stay[r.ID] = true
			continue
		}
		others = append(others, r.ID)
		if here[r.ID] = k%4 == 1; !here[r.ID] {
			x.put(r.ID, false)
		}
	}
	turn := 0
	got := x.walk(size, order, func(last row) {
		if turn++; turn > 12 {
			return // else new ones come before the end for ever
		}
		x.add([]string{"same", "a", "zzz"}[turn%3])
		if here[last.ID] { // the row that the token was made of
			x.put(last.ID, false)
			here[last.ID] = false
		}
		id := others[turn%len(others)]
		here[id] = !here[id]
		x.put(id, here[id])
	})
	times := map[string]int{}
	var stayed []row
	for _, r := range got {
		if times[r.ID]++; stay[r.ID] {
			stayed = append(stayed, r)
		}
		if (r.DeletedAt != nil) != x.trashed {
			x.t.Errorf("in pages of %d: %s is deleted at %v", size, r.ID, r.DeletedAt)
		}
	}
	for id := range stay {
		if times[id] != 1 {
			x.t.Errorf("in pages of %d: %s was there all along and is seen %d times", size, id, times[id])
		}
	}
	if !slices.IsSortedFunc(stayed, compareRows(order)) {
		x.t.Errorf("in pages of %d: not in order: %v", size, rowIDs(stayed))
	}
	for id, n := range times {
		// What comes back was changed just then, and may be met again at its new place.
		if n > 1 && (!slices.Contains(others, id) || !strings.HasPrefix(order, "updated_at")) {
			x.t.Errorf("in pages of %d: %s is seen %d times", size, id, n)
		}
	}
}
