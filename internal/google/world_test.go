package google_test

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/google"
)

const (
	clientID      = "codegenapp.apps.example.com"
	otherClientID = "ios.codegenapp.apps.example.com"

	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/jwks"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("odd", 5*3600+45*60))

// sharedKey spares each test the making of an RSA key. Nothing is secret about it.
var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// world is an issuer over real HTTP, and a verifier that trusts it.
type world struct {
	*google.Verifier
	issuer    *issuer.Issuer
	url       string
	clock     *clock
	keys      *door
	discovery *door
}

// start makes a world. Each change may alter the verifier's configuration.
func start(t testing.TB, changes ...func(*google.Config)) *world {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	w := &world{url: "http://" + srv.Listener.Addr().String(), clock: &clock{}}
	w.issuer = newIssuer(t, w.url, w.clock)
	w.keys, w.discovery = &door{to: w.issuer}, &door{to: w.issuer}
	srv.Config.Handler = w.routes()
	srv.Start()
	t.Cleanup(srv.Close)
	w.Verifier = newVerifier(w.url, w.clock, changes)
	return w
}

func (w *world) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", w.issuer)
	mux.Handle(keysPath, w.keys)
	mux.Handle(discoveryPath, w.discovery)
	return mux
}

func newIssuer(t testing.TB, url string, at *clock) *issuer.Issuer {
	t.Helper()
	i, err := issuer.New(issuer.Config{
		URL:     url,
		Clients: []issuer.Client{{ID: clientID}},
		Users:   []issuer.User{{Email: "ann@example.com", Subject: "110169484474386276334", Name: "Ann Example"}},
		Now:     at.Now,
		Key:     sharedKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func newVerifier(url string, at *clock, changes []func(*google.Config)) *google.Verifier {
	cfg := google.Config{Issuer: url, ClientIDs: []string{clientID, otherClientID}, Now: at.Now}
	for _, change := range changes {
		change(&cfg)
	}
	return google.New(cfg)
}

func (w *world) token(t testing.TB, c issuer.Claims) string {
	t.Helper()
	raw, err := w.issuer.IDToken(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// accepts fails the test unless a fresh good token signs in.
func (w *world) accepts(t testing.TB, when string) {
	t.Helper()
	if _, err := w.Verify(t.Context(), w.token(t, issuer.Claims{}), ""); err != nil {
		t.Errorf("%s a good token is refused: %v", when, err)
	}
}

// refuses fails the test unless a fresh good token is answered with code.
func (w *world) refuses(t testing.TB, code fault.Code, when string) *fault.Error {
	t.Helper()
	_, err := w.Verify(t.Context(), w.token(t, issuer.Claims{}), "")
	return wantFault(t, err, code, when)
}

func wantFault(t testing.TB, err error, code fault.Code, when string) *fault.Error {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != code {
		t.Fatalf("%s: got %v, want a fault %s", when, err, code)
	}
	return f
}

// fetched fails the test unless the keys were fetched want times so far.
func (w *world) fetched(t testing.TB, want int, when string) {
	t.Helper()
	if got := w.keys.count(); got != want {
		t.Errorf("%s the keys were fetched %d times, want %d", when, got, want)
	}
}

// clock is a clock that stands still until it is moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return epoch.Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// door stands before one endpoint. It counts who comes, and can be made to
// answer something else.
type door struct {
	to      http.Handler
	visits  atomic.Int64
	instead atomic.Pointer[http.HandlerFunc]
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.visits.Add(1)
	if other := d.instead.Load(); other != nil {
		(*other)(w, r)
		return
	}
	d.to.ServeHTTP(w, r)
}

func (d *door) count() int                     { return int(d.visits.Load()) }
func (d *door) answer(handle http.HandlerFunc) { d.instead.Store(&handle) }
func (d *door) mend()                          { d.instead.Store(nil) }
func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func encode(part string) string { return base64.RawURLEncoding.EncodeToString([]byte(part)) }

// split returns the decoded parts of a token.
func split(t testing.TB, raw string) (header, payload, signature string) {
	t.Helper()
	var parts [3]string
	for n, part := range strings.SplitN(raw, ".", 3) {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[n] = string(decoded)
	}
	return parts[0], parts[1], parts[2]
}

// keyID is the kid of a token.
func keyID(t testing.TB, raw string) string {
	t.Helper()
	header, _, _ := split(t, raw)
	var h struct{ Kid string }
	if err := json.Unmarshal([]byte(header), &h); err != nil {
		t.Fatal(err)
	}
	return cmp.Or(h.Kid, "none")
}
