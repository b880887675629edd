package postgres_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// After a random change of an item list, the database has what the rules predict: the
// list, the versions and the times. The specification gets one version and the project
// one revision, which has each change once. Deleted items come back with their numbers.
func TestRewriteItems_StoresWhatTheRulesPredict(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	super := connect(t, s.Super)
	rapid.Check(t, func(r *rapid.T) {
		x := &rewriter{tenant: s, super: super, spec: s.specification(), deleted: map[requirements.ItemID]requirements.Item{}}
		for range rapid.IntRange(1, 6).Draw(r, "rewrites") {
			x.rewrite(r)
		}
		if broken := brokenLists(t, super, s.actor.User); len(broken) > 0 {
			r.Fatalf("%v", broken)
		}
	})
}

// rewriter rewrites one specification's items, and knows which were deleted.
type rewriter struct {
	*tenant
	super   *pgx.Conn
	spec    requirements.SpecificationID
	deleted map[requirements.ItemID]requirements.Item
}

func (x *rewriter) rewrite(r *rapid.T) {
	ctx := context.Background()
	revision := x.revision()
	var spec requirements.Specification
	var before, after []requirements.Item
	wanted := map[string]int{}
	err := x.store.InTx(ctx, x.actor, func(tx requirements.Tx) error {
		locked, items, at, err := tx.LockSpecificationItems(ctx, x.spec)
		if err != nil {
			return err
		}
		before = locked.Sorted(items)
		spec, after, wanted = x.draw(r, locked, before, at)
		c := requirements.ItemListChangeOf(before, after)
		if c.Order != nil {
			wanted["items.reordered"]++
		}
		if c.IsZero() {
			spec, after = locked, before
		}
		return tx.RewriteItems(ctx, spec, c, at)
	})
	if err != nil {
		r.Fatal(err)
	}
	stored, items, err := x.store.Items(ctx, x.actor, x.spec)
	if err != nil {
		r.Fatal(err)
	}
	if diff := cmp.Diff(spec, stored, cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("specification (-predicted +stored):\n%s", diff)
	}
	if diff := cmp.Diff(after, stored.Sorted(items), cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("items (-predicted +stored):\n%s", diff)
	}
	made := map[string]int{}
	for _, kind := range column[string](x.t, x.super, "SELECT kind::text FROM changes WHERE project_id = $1 AND revision > $2", x.live, revision) {
		made[kind]++
	}
	if diff := cmp.Diff(wanted, made); diff != "" {
		r.Fatalf("changes (-wanted +stored):\n%s", diff)
	}
	if now := x.revision(); now != revision+min(len(wanted), 1) {
		r.Fatalf("the revision was %d, is %d after %v", revision, now, made)
	}
}

func (x *rewriter) revision() int {
	return value[int](x.t, x.super, "SELECT revision::int FROM project_revisions WHERE project_id = $1", x.live)
}

// draw returns a random list that follows the present one, the specification that has it,
// and how many changes of each kind lead there.
func (x *rewriter) draw(r *rapid.T, spec requirements.Specification, before []requirements.Item, at time.Time) (requirements.Specification, []requirements.Item, map[string]int) {
	kinds := map[string]int{}
	var after []requirements.Item
	for _, item := range before {
		switch rapid.SampledFrom([]string{"keep", "keep", "change", "delete"}).Draw(r, "what becomes of an item") {
		case "delete":
			kinds["item.deleted"]++
			x.deleted[item.ID] = item
			continue
		case "change":
			kinds["item.changed"]++
			item.Content, item.Version, item.UpdatedAt = item.Content+"!", item.Version+1, at
		}
		after = append(after, item)
	}
	if rapid.IntRange(0, 2).Draw(r, "in another order") == 0 && len(after) > 1 {
		after = rapid.Permutation(after).Draw(r, "order")
	}
	insert := func(item requirements.Item) {
		after = slices.Insert(after, rapid.IntRange(0, len(after)).Draw(r, "place"), item)
	}
	for _, item := range slices.SortedFunc(maps.Values(x.deleted), func(a, b requirements.Item) int { return a.Number - b.Number }) {
		if slices.Contains(spec.Items, item.ID) || rapid.Bool().Draw(r, "stays deleted") {
			continue
		}
		kinds["item.restored"]++
		item.Version, item.UpdatedAt = item.Version+1, at
		delete(x.deleted, item.ID)
		insert(item)
	}
	for range rapid.IntRange(0, 4).Draw(r, "new items") {
		kinds["item.created"]++
		insert(requirements.Item{
			ID: id.New[requirements.Item](), Specification: spec.ID, SpecificationNumber: spec.Number, Owner: spec.Owner, Number: spec.NextItemNumber,
			Content: "x", Version: 1, CreatedAt: at, UpdatedAt: at,
		})
		spec.NextItemNumber++
	}
	spec.Items = nil
	for n := range after {
		after[n].Order = n
		spec.Items = append(spec.Items, after[n].ID)
	}
	spec.Version++
	spec.UpdatedAt = at
	return spec, after, kinds
}
