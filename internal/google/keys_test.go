package google_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// publicJWK is the key that the issuer of a fixture publishes.
func publicJWK(t testing.TB, w *fixture) map[string]any {
	t.Helper()
	response := httptest.NewRecorder()
	w.issuer.ServeHTTP(response, httptest.NewRequest(http.MethodGet, w.path+keysPath, http.NoBody))
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(response.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys[0]
}

func TestVerify_PublicKeyIsNotAnHS256Secret(t *testing.T) {
	t.Parallel()
	forBoth(t, publicKeyIsNoSecret)
}

func publicKeyIsNoSecret(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	good := w.token(t, issuer.Claims{})
	_, payload, _ := split(t, good)
	der, err := x509.MarshalPKIXPublicKey(w.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(publicJWK(t, w))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"as PEM":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"as DER":     der,
		"as modulus": w.key.N.Bytes(),
		"as JWK":     jwk,
		"empty":      {},
	} {
		input := encode(`{"alg":"HS256","kid":"`+keyID(t, good)+`"}`) + "." + encode(payload)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		_, err := w.Verify(t.Context(), input+"."+encode(string(mac.Sum(nil))), "")
		wantFault(t, err, problem.GoogleTokenInvalid, name)
	}
}

// A token may name the address of keys. It is never fetched.
func TestVerify_KeysInTheHeaderAreIgnored(t *testing.T) {
	t.Parallel()
	forBoth(t, keysInTheHeaderHaveNoEffect)
}

func keysInTheHeaderHaveNoEffect(t *testing.T, start starter) {
	t.Helper()
	w, otherIssuer := start(t), start(t)
	if err := otherIssuer.issuer.Rotate(issuer.RS256); err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		otherIssuer.issuer.ServeHTTP(rw, r)
	}))
	defer trap.Close()
	header := func() map[string]any {
		return map[string]any{"jku": trap.URL + w.path + keysPath, "x5u": trap.URL + "/x5u", "jwk": publicJWK(t, otherIssuer)}
	}
	if _, err := w.Verify(t.Context(), w.token(t, issuer.Claims{Header: header()}), ""); err != nil {
		t.Errorf("the issuer's own token is rejected: %v", err)
	}
	for _, kid := range []string{keyID(t, w.token(t, issuer.Claims{})), keyID(t, otherIssuer.token(t, issuer.Claims{}))} {
		h := header()
		h["kid"] = kid
		forged := otherIssuer.token(t, issuer.Claims{Header: h, Extra: map[string]any{"iss": w.url}})
		_, err := w.Verify(t.Context(), forged, "")
		wantFault(t, err, problem.GoogleTokenInvalid, "a token that brings its key")
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the addresses in the header were visited %d times", n)
	}
}

func TestKeys_UnsuitableKeysAreIgnored(t *testing.T) {
	t.Parallel()
	forBoth(t, unsuitableKeysAreIgnored)
}

func unsuitableKeysAreIgnored(t *testing.T, start starter) {
	t.Helper()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		key       *rsa.PrivateKey // the issuer's own when nil
		published jose.JSONWebKey
		accepted  bool
	}{
		"for comparison, a good key":    {nil, jose.JSONWebKey{KeyID: "k", Use: "sig", Algorithm: "RS256"}, true},
		"good without use or algorithm": {nil, jose.JSONWebKey{KeyID: "k"}, true},
		"RSA of 1,024 bits":             {weak, jose.JSONWebKey{KeyID: "k", Use: "sig", Algorithm: "RS256"}, false},
		"a key for encryption":          {nil, jose.JSONWebKey{KeyID: "k", Use: "enc"}, false},
		"a key for RS512":               {nil, jose.JSONWebKey{KeyID: "k", Use: "sig", Algorithm: "RS512"}, false},
		"a key for PS256":               {nil, jose.JSONWebKey{KeyID: "k", Use: "sig", Algorithm: "PS256"}, false},
		"a key under another name":      {nil, jose.JSONWebKey{KeyID: "K", Use: "sig"}, false},
		"a key without name":            {nil, jose.JSONWebKey{Use: "sig"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			if tc.key == nil {
				tc.key = w.key
			}
			_, payload, _ := split(t, w.token(t, issuer.Claims{}))
			tc.published.Key = tc.key.Public()
			unsuitable, err := json.Marshal(tc.published)
			if err != nil {
				t.Fatal(err)
			}
			good, err := json.Marshal(publicJWK(t, w))
			if err != nil {
				t.Fatal(err)
			}
			w.keys.replace(body(`{"keys":[{"kty":"oct","k":"AAAA","kid":"k"},{"kty":"new"},7,` + string(unsuitable) + `,` + string(good) + `]}`))
			_, err = w.Verify(t.Context(), compact(t, `{"alg":"RS256","kid":"k"}`, payload, tc.key), "")
			if tc.accepted {
				if err != nil {
					t.Error(err)
				}
				return
			}
			f := wantFault(t, err, problem.GoogleTokenInvalid, name)
			if !strings.Contains(f.Detail, "does not publish") {
				t.Errorf("the detail is %q", f.Detail)
			}
			w.accepts(t, "beside an unsuitable key,")
		})
	}
}

