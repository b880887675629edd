package google_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestFetch_CacheControlDecidesFreshness(t *testing.T) {
	t.Parallel()
	forBoth(t, keysAreKept)
}

func keysAreKept(t *testing.T, start starter) {
	t.Helper()
	for name, tc := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"nothing said":               {http.Header{}, time.Hour},
		"something else said":        {http.Header{"Cache-Control": {"public"}}, time.Hour},
		"five minutes":               {http.Header{"Cache-Control": {"public, max-age=300, must-revalidate"}}, 5 * time.Minute},
		"in capitals and quotes":     {http.Header{"Cache-Control": {`Max-Age="300"`}}, 5 * time.Minute},
		"in a second line":           {http.Header{"Cache-Control": {"public", "max-age=300"}}, 5 * time.Minute},
		"less the time on their way": {http.Header{"Cache-Control": {"max-age=300"}, "Age": {"100"}}, 200 * time.Second},
		"older than they may be":     {http.Header{"Cache-Control": {"max-age=300"}, "Age": {"1000"}}, time.Minute},
		"ten seconds":                {http.Header{"Cache-Control": {"max-age=10"}}, time.Minute},
		"not at all":                 {http.Header{"Cache-Control": {"max-age=300, no-store"}}, time.Minute},
		"an unreadable time":         {http.Header{"Cache-Control": {"max-age=soon"}}, time.Minute},
		"a negative time":            {http.Header{"Cache-Control": {"max-age=-5"}}, time.Minute},
		"a year":                     {http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
		"longer than can be counted": {http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			keys := httptest.NewRecorder()
			w.issuer.ServeHTTP(keys, httptest.NewRequest(http.MethodGet, w.path+keysPath, http.NoBody))
			w.keys.replace(func(rw http.ResponseWriter, _ *http.Request) {
				maps.Copy(rw.Header(), tc.header)
				_, _ = rw.Write(keys.Body.Bytes())
			})
			w.accepts(t, "cold")
			w.clock.forward(tc.want - time.Second)
			w.accepts(t, "a second before their time is over")
			w.fetched(t, 1, "a second before their time is over")
			w.clock.forward(time.Second)
			w.accepts(t, "when their time is over")
			w.fetched(t, 2, "when their time is over")
		})
	}
}

func TestFetch_DiscoveryIsCachedForADay(t *testing.T) {
	t.Parallel()
	forBoth(t, discoveryIsBelieved)
}

func discoveryIsBelieved(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	w.accepts(t, "cold")
	w.clock.forward(24*time.Hour - time.Second)
	w.accepts(t, "a second before the day is over")
	if n := w.discovery.count(); n != 1 {
		t.Errorf("within a day the discovery document was fetched %d times, want once", n)
	}
	w.clock.forward(time.Hour)
	w.discovery.replace(failing)
	w.accepts(t, "with an old discovery document")
	if n := w.discovery.count(); n != 2 {
		t.Errorf("after a day the discovery document was fetched %d times, want twice", n)
	}
}

func TestFetch_DocumentSizeIsLimited(t *testing.T) {
	t.Parallel()
	forBoth(t, keysUpToTheBound)
}

func keysUpToTheBound(t *testing.T, start starter) {
	t.Helper()
	for extra, accepted := range map[int]bool{0: true, 1: false} {
		w := start(t)
		keys := httptest.NewRecorder()
		w.issuer.ServeHTTP(keys, httptest.NewRequest(http.MethodGet, w.path+keysPath, http.NoBody))
		text := keys.Body.String()
		w.keys.replace(body(text + strings.Repeat(" ", google.MaxDocument-len(text)+extra)))
		_, err := w.Verify(t.Context(), w.token(t, issuer.Claims{}), "")
		if (err == nil) != accepted {
			t.Errorf("with %d bytes beyond the bound: %v", extra, err)
		}
	}
}

func TestFetch_IssuerMustMatchTheConfiguration(t *testing.T) {
	t.Parallel()
	forBoth(t, issuerMustBeTheOne)
}

func issuerMustBeTheOne(t *testing.T, start starter) {
	t.Helper()
	for name, document := range map[string]func(url string) string{
		"another":              func(url string) string { return discovery("https://evil.example.com", url+keysPath) },
		"with a slash more":    func(url string) string { return discovery(url+"/", url+keysPath) },
		"none":                 func(url string) string { return discovery("", url+keysPath) },
		"given twice":          func(url string) string { return `{"issuer":"x",` + discovery(url, url+keysPath)[1:] },
		"without keys":         func(url string) string { return discovery(url, "") },
		"with keys at a path":  func(url string) string { return discovery(url, keysPath) },
		"with keys in a file":  func(url string) string { return discovery(url, "file:///etc/passwd") },
		"with keys in no URL":  func(url string) string { return discovery(url, "http://[") },
		"in another case":      func(url string) string { return strings.Replace(discovery(url, url+keysPath), "issuer", "Issuer", 1) },
		"as a list of issuers": func(url string) string { return strings.Replace(discovery(url, url+keysPath), `"http`, `["http`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.discovery.replace(body(document(w.url)))
			w.rejects(t, problem.Unavailable, name)
			w.fetched(t, 0, "by a wrong discovery document")
		})
	}
}

func discovery(issuer, keys string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys)
}

func TestFetch_PlainHTTPKeysAreRejected(t *testing.T) {
	t.Parallel()
	w := startAsGoogle(t)
	w.discovery.replace(body(discovery(w.url, "http://accounts.google.com"+keysPath)))
	w.rejects(t, problem.Unavailable, "keys over plain HTTP")
	w.fetched(t, 0, "over plain HTTP")
}

func TestFetch_RedirectsStayWithinTheHost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		to       string
		accepted bool
	}{
		"to another path":    {"/moved", true},
		"to plain HTTP":      {"http://accounts.google.com/moved", false},
		"to another host":    {"https://accounts.example.com/moved", false},
		"to another port":    {"https://accounts.google.com:444/moved", false},
		"to another subtree": {"https://www.accounts.google.com/moved", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startAsGoogle(t)
			w.keys.replace(func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, tc.to, http.StatusFound)
			})
			if tc.accepted {
				w.accepts(t, name)
				return
			}
			w.rejects(t, problem.Unavailable, name)
		})
	}
}

// When the keys move, the old address fails, and the next attempt discovers them again.
func TestFetch_MovedKeysAreFound(t *testing.T) {
	t.Parallel()
	forBoth(t, keysThatMoved)
}

func keysThatMoved(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	w.accepts(t, "warm")
	w.keys.replace(http.NotFound)
	w.discovery.replace(body(discovery(w.url, w.url+"/moved")))
	w.clock.forward(time.Hour)
	w.accepts(t, "with old keys")
	if err := w.issuer.Rotate(issuer.ES256); err != nil {
		t.Fatal(err)
	}
	w.clock.forward(time.Minute)
	w.accepts(t, "with the keys at their new place")
}
