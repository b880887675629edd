package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// after returns the changes after a revision, the newest first.
func (f *forward) after(revision int) []Change {
	newer := slices.DeleteFunc(slices.Clone(f.changes), func(c Change) bool { return c.Revision <= int64(revision) })
	slices.Reverse(newer)
	return newer
}

// sameState returns the differences of two states. The next number of an item is not
// taken back: a number is never given twice. What did not exist has no content.
func sameState(want, got State) string {
	if !want.Exists && !got.Exists {
		return ""
	}
	want.Specification.NextItemNumber = got.Specification.NextItemNumber
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

// faultOfRewind returns what is wrong with the states that Rewind reconstructs.
func faultOfRewind(f *forward) string {
	present := StateOf(f.now.ItemList)
	present.Items = slices.Clone(present.Items)
	for revision := range f.states {
		got, err := Rewind(present, f.after(revision))
		if err != nil {
			return fmt.Sprintf("r%d: %v", revision, err)
		}
		if diff := sameState(f.states[revision], got); diff != "" {
			return fmt.Sprintf("r%d (-was +rewound):\n%s", revision, diff)
		}
		// In two steps it is the same.
		between := (revision + len(f.states)) / 2
		half, err := Rewind(present, f.after(between))
		if err != nil {
			return err.Error()
		}
		rest := slices.DeleteFunc(f.after(revision), func(c Change) bool { return c.Revision > int64(between) })
		if got, err = Rewind(half, rest); err != nil || sameState(f.states[revision], got) != "" {
			return fmt.Sprintf("r%d by way of r%d: %v\n%s", revision, between, err, sameState(f.states[revision], got))
		}
	}
	if diff := sameState(f.states[len(f.states)-1], present); diff != "" {
		return "Rewind has changed its argument:\n" + diff
	}
	return ""
}

// someDecisions are random bytes, at least some. A failing test shrinks their number.
func someDecisions(r *rapid.T, least int) []byte {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
	decide := make([]byte, rapid.IntRange(least, 400).Draw(r, "decisions"))
	for n := range decide {
		decide[n] = byte(random.Uint32())
	}
	return decide
}

// Every state that a specification had is reconstructed from the present one and the
// changes since, in all its fields.
func TestRewind_GivesBackEveryState(t *testing.T) {
	t.Parallel()
	kinds, revisions := map[Kind]int{}, 0
	rapid.Check(t, func(r *rapid.T) {
		f := newForward(someDecisions(r, 0))
		f.run()
		if fault := faultOfRewind(f); fault != "" {
			r.Fatal(fault)
		}
		revisions += len(f.states)
		for _, c := range f.changes {
			kinds[c.Kind]++
		}
	})
	for _, kind := range []Kind{
		SpecificationCreated, SpecificationChanged, SpecificationTrashed, SpecificationRestored,
		ItemCreated, ItemChanged, ItemMoved, ItemDeleted, ItemRestored, ItemsReordered,
	} {
		if kinds[kind] == 0 {
			t.Errorf("no history has a change of kind %s", kind)
		}
	}
	t.Logf("%d revisions, %v", revisions, kinds)
}

func FuzzRewind_GivesBackEveryState(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("create, change, move, delete, restore"))
	f.Add([]byte{3, 1, 1, 1, 1, 1, 1, 2, 0, 2, 1, 4, 0, 1, 5, 3, 6, 1, 2, 7, 2, 1, 0, 8, 8})
	f.Fuzz(func(t *testing.T, decide []byte) {
		model := newForward(decide[:min(len(decide), 200)])
		model.run()
		if fault := faultOfRewind(model); fault != "" {
			t.Fatal(fault)
		}
	})
}

// A state before an erased change cannot be reconstructed, unless the specification did
// not exist then.
func TestRewind_ErasedChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := newForward(someDecisions(r, 20))
		f.run()
		erased := rapid.IntRange(1, len(f.states)-1).Draw(r, "erased")
		for n, c := range f.changes {
			if c.Revision <= int64(erased) { // as the database erases it
				c.Old.Title, c.Old.Content, c.Old.Items, c.Erased = nil, nil, nil, true
				f.changes[n] = c
			}
		}
		for revision := range f.states {
			got, err := Rewind(StateOf(requirements.ItemList{Specification: f.now.Specification, Items: f.now.Items}), f.after(revision))
			switch {
			case revision == 0:
				if err != nil || got.Exists {
					r.Fatalf("before it was created: exists %t, %v", got.Exists, err)
				}
			case revision < erased:
				if problem.CodeOf(err) != problem.HistoryExpired {
					r.Fatalf("r%d, erased to r%d: %v", revision, erased, err)
				}
			case err != nil || sameState(f.states[revision], got) != "":
				r.Fatalf("r%d, erased to r%d: %v\n%s", revision, erased, err, sameState(f.states[revision], got))
			}
		}
	})
}
