package httpapi_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	jwksPath  = "/.well-known/jwks.json"
	oneSecret = "the-first-jwt-secret-of-32-bytes-or-more"
	twoSecret = "the-second-jwt-secret-of-32-bytes-or-more"
)

// keySettings are the settings of a replica during one step of a rotation.
type keySettings struct {
	secret, previous, file string

	alg       string // of issued tokens
	published int    // published keys
}

func (g keySettings) set(s *server.Settings) {
	withLongReuseGrace(s)
	s.JWTSecret, s.JWTPrivateKey, s.JWTPrevious = server.Secret(g.secret), server.Secret(g.file), nil
	if g.previous != "" {
		s.JWTPrevious = []server.Secret{server.Secret(g.previous)}
	}
}

// keyRotations are the steps of docs/operations/signing-keys.md.
func keyRotations(t *testing.T) map[string][]keySettings {
	t.Helper()
	ed1, ed2, ec := newKeyPair(t, "Ed25519"), newKeyPair(t, "Ed25519"), newKeyPair(t, "P-256")
	return map[string][]keySettings{
		"from a secret to another": {
			{secret: oneSecret, alg: "HS256"},
			{secret: oneSecret, previous: twoSecret, alg: "HS256"},
			{secret: twoSecret, previous: oneSecret, alg: "HS256"},
			{secret: twoSecret, alg: "HS256"},
		},
		"from Ed25519 to Ed25519": {
			{file: ed1.private, alg: "EdDSA", published: 1},
			{file: ed1.private + ed2.private, alg: "EdDSA", published: 2},
			{file: ed2.private + ed1.private, alg: "EdDSA", published: 2},
			{file: ed2.private, alg: "EdDSA", published: 1},
		},
		"from a secret to Ed25519": {
			{secret: oneSecret, alg: "HS256"},
			{secret: oneSecret, file: ed1.public, alg: "HS256", published: 1},
			{secret: oneSecret, file: ed1.private, alg: "EdDSA", published: 1},
			{previous: oneSecret, file: ed1.private, alg: "EdDSA", published: 1},
			{file: ed1.private, alg: "EdDSA", published: 1},
		},
		"from Ed25519 to ES256, and back to a secret": {
			{file: ed1.private, alg: "EdDSA", published: 1},
			{file: ed1.private + ec.private, alg: "EdDSA", published: 2},
			{file: ec.private + ed1.private, alg: "ES256", published: 2},
			{file: ec.private, alg: "ES256", published: 1},
			{file: ec.private, previous: oneSecret, alg: "ES256", published: 1},
			{file: ec.private, secret: oneSecret, alg: "ES256", published: 1},
			{file: ec.public, secret: oneSecret, alg: "HS256", published: 1},
			{secret: oneSecret, alg: "HS256"},
		},
	}
}

// At each step replicas with old and new settings run side by side. Every
// session continues at both, whichever of them created or refreshed it last.
func TestKeyRotation_KeepsSessions(t *testing.T) {
	t.Parallel()
	for name, generations := range keyRotations(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := testkit.StartShared(t, generations[0].set)
			replicas := []*testkit.Server{first}
			for _, g := range generations[1:] {
				replicas = append(replicas, first.Replica(t, g.set))
			}
			idle := first.SignUp(t)
			var active []*testkit.Client
			for step := range len(generations) - 1 {
				older, newer := replicas[step], replicas[step+1]
				about := fmt.Sprintf("step %d", step+1)
				active = append(active, older.SignUp(t), newer.SignUp(t))
				for _, c := range active {
					wantAccepted(t, about, c, older, newer)
					for _, by := range []*testkit.Server{older, newer, older, newer} {
						refreshAt(t, about, c, by)
						wantAccepted(t, about, c, older, newer)
					}
					wantSameSuccessor(t, about, c, older, newer)
				}
				wantSignedBy(t, about, newer, generations[step+1])
			}
			// A session that was idle during the whole rotation has a token of
			// a removed key.
			last := replicas[len(replicas)-1]
			idle.At(last).Get(mePath).WantProblem(401, "token_invalid")
			refresh(t, last, idle.RefreshToken).WantProblem(401, "refresh_token_invalid")
			idle.At(replicas[1]).Get(mePath).Want(200) // the session was not ended
		})
	}
}

