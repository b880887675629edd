package devserver

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newTestLink returns a link with a clock, and the number of its sign-ins. The real
// sign-in is tested with the built program, in test/e2e.
func newTestLink(now *time.Time, failure *error) (*signInLink, *atomic.Int32) {
	var signIns atomic.Int32
	l := newSignInLink(func() time.Time { return *now }, func(context.Context, *http.Request) (*http.Cookie, error) {
		signIns.Add(1)
		return &http.Cookie{Name: "refresh_token_8080", Value: "x"}, *failure
	})
	return l, &signIns
}

// open opens a path as a browser without a session does.
func (l *signInLink) open(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	response := httptest.NewRecorder()
	l.around(http.NotFoundHandler()).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return response
}

func TestSignInLink_Expires(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]int{linkTTL - time.Nanosecond: http.StatusSeeOther, linkTTL: http.StatusGone, 24 * time.Hour: http.StatusGone} {
		now, failure := start, error(nil)
		l, _ := newTestLink(&now, &failure)
		now = start.Add(after)
		if got := l.open(t, l.path()); got.Code != want {
			t.Errorf("after %s it answered %d, want %d", after, got.Code, want)
		}
	}
}

func TestSignInLink_IsUsedOnceByConcurrentBrowsers(t *testing.T) {
	t.Parallel()
	now, failure := time.Now(), error(nil)
	l, signIns := newTestLink(&now, &failure)
	var group sync.WaitGroup
	var cookies atomic.Int32
	for range 20 {
		group.Go(func() {
			if l.open(t, l.path()).Header().Get("Set-Cookie") != "" {
				cookies.Add(1)
			}
		})
	}
	group.Wait()
	if signIns.Load() != 1 || cookies.Load() != 1 {
		t.Errorf("%d sign-ins, %d cookies", signIns.Load(), cookies.Load())
	}
}

func TestSignInLink_FailureDoesNotUseIt(t *testing.T) {
	t.Parallel()
	now, failure := time.Now(), errors.New("POST /auth/login: 503")
	l, _ := newTestLink(&now, &failure)
	if got := l.open(t, l.path()); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "Open the link again") {
		t.Errorf("it answered %d: %s", got.Code, got.Body)
	}
	failure = nil
	if got := l.open(t, l.path()); got.Code != http.StatusSeeOther {
		t.Errorf("the second attempt answered %d", got.Code)
	}
}

func TestSignInLink_OtherPathsReachTheServer(t *testing.T) {
	t.Parallel()
	now, failure := time.Now(), error(nil)
	l, signIns := newTestLink(&now, &failure)
	for _, path := range []string{"/", "/sign-in", "/api/v1/sign-in/" + l.code} {
		if got := l.open(t, path); got.Code != http.StatusNotFound {
			t.Errorf("%s answered %d", path, got.Code)
		}
	}
	if got := l.open(t, linkPath); got.Code != http.StatusGone || signIns.Load() != 0 {
		t.Errorf("without a code it answered %d after %d sign-ins", got.Code, signIns.Load())
	}
}
