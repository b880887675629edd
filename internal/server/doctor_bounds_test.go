package server_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
)

func TestTheDoctorTellsAClockThatGoesWrong(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]string{
		time.Second: "", -time.Second: "", 5 * time.Second: "warn its clock is 5s away", -5 * time.Second: "warn its clock is 5s away",
		time.Minute: "FAIL its clock is 1m0s away", -time.Hour: "FAIL its clock is 1h0m0s away",
	} {
		if said := server.OfClock(ahead); !strings.HasPrefix(said, want) || want == "" && said != "" {
			t.Errorf("of a clock that is %s ahead it says %q", ahead, said)
		}
	}
}

func TestTheDoctorWaitsForNobodyLongerThanHeSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		said := server.OfSilence(t.Context())
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		want := []string{"FAIL a gave no answer within 10s", "ok b answers", "FAIL c gave no answer within 10s"}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		time.Sleep(25 * time.Hour) // of the bubble's clock, until the silent ones are over
	})
}