func TestKeys_OfOneNameAreAllTried(t *testing.T) {
	t.Parallel()
	forBoth(t, keysOfOneNameAreAllTried)
}

func keysOfOneNameAreAllTried(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	one, two := newRSAKey(t), newRSAKey(t)
	_, payload, _ := split(t, w.token(t, issuer.Claims{}))
	w.keys.replace(keySet(t, jose.JSONWebKey{KeyID: "k1", Key: one.Public()}, jose.JSONWebKey{KeyID: "k1", Key: two.Public()}))
	for name, key := range map[string]*rsa.PrivateKey{"the first": one, "the second": two} {
		if _, err := w.Verify(t.Context(), compact(t, `{"alg":"RS256","kid":"k1"}`, payload, key), ""); err != nil {
			t.Errorf("a token of %s key is rejected: %v", name, err)
		}
	}
	_, err := w.Verify(t.Context(), compact(t, `{"alg":"RS256","kid":"k1"}`, payload, newRSAKey(t)), "")
	wantFault(t, err, problem.GoogleTokenInvalid, "a token of neither key")
}

// An issuer may reuse a name for its next key, while the former one is cached.
func TestKeys_ExchangedUnderTheSameNameAreFetched(t *testing.T) {
	t.Parallel()
	forBoth(t, keysExchangedUnderTheSameName)
}

func keysExchangedUnderTheSameName(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	old, next := newRSAKey(t), newRSAKey(t)
	_, payload, _ := split(t, w.token(t, issuer.Claims{}))
	verify := func(key *rsa.PrivateKey) error {
		_, err := w.Verify(t.Context(), compact(t, `{"alg":"RS256","kid":"k1"}`, payload, key), "")
		return err
	}
	w.keys.replace(keySet(t, jose.JSONWebKey{KeyID: "k1", Key: old.Public()}))
	if err := verify(old); err != nil {
		t.Fatal(err)
	}
	w.keys.replace(keySet(t, jose.JSONWebKey{KeyID: "k1", Key: next.Public()}))
	if err := verify(next); err != nil {
		t.Errorf("a token of the next key is rejected: %v", err)
	}
	wantFault(t, verify(old), problem.GoogleTokenInvalid, "a token of the withdrawn key")
	w.fetched(t, 2, "after the exchange")
	wantFault(t, verify(old), problem.GoogleTokenInvalid, "a wrong signature")
	w.fetched(t, 2, "after a wrong signature in the same minute")
	w.clock.forward(time.Minute)
	w.keys.replace(failing)
	wantFault(t, verify(old), problem.GoogleTokenInvalid, "a wrong signature while the issuer is away")
}

func TestKeys_ForOtherOperationsAreIgnored(t *testing.T) {
	t.Parallel()
	key := newRSAKey(t)
	public, err := json.Marshal(jose.JSONWebKey{KeyID: "k", Key: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	for operations, accepted := range map[string]bool{`["verify"]`: true, `["sign","verify"]`: true, `["encrypt"]`: false, `[]`: false, `"verify"`: false} {
		w := start(t)
		_, payload, _ := split(t, w.token(t, issuer.Claims{}))
		good, err := json.Marshal(publicJWK(t, w))
		if err != nil {
			t.Fatal(err)
		}
		w.keys.replace(body(`{"keys":[` + strings.TrimSuffix(string(public), "}") + `,"key_ops":` + operations + `},` + string(good) + `]}`))
		_, err = w.Verify(t.Context(), compact(t, `{"alg":"RS256","kid":"k"}`, payload, key), "")
		if (err == nil) != accepted {
			t.Errorf("a key with key_ops %s: %v", operations, err)
		}
	}
}

func newRSAKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keySet publishes keys.
func keySet(t *testing.T, keys ...jose.JSONWebKey) http.HandlerFunc {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return body(string(text))
}