// wantAccepted fails the test unless every replica accepts the access token.
func wantAccepted(t *testing.T, about string, c *testkit.Client, replicas ...*testkit.Server) {
	t.Helper()
	for n, replica := range replicas {
		if answer := c.At(replica).WithRetry().Get(mePath); answer.Status != 200 {
			t.Fatalf("%s: replica %d of two responds %s", about, n+1, answer.Body)
		}
	}
}

// refreshAt refreshes at one replica and stores the new tokens.
func refreshAt(t *testing.T, about string, c *testkit.Client, by *testkit.Server) {
	t.Helper()
	answer := refresh(t, by, c.RefreshToken)
	if answer.Status != 200 {
		t.Fatalf("%s: a refresh got %s", about, answer.Body)
	}
	var next tokenPair
	answer.Decode(&next)
	c.Token, c.RefreshToken = next.AccessToken, next.RefreshToken
}

// wantSameSuccessor refreshes one token at both replicas, like two tabs. The
// replicas may derive the successor from different keys. Both spellings are
// the same successor: using one of them uses both.
func wantSameSuccessor(t *testing.T, about string, c *testkit.Client, older, newer *testkit.Server) {
	t.Helper()
	other := *c
	refreshAt(t, about, c, older)
	refreshAt(t, about, &other, newer)
	refreshAt(t, about, &other, newer)
	if answer := refresh(t, older, c.RefreshToken); answer.Status != 200 {
		t.Fatalf("%s: the other spelling of a predecessor got %s", about, answer.Body)
	}
	wantAccepted(t, about, c, older, newer)
	*c = other
}

// wantSignedBy fails the test unless the replica signs and publishes as its
// settings say.
func wantSignedBy(t *testing.T, about string, s *testkit.Server, g keySettings) {
	t.Helper()
	text, _ := base64.RawURLEncoding.DecodeString(strings.Split(s.SignUp(t).Token, ".")[0])
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(text, &header); err != nil || header.Alg != g.alg {
		t.Errorf("%s: the token header is %s, want %s", about, text, g.alg)
	}
	if g.published == 0 {
		s.Anonymous(t).Get(jwksPath).WantProblem(404, "route_not_found")
		return
	}
	var set struct{ Keys []struct{ Kid string } }
	s.Anonymous(t).Get(jwksPath).Want(200).Decode(&set)
	if len(set.Keys) != g.published {
		t.Errorf("%s: %d keys are published, want %d", about, len(set.Keys), g.published)
	}
	if g.alg != "HS256" && set.Keys[0].Kid != header.Kid {
		t.Errorf("%s: %s signs, the first that is published is %s", about, header.Kid, set.Keys[0].Kid)
	}
}

// keyPair is a key pair in the form of key files.
type keyPair struct{ private, public string }

func newKeyPair(t *testing.T, kind string) keyPair {
	t.Helper()
	var key crypto.Signer
	var err error
	if kind == "Ed25519" {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	}
}

func TestKeyRotation_PublicKeysAreServed(t *testing.T) {
	t.Parallel()
	key, other := newKeyPair(t, "P-256"), newKeyPair(t, "Ed25519")
	s := testkit.Start(t, keySettings{file: key.private + other.public}.set)
	anybody := s.Anonymous(t)
	answer := anybody.Get(jwksPath).Want(200)
	if got := answer.Header.Get("Content-Type"); got != "application/jwk-set+json" {
		t.Errorf("Content-Type = %s", got)
	}
	if got := answer.Header.Get("Cache-Control"); got != "public, max-age=60" {
		t.Errorf("Cache-Control = %s", got)
	}
	var set struct{ Keys []map[string]string }
	answer.Decode(&set)
	for _, k := range set.Keys {
		if k["use"] != "sig" || k["alg"] == "" || k["kid"] == "" || k["d"] != "" || k["k"] != "" {
			t.Errorf("a key is %v", k)
		}
	}
	if len(set.Keys) != 2 || set.Keys[0]["kty"] != "EC" || set.Keys[1]["crv"] != "Ed25519" {
		t.Errorf("the set is %s", answer.Body)
	}
	anybody.Get(jwksPath, "If-None-Match", answer.Header.Get("ETag")).Want(304)
	anybody.Do("HEAD", jwksPath, nil).Want(200)
	anybody.Get("/api/v1"+jwksPath).WantProblem(404, "route_not_found")
	if allow := anybody.Do("POST", jwksPath, nil).Want(405).Header.Get("Allow"); allow != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow = %s", allow)
	}
	testkit.Start(t).Anonymous(t).Get(jwksPath).WantProblem(404, "route_not_found")
}
