package httpapi_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// superuser is a connection that no policy confines.
func superuser(t *testing.T, s *testkit.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Database.Super)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// run runs statements on it.
func run(t *testing.T, conn *pgx.Conn, statement string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// one reads one value.
func one[T any](t *testing.T, conn *pgx.Conn, query string, args ...any) (v T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// trashOf lists what is in the trash of a project.
func trashOf(c *testkit.Client, h home) []spec {
	var page struct{ Specifications []spec }
	c.Get(h.specs() + "?trashed=true").Want(200).Decode(&page)
	return page.Specifications
}

// gone fails unless everything about the specification and its item is as if
// they had never been.
func gone(t *testing.T, c *testkit.Client, s spec, item bullet) {
	t.Helper()
	text, order := map[string]any{"content": "x"}, map[string]any{"item_ids": []string{item.ID}}
	for _, path := range []string{s.path(), s.path() + "?include=items", s.items()} {
		c.Get(path).WantProblem(404, "specification_not_found")
		c.Get(path, "If-None-Match", "*").WantProblem(404, "specification_not_found")
	}
	c.Put(s.path(), text).WantProblem(404, "specification_not_found")
	c.Patch(s.path(), map[string]any{}).WantProblem(404, "specification_not_found")
	c.Delete(s.path(), "If-Match", "*").WantProblem(404, "specification_not_found")
	c.Post(s.items(), text).WantProblem(404, "specification_not_found")
	c.Post(s.items(), text, "Idempotency-Key", s.ID).WantProblem(404, "specification_not_found")
	c.Put(s.items()+"/reorder", order, "If-Match", s.tag()).WantProblem(404, "specification_not_found")
	c.Get(item.path()).WantProblem(404, "item_not_found")
	c.Put(item.path(), text, "If-Match", `"99"`).WantProblem(404, "item_not_found")
	c.Patch(item.path(), map[string]any{"order": 99}).WantProblem(404, "item_not_found")
	c.Delete(item.path()).WantProblem(404, "item_not_found")
}

func TestASpecificationGoesToTheTrashAndComesBack(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	old := newSpec(ann, "a", "b", "c")
	parent := home{ID: old.ProjectID}
	items := bulletsOf(ann, old)
	if diff := cmp.Diff([]spec{}, trashOf(ann, parent)); diff != "" {
		t.Errorf("the trash, before (-want +got):\n%s", diff)
	}
	if body := ann.Delete(old.path(), "If-Match", old.tag()).Want(204).Body; len(body) > 0 {
		t.Errorf("the 204 has a body: %s", body)
	}
	gone(t, ann, old, items[1])

	listed := trashOf(ann, parent)
	if len(listed) != 1 || listed[0].DeletedAt == nil {
		t.Fatalf("the trash is %+v", listed)
	}
	trashed := old
	trashed.Version, trashed.UpdatedAt, trashed.DeletedAt = old.Version+1, *listed[0].DeletedAt, listed[0].DeletedAt
	if diff := cmp.Diff(trashed, listed[0]); diff != "" {
		t.Errorf("in the trash (-want +got):\n%s", diff)
	}
	back := ann.Post(old.path()+"/restore", nil).Want(200)
	got := specOf(back)
	want := old
	want.Version, want.UpdatedAt = old.Version+2, got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" || got.UpdatedAt <= trashed.UpdatedAt || back.Header.Get("ETag") != got.tag() {
		t.Errorf("restored, at %s with the tag %s (-want +got):\n%s", got.UpdatedAt, back.Header.Get("ETag"), diff)
	}
	if again := ann.Post(old.path()+"/restore", nil).Want(200); string(again.Body) != string(back.Body) {
		t.Errorf("restored again: %s", again.Body)
	}
	if diff := cmp.Diff(items, bulletsOf(ann, old)); diff != "" {
		t.Errorf("items (-before +after):\n%s", diff)
	}
	if left := trashOf(ann, parent); len(left) != 0 {
		t.Errorf("the trash, after: %+v", left)
	}
}

func TestWhatIsInATrashedProjectIsGoneAndComesBackWithIt(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	live := newSpec(ann, "a", "b")
	item := bulletsOf(ann, live)[0]
	parent := home{ID: live.ProjectID}
	dead := parent.add(ann, "dead before")
	deadItem := newBullet(ann, dead, "x")
	ann.Delete(dead.path()).Want(204)

	ann.Delete(parent.path()).Want(204)
	gone(t, ann, live, item)
	gone(t, ann, dead, deadItem)
	ann.Post(live.path()+"/restore", nil).WantProblem(404, "specification_not_found")
	ann.Post(dead.path()+"/restore", nil).WantProblem(404, "specification_not_found")
	for _, query := range []string{"", "?trashed=true", "?order_by=title"} {
		ann.Get(parent.specs()+query).WantProblem(404, "project_not_found")
	}
	ann.Post(parent.specs(), map[string]any{"content": "x"}).WantProblem(404, "project_not_found")

	ann.Post(parent.path()+"/restore", nil).Want(200)
	if diff := cmp.Diff(live, seenSpec(ann, live)); diff != "" {
		t.Errorf("what was live (-before +after):\n%s", diff)
	}
	if got := bulletOf(ann.Get(item.path()).Want(200)); got != item {
		t.Errorf("its item is %+v, was %+v", got, item)
	}
	gone(t, ann, dead, deadItem)
	if left := trashOf(ann, parent); len(left) != 1 || left[0].ID != dead.ID {
		t.Errorf("the trash is %+v", left)
	}
	if now := parent.seen(ann); now.Count != 1 {
		t.Errorf("the project counts %d", now.Count)
	}
	ann.Post(dead.path()+"/restore", nil).Want(200)
}

// storeOf is the service's way to the database, for what no request asks for.
func storeOf(t *testing.T, s *testkit.Server) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: s.Database.Service, PoolSize: 2, MaxOverflow: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// purge removes what went to the trash more than a day ago.
func purge(t *testing.T, store *postgres.Store) int {
	t.Helper()
	removed, err := store.Purge(t.Context(), time.Now().Add(-24*time.Hour))
	if err != nil {
		t.Errorf("purge: %v", err)
	}
	return removed
}

const age = "SET deleted_at = deleted_at - interval '25 hours' WHERE id = $1"

func TestAPurgeRemovesOnlyOldTrash(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob, super := s.SignUp(t), s.SignUp(t), superuser(t, s)
	parent := newHome(ann)
	live, fresh, old := parent.add(ann, "live"), parent.add(ann, "fresh"), parent.add(ann, "old")
	kept := newBullet(ann, live, "x")
	newBullet(ann, old, "x")
	ann.Delete(fresh.path()).Want(204)
	ann.Delete(old.path()).Want(204)
	run(t, super, "UPDATE specifications "+age, old.ID)

	freshHome, oldHome := newHome(bob), newHome(bob)
	inFresh := freshHome.add(bob, "in the fresh")
	newBullet(bob, oldHome.add(bob, "in the old"), "x")
	liveHome := newHome(bob)
	bob.Delete(freshHome.path()).Want(204)
	bob.Delete(oldHome.path()).Want(204)
	run(t, super, "UPDATE projects "+age, oldHome.ID)

	if removed := purge(t, storeOf(t, s)); removed != 2 {
		t.Errorf("%d removed, want 2", removed)
	}
	if again := purge(t, storeOf(t, s)); again != 0 {
		t.Errorf("%d removed again", again)
	}
	specs := one[[]string](t, super, "SELECT array_agg(id::text ORDER BY id) FROM specifications")
	want := slices.Sorted(slices.Values([]string{live.ID, fresh.ID, inFresh.ID}))
	if diff := cmp.Diff(want, specs); diff != "" {
		t.Errorf("specifications left (-want +got):\n%s", diff)
	}
	homes := one[[]string](t, super, "SELECT array_agg(id::text ORDER BY id) FROM projects")
	if diff := cmp.Diff(slices.Sorted(slices.Values([]string{parent.ID, freshHome.ID, liveHome.ID})), homes); diff != "" {
		t.Errorf("projects left (-want +got):\n%s", diff)
	}
	if items := one[[]string](t, super, "SELECT array_agg(id::text) FROM bullet_items"); !slices.Equal(items, []string{kept.ID}) {
		t.Errorf("items left: %v, want %s", items, kept.ID)
	}
	ann.Post(old.path()+"/restore", nil).WantProblem(404, "specification_not_found")
	bob.Post(oldHome.path()+"/restore", nil).WantProblem(404, "project_not_found")
	ann.Post(fresh.path()+"/restore", nil).Want(200)
	bob.Post(freshHome.path()+"/restore", nil).Want(200)
	if next := parent.add(ann, "next"); next.Number != 4 {
		t.Errorf("after a purge the next has number %d, want 4", next.Number)
	}
	if now := parent.seen(ann); now.Count != 3 {
		t.Errorf("the project counts %d, want 3", now.Count)
	}
}

func TestSeveralReplicasPurgeAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, super := s.SignUp(t), superuser(t, s)
	parent := newHome(ann)
	for range 250 { // more than one look finds
		ann.Delete(parent.add(ann, "x").path()).Want(204)
	}
	kept := parent.add(ann, "kept")
	ann.Delete(kept.path()).Want(204)
	run(t, super, "UPDATE specifications SET deleted_at = deleted_at - interval '25 hours' WHERE id <> $1", kept.ID)
	var purgers sync.WaitGroup
	var removed atomic.Int64
	for range 3 {
		store := storeOf(t, s)
		purgers.Go(func() { removed.Add(int64(purge(t, store))) })
	}
	purgers.Wait()
	if n := removed.Load(); n != 250 {
		t.Errorf("all together say that %d were removed, want 250", n)
	}
	if left := trashOf(ann, parent); len(left) != 1 || left[0].ID != kept.ID {
		t.Errorf("%d are left in the trash", len(left))
	}
}

