package auth_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sec1(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("EC PRIVATE KEY", der)
}

func TestKeys_FileHoldsEd25519AndP256(t *testing.T) {
	t.Parallel()
	ed, ec := newEd25519(t), p256()
	parameters := block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	for name, tc := range map[string]struct {
		file string
		want []string // algorithms; in capitals where the key signs
	}{
		"Ed25519 in PKCS#8":              {privatePEM(ed), []string{"EDDSA"}},
		"P-256 in PKCS#8":                {privatePEM(ec), []string{"ES256"}},
		"P-256 in SEC1":                  {sec1(t, ec), []string{"ES256"}},
		"P-256 in SEC1, with parameters": {parameters + sec1(t, ec), []string{"ES256"}},
		"public Ed25519":                 {publicPEM(ed.Public()), []string{"eddsa"}},
		"public P-256":                   {publicPEM(&ec.PublicKey), []string{"es256"}},
		"several, in their order":        {publicPEM(ed.Public()) + sec1(t, ec) + privatePEM(newEd25519(t)), []string{"eddsa", "ES256", "EDDSA"}},
		"words around them":              {"from 2026\n" + privatePEM(ed) + "\nto go in 2027\n" + publicPEM(&ec.PublicKey), []string{"EDDSA", "es256"}},
		"line ends of Windows":           {strings.ReplaceAll(privatePEM(ed), "\n", "\r\n"), []string{"EDDSA"}},
		"no line end at the end":         {strings.TrimSpace(privatePEM(ed)), []string{"EDDSA"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := auth.ParseKeys([]byte(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range keys {
				algorithm, _, _ := strings.Cut(strings.ToLower(k.String()), " ")
				if k.Signs() {
					algorithm = strings.ToUpper(algorithm)
				}
				got = append(got, algorithm)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeys_OtherFilesAreRejected(t *testing.T) {
	t.Parallel()
	ed, ec := newEd25519(t), p256()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const neither, damaged = "neither Ed25519 nor P-256", "is not PEM, or a part of it is damaged"
	for name, tc := range map[string]struct{ file, want string }{
		"nothing":                {"", damaged},
		"a word":                 {"canary", damaged},
		"a secret":               {string(newSecret), damaged},
		"DER":                    {string(publicDER(ed.Public())), damaged},
		"RSA in PKCS#8":          {privatePEM(rsaKey), neither},
		"RSA in PKCS#1":          {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), neither},
		"public RSA":             {publicPEM(&rsaKey.PublicKey), neither},
		"P-384 in PKCS#8":        {privatePEM(p384), neither},
		"P-384 in SEC1":          {sec1(t, p384), neither},
		"public P-384":           {publicPEM(&p384.PublicKey), neither},
		"a key for key exchange": {publicPEM(x25519(t)), neither},
		"an encrypted key":       {block("ENCRYPTED PRIVATE KEY", []byte("canary")), "is encrypted"},
		"an encrypted key, as it was done": {string(pem.EncodeToMemory(&pem.Block{
			Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("canary"),
		})), "is encrypted"},
		"a certificate":            {block("CERTIFICATE", []byte("canary")), "not a key in PKCS#8"},
		"a key of OpenSSH":         {block("OPENSSH PRIVATE KEY", []byte("canary")), "not a key in PKCS#8"},
		"a block of no known type": {block("canary", []byte("canary")), "not a key in PKCS#8"},
		"parameters alone":         {block("EC PARAMETERS", []byte{6, 0}), "holds no key"},
		"a block of nonsense":      {block("PRIVATE KEY", []byte("canary")), "cannot be read"},
		"a public key as private":  {block("PRIVATE KEY", publicDER(ed.Public())), "cannot be read"},
		"SEC1 called PKCS#8":       {strings.ReplaceAll(sec1(t, ec), "EC PRIVATE", "PRIVATE"), "cannot be read"},
		"the same key twice":       {privatePEM(ed) + privatePEM(ed), "the same key twice"},
		"a key and its public one": {privatePEM(ec) + publicPEM(&ec.PublicKey), "the same key twice"},
		"an RSA key as the second": {privatePEM(ed) + privatePEM(rsaKey), "(number 2)"},
		"a key cut short":          {privatePEM(ed)[:60], damaged},
		"a second key cut short":   {privatePEM(ed) + privatePEM(ec)[:60], damaged},
		"a first key cut short":    {privatePEM(ec)[:60] + "\n" + privatePEM(ed), damaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := auth.ParseKeys([]byte(tc.file))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "canary") || keys != nil {
				t.Errorf("it is %v, %v; want %q", keys, err, tc.want)
			}
		})
	}
}

// x25519 is a public key that signs nothing.
func x25519(t *testing.T) *ecdh.PublicKey {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey()
}

// The key of RFC 8037, appendix A, and its thumbprint there.
func TestKeys_IDIsThumbprint(t *testing.T) {
	t.Parallel()
	const x, thumbprint = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
	point, err := base64.RawURLEncoding.DecodeString(x)
	if err != nil {
		t.Fatal(err)
	}
	keys := ring(keysIn(publicPEM(ed25519.PublicKey(point))), newSecret).Public()
	want := []auth.PublicKey{{Type: "OKP", Curve: "Ed25519", X: x, Use: "sig", Algorithm: "EdDSA", ID: thumbprint}}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("public keys (-want +got):\n%s", diff)
	}
}

// The published keys are enough to verify the service's tokens, with a library that
// shares no code with it.
func TestKeys_PublishedKeysVerifyTokens(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	for _, a := range algorithms() {
		if a.name == "HS256" {
			continue
		}
		keys := a.ring()
		text, err := json.Marshal(map[string]any{"keys": keys.Public()})
		if err != nil {
			t.Fatal(err)
		}
		var published jose.JSONWebKeySet
		if err := json.Unmarshal(text, &published); err != nil {
			t.Fatalf("%s: %v in %s", a.name, err, text)
		}
		if strings.Contains(string(text), `"d"`) || len(published.Keys) != 2 {
			t.Errorf("%s: the set is %s", a.name, text)
		}
		for _, key := range published.Keys {
			thumbprint, err := key.Thumbprint(crypto.SHA256)
			if err != nil || base64.RawURLEncoding.EncodeToString(thumbprint) != key.KeyID || key.Use != "sig" || !key.IsPublic() {
				t.Errorf("%s: the thumbprint of %s is %x, %v", a.name, key.KeyID, thumbprint, err)
			}
		}
		token, err := jose.ParseSignedCompact(issue(t, tokensOf(now, keys), newActor()), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.name)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := token.Verify(published.Key(a.key.ID())[0]); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}

// Which key signs, what is accepted, and what refresh tokens are made of.
func TestKeys_RingSelectsSigner(t *testing.T) {
	t.Parallel()
	ed, next := privatePEM(newEd25519(t)), privatePEM(p256())
	public := publicPEM(newEd25519(t).Public())
	session := auth.Session{ID: id.New[auth.Session](), Salt: []byte("sixteen bytes ..")}
	by := func(r *auth.KeyRing) string { return r.Refresh().Token(session) }
	secretAlone := ring(nil, newSecret)
	edAlone, nextAlone := ring(keysIn(ed), nil), ring(keysIn(next), nil)
	for name, tc := range map[string]struct {
		ring    *auth.KeyRing
		signer  string
		refresh string
	}{
		"a secret":                             {secretAlone, secretAlone.Signer().ID(), by(secretAlone)},
		"a secret and one before":              {ring(nil, newSecret, oldSecret), secretAlone.Signer().ID(), by(secretAlone)},
		"a key file":                           {edAlone, edAlone.Signer().ID(), by(edAlone)},
		"a key file with a key to come":        {ring(keysIn(ed, next), nil), edAlone.Signer().ID(), by(edAlone)},
		"a key file after the change":          {ring(keysIn(next, ed), nil), nextAlone.Signer().ID(), by(nextAlone)},
		"a key file that begins with a public": {ring(keysIn(public, ed), nil), edAlone.Signer().ID(), by(edAlone)},
		"a key file to come, beside a secret":  {ring(keysIn(public), newSecret), secretAlone.Signer().ID(), by(secretAlone)},
		"a key file beside a secret":           {ring(keysIn(ed), newSecret), edAlone.Signer().ID(), by(secretAlone)},
		"a key file and a secret before":       {ring(keysIn(ed), nil, newSecret), edAlone.Signer().ID(), by(edAlone)},
		"all of them":                          {ring(keysIn(public, next, ed), newSecret, oldSecret), nextAlone.Signer().ID(), by(secretAlone)},
	} {
		if got := tc.ring.Signer().ID(); got != tc.signer {
			t.Errorf("%s: %s signs, want %s", name, got, tc.signer)
		}
		if by(tc.ring) != tc.refresh {
			t.Errorf("%s: refresh tokens are made of another key", name)
		}
	}
	for name, file := range map[string][]auth.Key{"nothing": nil, "a public key": keysIn(public)} {
		if _, err := auth.NewKeyRing(file, nil, oldSecret); err == nil {
			t.Errorf("%s and a secret of before make a ring that signs", name)
		}
	}
}

func TestKeys_StringRevealsNoSecret(t *testing.T) {
	t.Parallel()
	ed := newEd25519(t)
	key := keysIn(privatePEM(ed))[0]
	for _, verb := range []string{"%v", "%s", "%+v", "%q"} {
		if text := fmt.Sprintf(verb, key); !strings.Contains(text, "EdDSA "+key.ID()) || len(text) > 60 {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
