package google_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func failing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

// broken are the ways in which a document can be of no use.
var broken = map[string]http.HandlerFunc{
	"failing":     failing,
	"not there":   http.NotFound,
	"empty":       body(""),
	"not JSON":    body("<html>"),
	"half":        body(`{"keys":[{"kty":"RSA"`),
	"of no keys":  body(`{"keys":[]}`),
	"of bad keys": body(`{"keys":[{"kty":"EC","crv":"P-384","kid":"k"},null,{}]}`),
	"slow":        func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"slow to end": func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"keys":[`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	},
	"endless": func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
				return
			}
		}
	},
	"elsewhere": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost.example.com"+r.URL.Path, http.StatusFound)
	},
	"in a circle": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	},
}

// impatient returns a fixture with a short fetch timeout. It is long enough for a
// response on a busy machine. What is slow in these tests never responds.
func impatient(t *testing.T, start starter) *fixture {
	t.Helper()
	w := start(t)
	w.SetFetchTimeout(100 * time.Millisecond)
	return w
}

func TestOutage_WithoutKeysSignInIsUnavailable(t *testing.T) {
	t.Parallel()
	forBoth(t, withoutKeysSignInIsUnavailable)
}

func withoutKeysSignInIsUnavailable(t *testing.T, start starter) {
	t.Helper()
	for name, handle := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := impatient(t, start)
			w.keys.replace(handle)
			if f := w.rejects(t, problem.Unavailable, "cold"); f.RetryAfter != 5*time.Second {
				t.Errorf("Retry-After is %s, want 5s", f.RetryAfter)
			}
			before := w.keys.count()
			w.clock.forward(4 * time.Second)
			if f := w.rejects(t, problem.Unavailable, "a moment later"); f.RetryAfter != time.Second {
				t.Errorf("a moment later Retry-After is %s, want 1s", f.RetryAfter)
			}
			w.fetched(t, before, "a moment later")

			w.keys.restore()
			w.clock.forward(time.Second)
			w.SetFetchTimeout(2 * time.Second)
			w.accepts(t, "when the issuer is back")
		})
	}
}

func TestOutage_KnownKeysStayInUse(t *testing.T) {
	t.Parallel()
	forBoth(t, knownKeysServeOn)
}

func knownKeysServeOn(t *testing.T, start starter) {
	t.Helper()
	for name, handle := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.accepts(t, "warm")
			w.SetFetchTimeout(100 * time.Millisecond)
			w.keys.replace(handle)
			w.discovery.replace(handle)

			w.clock.forward(time.Hour)
			w.accepts(t, "when their time is over")
			tries := w.keys.count()
			w.clock.forward(59 * time.Second)
			w.accepts(t, "within a minute")
			w.fetched(t, tries, "within a minute")

			w.clock.forward(24*time.Hour - time.Minute)
			w.accepts(t, "a day later")
			w.clock.forward(time.Second)
			w.rejects(t, problem.Unavailable, "more than a day later")
		})
	}
}

// An unknown key may be new. If the keys cannot be fetched, the token is not rejected as
// invalid.
func TestOutage_UnknownKeyIsUnavailable(t *testing.T) {
	t.Parallel()
	forBoth(t, unknownKeyIsUnavailable)
}

func unknownKeyIsUnavailable(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	w.accepts(t, "warm")
	w.keys.replace(failing)
	if err := w.issuer.Rotate(issuer.ES256); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if f := w.rejects(t, problem.Unavailable, "a new key"); f.RetryAfter != time.Minute {
			t.Errorf("Retry-After is %s, want 1m", f.RetryAfter)
		}
	}
	w.fetched(t, 2, "while the issuer fails,")
	w.keys.restore()
	w.clock.forward(time.Minute)
	w.accepts(t, "when the issuer is back")
}

// The last fetch of the keys has just failed. Another fetch, for an unknown key, would
// probably fail too, and delay the request.
func TestOutage_UnknownKeyIsNotFetchedAfterAFailure(t *testing.T) {
	t.Parallel()
	forBoth(t, unknownKeyIsNotLookedFor)
}

func unknownKeyIsNotLookedFor(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	w.accepts(t, "warm")
	w.keys.replace(failing)
	w.clock.forward(time.Hour)
	if err := w.issuer.Rotate(issuer.ES256); err != nil {
		t.Fatal(err)
	}
	w.rejects(t, problem.Unavailable, "a new key")
	w.fetched(t, 2, "after the look for newer keys")
}

func TestOutage_FailuresAreLoggedOncePerFetch(t *testing.T) {
	t.Parallel()
	log := &lines{}
	w := start(t, func(cfg *google.Config) { cfg.Log = log.logger() })
	w.accepts(t, "warm")
	w.keys.replace(failing)
	w.clock.forward(time.Hour)
	for range 5 {
		w.accepts(t, "with old keys")
	}
	if got := log.all(); len(got) != 1 || !strings.Contains(got[0], "500 Internal Server Error") {
		t.Errorf("the log is %q, want one line with the status", got)
	}
}

// A sign-in with one issuer does not depend on the other.
func TestOutage_IssuersAreIndependent(t *testing.T) {
	t.Parallel()
	forBoth(t, func(t *testing.T, start starter) {
		w := start(t)
		w.otherKeys.replace(failing)
		w.accepts(t, "while the other issuer fails")
		raw, err := w.other.IDToken(issuer.Claims{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Verify(t.Context(), raw, "")
		wantFault(t, err, problem.Unavailable, "a token of the issuer that fails")
		w.accepts(t, "after that")
	})
}
