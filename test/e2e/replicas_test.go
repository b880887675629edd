package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// startThree starts three processes over one database, with enough connections to
// contend for its rows, and with low limits.
func startThree(t *testing.T) []*testkit.Server {
	t.Helper()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	limit := strconv.Itoa(races.Limit)
	var servers []*testkit.Server
	for range 3 {
		s := serve(t, serveEnv(db.Service, google.URL, "DATABASE_MAX_OVERFLOW=50", "MAX_ITEMS_PER_SPEC="+limit, "MAX_SPECS_PER_PROJECT="+limit))
		servers = append(servers, testkit.NewExternal(t, s.URL, db, google))
	}
	return servers
}

// Replicas within one test process may share more than the database. These do not.
func TestReplicas_KeepTheGuaranteesTogether(t *testing.T) {
	t.Parallel()
	servers := startThree(t)
	for _, race := range []struct {
		name string
		run  func(t *testing.T, c races.Clients)
	}{
		{"creations stop at the limit", func(t *testing.T, c races.Clients) {
			races.CreationsRespectTheLimit(t, c, testkit.Repetitions(2, 20))
		}},
		{"every read is a whole order", func(t *testing.T, c races.Clients) {
			races.ReordersAreAtomic(t, c, testkit.Repetitions(50, 100))
		}},
		{"of two orders the later one stays", func(t *testing.T, c races.Clients) {
			races.TwoReordersAreSerial(t, c, testkit.Repetitions(50, 1000))
		}},
		{"a list is replaced as a whole", func(t *testing.T, c races.Clients) {
			races.ReplacementsAreAtomic(t, c, testkit.Repetitions(50, 1000))
		}},
		{"an item that moves is in one list", func(t *testing.T, c races.Clients) {
			races.MovesAreAtomic(t, c, testkit.Repetitions(40, 1000))
		}},
		{"items stay dense", func(t *testing.T, c races.Clients) {
			races.PositionsStayDense(t, c, time.Duration(testkit.Repetitions(2, 20))*time.Second)
		}},
		{"lists skip nothing", func(t *testing.T, c races.Clients) {
			races.PagesAreComplete(t, c, time.Duration(testkit.Repetitions(2, 20))*time.Second)
		}},
		{"of two writers with one tag one wins", func(t *testing.T, c races.Clients) {
			races.ConcurrentWritersOneWins(t, c, testkit.Repetitions(50, 1000))
		}},
		{"what is written at one is read at another", func(t *testing.T, c races.Clients) {
			races.ReadsSeeWrites(t, c, testkit.Repetitions(30, 300))
		}},
		{"one key creates once", func(t *testing.T, c races.Clients) {
			races.SameKeyCreatesOnce(t, c, testkit.Repetitions(2, 20), 50)
		}},
		{"one key takes the last place", func(t *testing.T, c races.Clients) {
			races.SameKeyAtTheLimit(t, c, testkit.Repetitions(5, 40))
		}},
		{"one key creates one thing", func(t *testing.T, c races.Clients) {
			races.ReusedKeyCreatesOne(t, c, testkit.Repetitions(5, 40))
		}},
		{"operations on items are linearizable", func(t *testing.T, c races.Clients) {
			races.ItemsAreLinearizable(t, c, testkit.Repetitions(200, 1000))
		}},
	} {
		t.Run(race.name, func(t *testing.T) { // sequential: each race uses all processes
			race.run(t, races.NewClients(servers[0].SignUp(t), servers...).WithRetry())
		})
	}
}
