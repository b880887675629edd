package google_test

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	clientID      = "codegenapp.apps.example.com"
	otherClientID = "ios.codegenapp.apps.example.com"
	clientSecret  = "GOCSPX-test"
	redirectURI   = "https://app.example.com/callback"
	project       = "codegenapp-project"
	storePath     = "/store"

	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/jwks"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("odd", 5*3600+45*60))

// signInKey and storeKey are the same RSA keys in every test and every process, so
// that what the fuzzer finds in one process means the same in the next. Nothing
// is secret about them. No key serves two issuers.
var (
	signInKey = sync.OnceValue(func() *rsa.PrivateKey { return keyFrom("p", "q") })
	storeKey  = sync.OnceValue(func() *rsa.PrivateKey { return keyFrom("r", "s") })
)

func keyFrom(seedP, seedQ string) *rsa.PrivateKey {
	one, p, q := big.NewInt(1), primeFrom(seedP), primeFrom(seedQ)
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		Primes:    []*big.Int{p, q},
	}
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key.D = new(big.Int).ModInverse(big.NewInt(int64(key.E)), phi)
	key.Precompute()
	if err := key.Validate(); err != nil {
		panic(err)
	}
	return key
}

// primeFrom returns the first prime of 1,024 bits after a number made from seed.
func primeFrom(seed string) *big.Int {
	var digits []byte
	for n := range byte(4) {
		sum := sha256.Sum256(append([]byte(seed), n))
		digits = append(digits, sum[:]...)
	}
	digits[0] |= 0xc0 // two such primes make 2,048 bits
	digits[127] |= 1
	prime := new(big.Int).SetBytes(digits)
	for two := big.NewInt(2); !prime.ProbablyPrime(10); prime.Add(prime, two) {
	}
	return prime
}

// fixture is an issuer over real HTTP, and a provider that trusts it. The provider
// trusts a second issuer of the other kind as well, on the same server.
type fixture struct {
	*google.Provider

	again     starter // starts another fixture of the same kind
	issuer    *issuer.Issuer
	key       *rsa.PrivateKey
	url       string
	path      string // where the issuer's documents are
	audience  string
	clock     *clock
	keys      *endpoint
	discovery *endpoint
	tokens    *endpoint // where codes are exchanged
	// other is the issuer of the other kind.
	other         *issuer.Issuer
	otherURL      string
	otherKeys     *endpoint
	otherAudience string
}

type starter = func(t testing.TB, changes ...func(*google.Config)) *fixture

// kinds are the issuers that are trusted. What holds for the keys and tokens of
// one holds for those of the other.
var kinds = map[string]starter{"Google Sign-In": start, "Identity Platform": startUserStore}

// forBoth runs a test for each kind of issuer.
func forBoth(t *testing.T, test func(*testing.T, starter)) {
	t.Helper()
	for kind, start := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, start)
		})
	}
}

// start returns a fixture for Google Sign-In. Each change may alter the provider's
// configuration.
func start(t testing.TB, changes ...func(*google.Config)) *fixture {
	t.Helper()
	w, host := &fixture{again: start, clock: &clock{}, audience: clientID, otherAudience: project}, serve(t)
	w.url, w.otherURL = host.url, host.url+storePath
	w.key = signInKey()
	w.issuer, w.other = newIssuer(t, w.url, w.clock), newUserStore(t, w.otherURL, w.clock)
	w.keys, w.discovery = host.stand("", w.issuer)
	w.otherKeys, _ = host.stand(storePath, w.other)
	w.tokens = &endpoint{to: w.issuer}
	host.mux.Handle("/token", w.tokens)
	w.Provider = newProvider(w.url, w.otherURL, w.clock, changes)
	return w
}

