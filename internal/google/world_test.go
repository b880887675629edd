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

// sharedKey is the same RSA key in every test and every process, so that what
// the fuzzer finds in one process means the same in the next. Nothing is secret
// about it.
var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	one, p, q := big.NewInt(1), primeFrom("p"), primeFrom("q")
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
})

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
	// The keys again, for documents and redirects that say they have moved.
	mux.HandleFunc("/moved", func(rw http.ResponseWriter, r *http.Request) {
		r.URL.Path = keysPath
		w.keys.to.ServeHTTP(rw, r)
	})
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
