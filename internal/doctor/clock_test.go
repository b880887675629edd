package doctor

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/server"
)

func TestDoctor_ReportsClockOfTheDatabaseThatIsOff(t *testing.T) {
	t.Parallel()
	e := &examination{Settings: &server.Settings{}}
	for ahead, want := range map[time.Duration]string{
		time.Second: "", -time.Second: "",
		5 * time.Second: "warn its clock differs from ours by 5s", -5 * time.Second: "warn its clock differs from ours by 5s",
		time.Minute: "FAIL its clock differs from ours by 1m0s", -time.Hour: "FAIL its clock differs from ours by 1h0m0s",
	} {
		var got strings.Builder
		for _, r := range e.databaseResults(postgres.ServerInfo{Durable: true, MaxConnections: 100, ClockAhead: ahead}) {
			if strings.Contains(r.text, "clock") {
				got.WriteString(string(r.status) + " " + r.text)
			}
		}
		if !strings.HasPrefix(got.String(), want) || want == "" && got.String() != "" {
			t.Errorf("a clock that is ahead by %s is reported as %q", ahead, got.String())
		}
	}
}

func TestDoctor_HangingCheckFailsAfterTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := func(context.Context) []result { time.Sleep(24 * time.Hour); return nil }
		responds := func(context.Context) []result { return []result{{ok, "b", "responds"}} }
		startedAt := time.Now()
		got := runAll(t.Context(), []check{{"a", hangs}, {"b", responds}, {"c", hangs}})
		if took := time.Since(startedAt); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		want := []result{{fail, "a", "no response within 10s"}, {ok, "b", "responds"}, {fail, "c", "no response within 10s"}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		time.Sleep(25 * time.Hour) // of the bubble's clock, until the hanging checks end
	})
}

// The Date has the resolution of a second, and a response takes time. Clocks that may
// agree within both have no skew.
func TestDoctor_ClockSkewIsZeroIfClocksMayAgree(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ sent, received, want time.Duration }{
		{sent: 0, received: 0, want: 0},
		{sent: -time.Second, received: 0, want: 0},
		{sent: 999 * time.Millisecond, received: 2 * time.Second, want: 0},
		{sent: -2 * time.Second, received: -time.Second, want: time.Second},
		{sent: 3 * time.Second, received: 4 * time.Second, want: -2 * time.Second},
		{sent: -time.Hour, received: time.Hour, want: 0},
	} {
		if got := skew(date, date.Add(tc.sent), date.Add(tc.received)); got != tc.want {
			t.Errorf("sent %s and received %s after the date: the skew is %s, want %s", tc.sent, tc.received, got, tc.want)
		}
	}
}
