package postgres_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestReadsTravelInTheOrderTheyCameAndAsManyAsMay(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	const reads = 2*postgres.MostTogether + 8
	var numbers, want []int
	number := func(n int) func() {
		return func() {
			if err := s.store.Ask(t.Context(), s.actor, func(string) { numbers = append(numbers, n) }, "SELECT 'number'"); err != nil {
				t.Error(err)
			}
		}
	}
	number(0)() // so that the connection knows the statement
	numbers = nil
	release := s.hold()
	var all []func()
	for n := range reads {
		want, all = append(want, n), append(all, number(n))
	}
	wait := s.queue(all...)
	if flights := tap.count(func() { release(); wait() }); flights != 3 {
		t.Errorf("%d reads took %d flights, want 3", reads, flights)
	}
	if diff := cmp.Diff(want, numbers); diff != "" {
		t.Errorf("the order of the answers (-want +got):\n%s", diff)
	}
	if flights := tap.count(number(0)); flights != 1 {
		t.Errorf("a lone read took %d flights, want 1", flights)
	}
	s.settled()
	s.free()
}

// A pipeline of everything that can go wrong with a read itself: each hears of its
// own, and nobody is asked again.
func TestWhoFailsInAPipelineLeavesTheOthersTheirAnswers(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	w := newWorld(t, tap.tap)
	s, other := newStage(w), newStage(w)
	dead, stranger := *s, *other
	dead.actor.Session = id.New[auth.Session]()
	stranger.live, stranger.spec, stranger.items = s.live, s.spec, s.items
	refused := func() {
		wantCode(t, "a division", s.store.Ask(t.Context(), s.actor, deaf, "SELECT '1'", "SELECT (1 / (random() * 0)::int)::text", "SELECT '2'"), problem.Internal)
	}
	const list = "Specifications by title, first page"
	all := []func(){
		dead.answers(list, problem.TokenRevoked), s.answers(list, ""), other.says("one"),
		dead.answers("Items", problem.TokenRevoked), dead.answers("User", problem.TokenRevoked), s.answers("Items", ""),
		refused, other.says("two"), stranger.answers("Project", problem.ProjectNotFound), s.answers("Project", ""),
		stranger.answers("Items", problem.SpecificationNotFound), other.answers("Item", ""), refused, refused, s.says("three"), other.answers("Items", ""),
	}
	for _, read := range all {
		read() // so that the connection knows the statements
	}
	for range all { // each leads once
		release := s.hold()
		wait := s.queue(all...)
		if flights := tap.count(func() { release(); wait() }); flights != 1 {
			t.Errorf("they took %d flights, want 1", flights)
		}
		s.settled()
		all = slices.Concat(all[1:], all[:1])
	}
	s.free()
}

// A statement that cannot even be prepared is a matter of whoever asks it.
func TestAStatementThatIsRefusedIsNoMatterOfOthers(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	s.together(s.says("one"), s.says("two"))
	nonsense := func() {
		wantCode(t, "nonsense", s.store.Ask(t.Context(), s.actor, deaf, "SELECT 'one'", "SELECT nonsense"), problem.Unavailable)
	}
	for name, tc := range map[string]struct {
		all     []func()
		flights int // one each that is refused, and one for all others
	}{
		"behind":  {[]func(){s.says("one"), nonsense, s.says("two"), nonsense, s.says("one")}, 3},
		"leading": {[]func(){nonsense, s.says("one"), s.says("two")}, 2},
		"alone":   {[]func(){nonsense}, 1},
	} {
		release := s.hold()
		wait := s.queue(tc.all...)
		if flights := tap.count(func() { release(); wait() }); flights != tc.flights {
			t.Errorf("%s: they took %d flights, want %d", name, flights, tc.flights)
		}
		s.settled()
	}
	s.free()
}

// Every answer of PostgreSQL's names whom it is confined to. Should that ever be
// another, then nothing else on the connection can be trusted.
func TestAnAnswerToAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, other := newStage(w), newStage(w)
	before := s.store.PoolStats().Opened
	s.together(s.says("one"), func() {
		wantCode(t, "an answer to another user", s.store.Mistake(t.Context(), s.actor, other.actor), problem.Internal)
	}, other.says("two"), s.says("three"))
	if opened := s.store.PoolStats().Opened - before; opened != 1 {
		t.Errorf("%d connections were opened, want one instead of that", opened)
	}
	s.free()
}
