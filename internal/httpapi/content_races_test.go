package httpapi_test

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// flooded is a server whose requests need not wait for a connection, so that they
// meet at the rows.
func flooded(s *server.Settings) { s.PoolOverflow = 50 }

// cramped is one whose parents have room for few.
func cramped(s *server.Settings) { s.MaxItems, s.MaxSpecifications = races.Limit, races.Limit }

// twins are one caller at two replicas.
func twins(t *testing.T, change ...func(*server.Settings)) races.Clients {
	t.Helper()
	change = append(change, flooded)
	s := testkit.StartShared(t, change...)
	c := races.NewClients(s.SignUp(t), s, s.Replica(t, change...))
	races.Concurrently(50, func(k int) int { return c.At(k).Get(projectsPath).Status }) // opens the connections
	return c
}

// orHasty is patient callers on a busy machine. On one that does nothing else
// nobody may be sent away.
func orHasty(c races.Clients) races.Clients {
	if testkit.Long() {
		return c
	}
	return c.WithRetry()
}

func TestConcurrentCreationsStopExactlyAtTheLimit(t *testing.T) {
	t.Parallel()
	races.CreationsRespectTheLimit(t, orHasty(twins(t, cramped)), testkit.Repetitions(1, 20))
}

func TestConcurrentReordersLeaveOneOfThemAndAReaderSeesOnlyWholeOnes(t *testing.T) {
	t.Parallel()
	races.ReordersAreAtomic(t, twins(t, cramped).WithRetry(), testkit.Repetitions(25, 100))
}

func TestItemsStayDenseWhileEverythingHappensAtOnce(t *testing.T) {
	t.Parallel()
	races.PositionsStayDense(t, twins(t, cramped).WithRetry(), time.Duration(testkit.Repetitions(1, 10))*time.Second)
}

func TestListsSkipNothingWhileOthersComeAndGoAtOnce(t *testing.T) {
	t.Parallel()
	races.PagesAreComplete(t, twins(t, cramped).WithRetry(), time.Duration(testkit.Repetitions(1, 10))*time.Second)
}

func TestOfTwoWritersWithOneTagOneWinsEachRound(t *testing.T) {
	t.Parallel()
	races.ConcurrentWritersOneWins(t, twins(t, cramped).WithRetry(), testkit.Repetitions(25, 1000))
}

func TestWhatOneReplicaHasWrittenTheOtherReads(t *testing.T) {
	t.Parallel()
	races.ReadsSeeWrites(t, twins(t, cramped).WithRetry(), testkit.Repetitions(20, 200))
}

func TestOperationsOnItemsAreLinearizableOverTwoReplicas(t *testing.T) {
	t.Parallel()
	races.ItemsAreLinearizable(t, twins(t, cramped).WithRetry(), testkit.Repetitions(10, 200))
}

func TestConcurrentRequestsWithOneKeyCreateOnce(t *testing.T) {
	t.Parallel()
	races.SameKeyCreatesOnce(t, twins(t, cramped).WithRetry(), testkit.Repetitions(1, 10), 50)
}

func TestConcurrentRequestsWithOneKeyForTheLastPlaceCreateOnce(t *testing.T) {
	t.Parallel()
	races.SameKeyAtTheLimit(t, twins(t, cramped).WithRetry(), testkit.Repetitions(3, 40))
}

func TestConcurrentRequestsWithOneKeyForDifferentThingsCreateOne(t *testing.T) {
	t.Parallel()
	races.ReusedKeyCreatesOne(t, twins(t, cramped).WithRetry(), testkit.Repetitions(4, 40))
}
