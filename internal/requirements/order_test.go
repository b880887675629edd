package requirements

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// orderMachine compares a list with a model of indexes: the items behind a
// changed index move by one.
type orderMachine struct {
	list  []ItemID
	index map[ItemID]int
}

func (m *orderMachine) Insert(t *rapid.T) {
	item := id.New[Item]()
	at := rapid.Ptr(rapid.IntRange(-2, len(m.list)+2), true).Draw(t, "at")
	k := len(m.index)
	if at != nil {
		k = *at
	}
	got, err := m.unchanged(t, func(list []ItemID) ([]ItemID, error) { return inserted(list, item, at) })
	if k < 0 || k > len(m.index) {
		wantOutOfRange(t, err)
		return
	}
	m.openGap(k)
	m.index[item] = k
	m.accept(t, got, err)
}

func (m *orderMachine) Move(t *rapid.T) {
	item := m.drawItem(t)
	k := rapid.IntRange(-2, len(m.list)+2).Draw(t, "to")
	got, err := m.unchanged(t, func(list []ItemID) ([]ItemID, error) { return moved(list, item, k) })
	if k < 0 || k >= len(m.index) {
		wantOutOfRange(t, err)
		return
	}
	m.closeGap(item)
	m.openGap(k)
	m.index[item] = k
	m.accept(t, got, err)
}

func (m *orderMachine) Remove(t *rapid.T) {
	item := m.drawItem(t)
	got, err := m.unchanged(t, func(list []ItemID) ([]ItemID, error) { return removed(list, item), nil })
	m.closeGap(item)
	m.accept(t, got, err)
}

func (m *orderMachine) RemoveUnknown(t *rapid.T) {
	got, err := m.unchanged(t, func(list []ItemID) ([]ItemID, error) { return removed(list, id.New[Item]()), nil })
	m.accept(t, got, err)
}

func (m *orderMachine) Rearrange(t *rapid.T) {
	wanted := rapid.Permutation(m.list).Draw(t, "wanted")
	got, err := m.unchanged(t, func(list []ItemID) ([]ItemID, error) { return rearranged(list, wanted) })
	for k, item := range wanted {
		m.index[item] = k
	}
	m.accept(t, got, err)
}

func (m *orderMachine) RearrangeOthers(t *rapid.T) {
	wanted := rapid.Permutation(m.list).Draw(t, "wanted")
	others := map[string]func() []ItemID{
		"one more": func() []ItemID { return append(wanted, id.New[Item]()) },
	}
	if len(wanted) > 0 {
		k := rapid.IntRange(0, len(wanted)-1).Draw(t, "k")
		others["one less"] = func() []ItemID { return slices.Delete(wanted, k, k+1) }
		others["another one"] = func() []ItemID { wanted[k] = id.New[Item](); return wanted }
		others["the zero id for one"] = func() []ItemID { wanted[k] = ItemID{}; return wanted }
		others["one twice, more"] = func() []ItemID { return append(wanted, wanted[k]) }
	}
	if len(wanted) > 1 {
		others["one twice, as many"] = func() []ItemID { wanted[0] = wanted[1]; return wanted }
	}
	how := rapid.SampledFrom(slices.Sorted(maps.Keys(others))).Draw(t, "how")
	_, err := m.unchanged(t, func(list []ItemID) ([]ItemID, error) { return rearranged(list, others[how]()) })
	if problem.CodeOf(err) != problem.ItemSetMismatch {
		t.Fatalf("%s: %v, want %s", how, err, problem.ItemSetMismatch)
	}
}

// Check is run after each action.
func (m *orderMachine) Check(t *rapid.T) {
	want := make([]ItemID, len(m.index))
	for item, k := range m.index {
		want[k] = item
	}
	if !slices.Equal(want, m.list) {
		t.Fatalf("the list is %v, want %v", m.list, want)
	}
}

// unchanged fails the test if change modifies its input.
func (m *orderMachine) unchanged(t *rapid.T, change func([]ItemID) ([]ItemID, error)) ([]ItemID, error) {
	before := slices.Clone(m.list)
	got, err := change(m.list)
	if !slices.Equal(m.list, before) {
		t.Fatalf("the input was %v, now it is %v", before, m.list)
	}
	return got, err
}

func (m *orderMachine) accept(t *rapid.T, list []ItemID, err error) {
	if err != nil {
		t.Fatalf("rejected: %v", err)
	}
	m.list = list
}

func (m *orderMachine) drawItem(t *rapid.T) ItemID {
	if len(m.list) == 0 {
		t.Skip("the list is empty")
	}
	return rapid.SampledFrom(m.list).Draw(t, "item")
}

func (m *orderMachine) openGap(at int) {
	for item, k := range m.index {
		if k >= at {
			m.index[item]++
		}
	}
}

func (m *orderMachine) closeGap(gone ItemID) {
	at := m.index[gone]
	delete(m.index, gone)
	for item, k := range m.index {
		if k > at {
			m.index[item]--
		}
	}
}

func wantOutOfRange(t *rapid.T, err error) {
	if got := fieldErrorsOf(err); !slices.Equal(got, []string{"/order out_of_range"}) {
		t.Fatalf("%v, want the place to be out of range", err)
	}
}

// fieldErrorsOf returns the field errors of an error as "pointer code".
func fieldErrorsOf(err error) []string {
	f, ok := errors.AsType[*problem.Error](err)
	if !ok || f.Code != problem.ValidationFailed {
		return nil
	}
	var all []string
	for _, v := range f.Fields {
		all = append(all, v.Pointer+" "+v.Code)
	}
	return all
}

func TestOrder_FollowsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &orderMachine{index: map[ItemID]int{}}
		t.Repeat(rapid.StateMachineActions(m))
	})
}

func TestOrder_RepeatedItemsAreReported(t *testing.T) {
	t.Parallel()
	few := []ItemID{id.New[Item](), id.New[Item](), id.New[Item](), {}}
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SliceOf(rapid.SampledFrom(few)).Draw(t, "wanted")
		var want, got []string
		for n, item := range wanted {
			if slices.Contains(wanted[:n], item) {
				want = append(want, "/item_ids/"+strconv.Itoa(n)+" repeated")
			}
		}
		for _, v := range CheckOrder(wanted) {
			got = append(got, v.Pointer+" "+v.Code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("violations (-want +got):\n%s", diff)
		}
	})
}

func TestOrder_SortedFollowsList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := make([]ItemID, rapid.IntRange(0, 20).Draw(t, "items"))
		items := make([]Item, len(list))
		for n := range list {
			list[n] = id.New[Item]()
			items[n] = Item{ID: list[n], Order: -1}
		}
		spec := Specification{Items: list}
		for n, item := range spec.Sorted(rapid.Permutation(items).Draw(t, "read")) {
			if item.ID != list[n] || item.Order != n {
				t.Fatalf("item %s is at %d, place %d has %s", item.ID, item.Order, n, list[n])
			}
			if placed := spec.WithOrder(Item{ID: item.ID}); placed.Order != n {
				t.Fatalf("alone it is at %d, want %d", placed.Order, n)
			}
		}
	})
}
