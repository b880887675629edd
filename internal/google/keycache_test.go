package google_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestKeyCache_FetchesNothingAtStart(t *testing.T) {
	t.Parallel()
	forBoth(t, nothingIsFetchedEarly)
}

func nothingIsFetchedEarly(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	_, err := w.Verify(t.Context(), "not.a.token", "")
	wantFault(t, err, problem.GoogleTokenInvalid, "no token")
	if w.keys.count() != 0 || w.discovery.count() != 0 {
		t.Error("the issuer was requested without need")
	}
	for range 3 {
		w.accepts(t, "at first")
	}
	w.fetched(t, 1, "after three tokens")
	if n := w.discovery.count(); n != 1 {
		t.Errorf("the discovery document was fetched %d times, want once", n)
	}
}

func TestKeyCache_NewKeyIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	forBoth(t, newKeyIsFound)
}

func newKeyIsFound(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	old := w.token(t, issuer.Claims{})
	w.accepts(t, "before the rotation")
	if err := w.issuer.Rotate(issuer.ES256); err != nil {
		t.Fatal(err)
	}
	w.accepts(t, "after the rotation")
	w.accepts(t, "after the rotation")
	w.fetched(t, 2, "after the rotation")

	_, err := w.Verify(t.Context(), old, "")
	wantFault(t, err, problem.GoogleTokenInvalid, "a token of the withdrawn key")
}

func TestKeyCache_UnknownKeysCauseOneFetchAMinute(t *testing.T) {
	t.Parallel()
	forBoth(t, inventedKeyNames)
}

func inventedKeyNames(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	invented := func() {
		raw := w.token(t, issuer.Claims{Header: map[string]any{"kid": rand.Text()}})
		_, err := w.Verify(t.Context(), raw, "")
		wantFault(t, err, problem.GoogleTokenInvalid, "an invented key name")
	}
	invented()
	w.fetched(t, 1, "cold, after one invented name,")
	for range 100 {
		invented()
		w.clock.forward(590 * time.Millisecond)
	}
	w.fetched(t, 2, "after 100 invented names in a minute,")
	w.accepts(t, "between them")

	w.clock.forward(time.Minute)
	var all sync.WaitGroup
	for range 20 {
		all.Go(invented)
	}
	all.Wait()
	w.fetched(t, 3, "after 20 more at once in the next minute,")
}

func TestKeyCache_ConcurrentVerificationsShareAFetch(t *testing.T) {
	t.Parallel()
	forBoth(t, verificationsShareAFetch)
}

func verificationsShareAFetch(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	raw := w.token(t, issuer.Claims{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := w.Verify(t.Context(), raw, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.fetched(t, 1, "after 50 verifications at once")
	if n := w.discovery.count(); n != 1 {
		t.Errorf("the discovery document was fetched %d times, want once", n)
	}
}

func TestKeyCache_CancelledCallerDoesNotCancelTheFetch(t *testing.T) {
	t.Parallel()
	w := start(t)
	entered, release := make(chan struct{}), make(chan struct{})
	w.keys.replace(func(rw http.ResponseWriter, r *http.Request) {
		close(entered)
		select {
		case <-release:
			w.issuer.ServeHTTP(rw, r)
		case <-r.Context().Done():
		}
	})
	raw := w.token(t, issuer.Claims{})
	first, leave := context.WithCancel(t.Context())
	left, stayed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.Verify(first, raw, "")
		left <- err
	}()
	<-entered
	go func() {
		_, err := w.Verify(t.Context(), raw, "")
		stayed <- err
	}()
	leave()
	err := <-left
	wantFault(t, err, problem.Unavailable, "the cancelled caller")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is lost: %v", err)
	}
	close(release)
	if err := <-stayed; err != nil {
		t.Errorf("the other caller: %v", err)
	}
	w.fetched(t, 1, "in all")
}

func TestKeyCache_CallersDeadlineIsKept(t *testing.T) {
	t.Parallel()
	forBoth(t, callersDeadlineIsKept)
}

func callersDeadlineIsKept(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	w.keys.replace(broken["slow"])
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := w.Verify(ctx, w.token(t, issuer.Claims{}), "")
	wantFault(t, err, problem.Unavailable, "past the deadline")
	if took := time.Since(began); took > time.Second {
		t.Errorf("the caller waited %s", took)
	}
}
