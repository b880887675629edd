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
func twoReplicas(t *testing.T, change ...func(*server.Settings)) races.Callers {
	t.Helper()
	change = append(change, withLargePool)
	s := testkit.StartFirst(t, change...)
	c := races.Of(s.SignUp(t), s, s.Replica(t, change...))
	races.AtOnce(50, func(k int) int { return c.At(k).Get(projectsPath).Status }) // opens the connections first
	return c
}

// patientUnlessLong lets clients repeat shed requests on a busy machine. The
// long tests run on an idle machine, where no request may be shed.
func patientUnlessLong(c races.Callers) races.Callers {
	if testkit.Long() {
		return c
	}
	return c.Patient()
}

func TestLimits_ConcurrentCreatesStopAtLimit(t *testing.T) {
	t.Parallel()
	races.CreationsStopAtTheLimit(t, patientUnlessLong(twoReplicas(t, withSmallLimits)), testkit.Rounds(1, 20))
}

func TestReorder_ConcurrentReordersAreAtomic(t *testing.T) {
	t.Parallel()
	races.ReordersAreWhole(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(25, 100))
}

func TestItems_OrderStaysDenseUnderConcurrentWrites(t *testing.T) {
	t.Parallel()
	races.ItemsStayDense(t, twoReplicas(t, withSmallLimits).Patient(), time.Duration(testkit.Rounds(1, 10))*time.Second)
}

func TestPagination_SkipsNothingUnderConcurrentWrites(t *testing.T) {
	t.Parallel()
	races.ListsSkipNothing(t, twoReplicas(t, withSmallLimits).Patient(), time.Duration(testkit.Rounds(1, 10))*time.Second)
}

func TestETag_OneOfTwoConcurrentWritersWins(t *testing.T) {
	t.Parallel()
	races.OfTwoWritersOneWins(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(25, 1000))
}

func TestCache_ReplicaReadsWriteOfOtherReplica(t *testing.T) {
	t.Parallel()
	races.WhatIsWrittenIsRead(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(20, 200))
}

func TestItems_AreLinearizableOverTwoReplicas(t *testing.T) {
	t.Parallel()
	races.ItemsAreLinearizable(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(10, 200))
}

func TestIdempotency_ConcurrentRequestsCreateOnce(t *testing.T) {
	t.Parallel()
	races.OneKeyCreatesOnce(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(1, 10), 50)
}

func TestIdempotency_ConcurrentRequestsAtLimitCreateOnce(t *testing.T) {
	t.Parallel()
	races.OneKeyTakesTheLastPlace(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(3, 40))
}

func TestIdempotency_ConcurrentOtherRequestsCreateOne(t *testing.T) {
	t.Parallel()
	races.OneKeyCreatesOneThing(t, twoReplicas(t, withSmallLimits).Patient(), testkit.Rounds(4, 40))
}