// startUserStore returns a fixture for Identity Platform.
func startUserStore(t testing.TB, changes ...func(*google.Config)) *fixture {
	t.Helper()
	w, host := &fixture{again: startUserStore, clock: &clock{}, audience: project, otherAudience: clientID}, serve(t)
	w.url, w.otherURL = host.url+storePath, host.url
	w.key = storeKey()
	w.issuer, w.other = newUserStore(t, w.url, w.clock), newIssuer(t, w.otherURL, w.clock)
	w.path = storePath
	w.keys, w.discovery = host.stand(storePath, w.issuer)
	w.otherKeys, _ = host.stand("", w.other)
	w.Provider = newProvider(w.otherURL, w.url, w.clock, changes)
	return w
}

// host is a server whose endpoints come later than its address.
type host struct {
	url string
	mux *http.ServeMux
}

func serve(t testing.TB) *host {
	t.Helper()
	h := &host{mux: http.NewServeMux()}
	srv := httptest.NewServer(h.mux)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// stand serves an issuer, with endpoints that a test can replace for its documents.
func (h *host) stand(path string, i *issuer.Issuer) (keys, discovery *endpoint) {
	keys, discovery = &endpoint{to: i}, &endpoint{to: i}
	h.mux.Handle(path+"/", i)
	h.mux.Handle(path+keysPath, keys)
	h.mux.Handle(path+discoveryPath, discovery)
	// The keys again, for documents and redirects that say they have moved.
	h.mux.HandleFunc(path+"/moved", func(rw http.ResponseWriter, r *http.Request) {
		r.URL.Path = path + keysPath
		keys.to.ServeHTTP(rw, r)
	})
	return keys, discovery
}

var users = []issuer.User{{Email: "ann@example.com", Subject: "110169484474386276334", Name: "Ann Example"}}

func newIssuer(t testing.TB, url string, at *clock) *issuer.Issuer {
	t.Helper()
	i, err := issuer.New(issuer.Config{
		URL: url, Clients: []issuer.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURI}}},
		Users: users, Now: at.Now, Key: signInKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func newUserStore(t testing.TB, url string, at *clock) *issuer.Issuer {
	t.Helper()
	i, err := issuer.New(issuer.Config{URL: url, Project: project, Users: users, Now: at.Now, Key: storeKey()})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func newProvider(signIn, userStore string, at *clock, changes []func(*google.Config)) *google.Provider {
	cfg := google.Config{
		Issuer: signIn, ClientIDs: []string{clientID, otherClientID}, ClientSecret: clientSecret,
		Project: project, UserStore: userStore, Now: at.Now,
	}
	for _, change := range changes {
		change(&cfg)
	}
	return google.New(cfg)
}

func (w *fixture) token(t testing.TB, c issuer.Claims) string {
	t.Helper()
	raw, err := w.issuer.IDToken(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// accepts fails the test unless a fresh good token signs in.
func (w *fixture) accepts(t testing.TB, when string) {
	t.Helper()
	if _, err := w.Verify(t.Context(), w.token(t, issuer.Claims{}), ""); err != nil {
		t.Errorf("%s a valid token is rejected: %v", when, err)
	}
}

// rejects fails the test unless a fresh valid token fails with code.
func (w *fixture) rejects(t testing.TB, code problem.Code, when string) *problem.Error {
	t.Helper()
	_, err := w.Verify(t.Context(), w.token(t, issuer.Claims{}), "")
	return wantFault(t, err, code, when)
}

func wantFault(t testing.TB, err error, code problem.Code, when string) *problem.Error {
	t.Helper()
	f, ok := errors.AsType[*problem.Error](err)
	if !ok || f.Code != code {
		t.Fatalf("%s: got %v, want a fault %s", when, err, code)
	}
	return f
}

// fetched fails the test unless the keys were fetched want times so far.
func (w *fixture) fetched(t testing.TB, want int, when string) {
	t.Helper()
	if got := w.keys.count(); got != want {
		t.Errorf("%s the keys were fetched %d times, want %d", when, got, want)
	}
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
