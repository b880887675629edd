package httpapi_test

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// withLargePool gives a server a connection for each request, so that requests
// compete for rows and not for connections.
func withLargePool(s *server.Settings) { s.PoolOverflow = 50 }

// withSmallLimits gives parents a limit that a test reaches.
func withSmallLimits(s *server.Settings) { s.MaxItems, s.MaxSpecifications = races.Limit, races.Limit }

// twoReplicas starts two replicas and returns one user's clients of both.
func twoReplicas(t *testing.T, change ...func(*server.Settings)) races.Clients {
	t.Helper()
	change = append(change, withLargePool)
	s := testkit.StartShared(t, change...)
	c := races.NewClients(s.SignUp(t), s, s.Replica(t, change...))
	races.Concurrently(50, func(k int) int { return c.At(k).Get(projectsPath).Status }) // opens the connections first
	return c
}

// patientUnlessLong lets clients repeat shed requests on a busy machine. The
// long tests run on an idle machine, where no request may be shed.
func patientUnlessLong(c races.Clients) races.Clients {
	if testkit.Long() {
		return c
	}
	return c.WithRetry()
}

func TestLimits_ConcurrentCreatesStopAtLimit(t *testing.T) {
	t.Parallel()
	races.CreationsRespectTheLimit(t, patientUnlessLong(twoReplicas(t, withSmallLimits)), testkit.Repetitions(1, 20))
}

func TestReorder_ConcurrentReordersAreAtomic(t *testing.T) {
	t.Parallel()
	races.ReordersAreAtomic(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(25, 100))
}

func TestReorder_TwoConcurrentReordersAreSerial(t *testing.T) {
	t.Parallel()
	races.TwoReordersAreSerial(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(50, 1000))
}

func TestMoves_ConcurrentMovesAreAtomic(t *testing.T) {
	t.Parallel()
	races.MovesAreAtomic(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(40, 1000))
}

func TestItemList_ConcurrentReplacementsAreAtomic(t *testing.T) {
	t.Parallel()
	races.ReplacementsAreAtomic(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(50, 1000))
}

func TestItems_OrderStaysDenseUnderConcurrentWrites(t *testing.T) {
	t.Parallel()
	races.PositionsStayDense(t, twoReplicas(t, withSmallLimits).WithRetry(), time.Duration(testkit.Repetitions(1, 10))*time.Second)
}

func TestPagination_SkipsNothingUnderConcurrentWrites(t *testing.T) {
	t.Parallel()
	races.PagesAreComplete(t, twoReplicas(t, withSmallLimits).WithRetry(), time.Duration(testkit.Repetitions(1, 10))*time.Second)
}

func TestETag_OneOfTwoConcurrentWritersWins(t *testing.T) {
	t.Parallel()
	races.ConcurrentWritersOneWins(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(25, 1000))
}

func TestCache_ReplicaReadsWriteOfOtherReplica(t *testing.T) {
	t.Parallel()
	races.ReadsSeeWrites(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(20, 200))
}

func TestItems_AreLinearizableOverTwoReplicas(t *testing.T) {
	t.Parallel()
	races.ItemsAreLinearizable(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(10, 200))
}

func TestIdempotency_ConcurrentRequestsCreateOnce(t *testing.T) {
	t.Parallel()
	races.SameKeyCreatesOnce(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(1, 10), 50)
}

func TestIdempotency_ConcurrentRequestsAtLimitCreateOnce(t *testing.T) {
	t.Parallel()
	races.SameKeyAtTheLimit(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(3, 40))
}

func TestIdempotency_ConcurrentOtherRequestsCreateOne(t *testing.T) {
	t.Parallel()
	races.ReusedKeyCreatesOne(t, twoReplicas(t, withSmallLimits).WithRetry(), testkit.Repetitions(4, 40))
}
