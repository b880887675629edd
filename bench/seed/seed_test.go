package seed

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestSeed_IDsAreOrderedUUIDs(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, n := range []int{1, 2, 255, 256, 1 << 20, 1 << 31} {
		id := ID(Item, n)
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s is of version %d and variant %s", id, id.Version(), id.Variant())
		}
		ids = append(ids, id.String())
	}
	if !slices.IsSorted(ids) || ids[2] != "01770000-0000-7004-8000-0000000000ff" {
		t.Errorf("%q", ids)
	}
	if made := uuid.Must(uuid.NewV7()).String(); ids[5] >= FirstNewID || FirstNewID >= made {
		t.Errorf("%s does not stand between what is loaded and what is made, such as %s", FirstNewID, made)
	}
}

func TestSeed_UsersCoverTheItems(t *testing.T) {
	t.Parallel()
	for items, want := range map[int]int{1: 1, 225: 1, 226: 2, 10_000: 45, 1_000_000: 4445, 10_000_000: 44445} {
		if got := Users(items); got != want {
			t.Errorf("Users(%d) = %d, want %d", items, got, want)
		}
	}
}

func TestSeed_UsersShareNothing(t *testing.T) {
	t.Parallel()
	seen := map[uuid.UUID]bool{}
	add := func(id uuid.UUID) {
		if seen[id] {
			t.Errorf("%s is given twice", id)
		}
		seen[id] = true
	}
	for u := 1; u <= 3; u++ {
		add(ProjectOf(u))
		for n := range EmptyProjects {
			add(EmptyProjectOf(u, n))
		}
		for n := range Specifications {
			add(SpecificationOf(u, n))
			for m := range Items {
				add(ItemOf(u, n, m))
			}
		}
	}
	if want := 3 * (1 + EmptyProjects + Specifications*(1+Items)); len(seen) != want {
		t.Errorf("%d ids, want %d", len(seen), want)
	}
	if text := Content(1, 6); len(text) < 300 || !strings.ContainsAny(text, `"&<`) {
		t.Errorf("a content of %d bytes: %s", len(text), text)
	}
}