func TestARestoreRacesThePurge(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, super, store := s.SignUp(t), superuser(t, s), storeOf(t, s)
	parent := newHome(ann)
	outcomes := map[int]int{}
	for range 60 {
		dead := parent.add(ann, "x")
		item := newBullet(ann, dead, "x")
		ann.Delete(dead.path()).Want(204)
		run(t, super, "UPDATE specifications "+age, dead.ID)
		var purger sync.WaitGroup
		purger.Go(func() { purge(t, store) })
		answer := ann.Post(dead.path()+"/restore", nil)
		purger.Wait()
		outcomes[answer.Status]++
		switch answer.Status {
		case 200: // whole, and it stays
			purge(t, store)
			if now := seenSpec(ann, dead); now.ItemCount != 1 || placesOf(bulletsOf(ann, dead))[0] != item.ID {
				t.Errorf("restored as %+v", now)
			}
			ann.Delete(dead.path()).Want(204)
		case 404:
			if n := one[int](t, super, "SELECT count(*) FROM bullet_items WHERE spec_id = $1", dead.ID); n != 0 {
				t.Errorf("%d items outlived their specification", n)
			}
		default:
			t.Errorf("restore answered %d: %s", answer.Status, answer.Body)
		}
		if now := parent.seen(ann); now.Count != 0 {
			t.Fatalf("the project counts %d live", now.Count)
		}
	}
	t.Logf("restored %d, purged %d", outcomes[200], outcomes[404])
}
