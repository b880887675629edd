package auth

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestARateIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{
		"100/minute":     {"default", 100, time.Minute},
		"1/second":       {"default", 1, time.Second},
		"1000000/hour":   {"default", 1_000_000, time.Hour},
		"1000000/second": {"default", 1_000_000, time.Second},
	} {
		got := Rate{Name: "default"}
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	for _, text := range []string{
		"", "/", "100", "100/", "/minute", "0/minute", "-1/minute", "+1/minute", "1.5/minute", "1e3/minute", " 1/minute", "1/minute ",
		"1 / minute", "1/Minute", "1/minutes", "1/day", "1/min", "1/60s", "1/minute/2", "1000001/hour", "99999999999999999999/hour", "many/hour", "1,000/hour",
	} {
		if err := new(Rate).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a rate", text)
		}
	}
}

func TestARateLosesAtMostAMicrosecondARequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			Requests: rapid.IntRange(1, mostRequests).Draw(t, "requests"),
			Per:      rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "per"),
		}
		over := r.Whole() - r.Per
		if over < 0 || over >= time.Duration(r.Requests)*time.Microsecond {
			t.Errorf("%s: a budget needs %s to be whole", r, r.Whole())
		}
	})
}

func TestARequestIsAllowedByAllOrNone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		each []bool
		want bool
	}{{nil, true}, {[]bool{true}, true}, {[]bool{true, true}, true}, {[]bool{true, false}, false}, {[]bool{false}, false}} {
		var p Pass
		for _, allowed := range tc.each {
			p.Standings = append(p.Standings, Standing{Allowed: allowed})
		}
		if got := p.Allowed(); got != tc.want {
			t.Errorf("%v allows: %t", tc.each, got)
		}
	}
}

func TestARefreshTokenNamesItsSession(t *testing.T) {
	t.Parallel()
	session := Session{ID: id.New[Session](), Salt: []byte("salt")}
	token := NewRefreshTokens([]byte("a secret")).Token(session)
	got, err := SessionSlot(token)
	if diff := cmp.Diff(Slot(session.ID.String()), got); err != nil || diff != "" {
		t.Errorf("slot (-want +got):\n%s%v", diff, err)
	}
	for _, none := range []string{"", "cgr_", "x", token[:len(token)-1], token + "\n"} {
		if _, err := SessionSlot(none); problem.CodeOf(err) != problem.RefreshTokenInvalid {
			t.Errorf("%q names a session: %v", none, err)
		}
	}
}
