package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// claims are the members of a token's header or payload.
type claims = map[string]any

// forger makes access tokens from a good one. It can sign with the server's key, so
// that a token is rejected only for its one defect.
type forger struct {
	algorithm

	t               *testing.T
	good            string
	header, payload claims
}

func newForger(t *testing.T, a algorithm, good string) forger {
	t.Helper()
	return forger{algorithm: a, t: t, good: good, header: part(t, good, 0), payload: whole(part(t, good, 1))}
}

// whole converts the floats of JSON back to integers.
func whole(members claims) claims {
	for name, value := range members {
		if number, ok := value.(float64); ok {
			members[name] = int64(number)
		}
	}
	return members
}

// with returns the members with changes; nil takes one away.
func with(members, changes claims) claims {
	changed := maps.Clone(members)
	for name, value := range changes {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	return changed
}

func (f forger) json(v any) string {
	f.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// head and body are the first two parts of the good token with changes.
func (f forger) head(changes claims) string { return b64(f.json(with(f.header, changes))) }
func (f forger) body(changes claims) string { return b64(f.json(with(f.payload, changes))) }

// signed signs a token with these changes of its header and payload.
func (f forger) signed(header, payload claims) string {
	f.t.Helper()
	return f.sealed(f.head(header), f.body(payload))
}

// sealed signs exactly these parts.
func (f forger) sealed(head, body string) string {
	input := head + "." + body
	return input + "." + b64(string(f.sign(input)))
}

// by returns the good token with changes of its header, signed by another key.
func (f forger) by(sign func(input string) []byte, header claims) string {
	f.t.Helper()
	input := f.head(header) + "." + f.body(nil)
	return input + "." + b64(string(sign(input)))
}

// saying is the token with another spelling of a member of its header or its
// payload: the text that JSON writes for old is replaced, once.
func (f forger) saying(old, spelled string) string {
	f.t.Helper()
	head, body := f.json(f.header), f.json(f.payload)
	switch {
	case strings.Contains(head, old):
		head = strings.Replace(head, old, spelled, 1)
	case strings.Contains(body, old):
		body = strings.Replace(body, old, spelled, 1)
	default:
		f.t.Fatalf("neither %s nor %s has %s", head, body, old)
	}
	return f.sealed(b64(head), b64(body))
}

// member is the text of a member as JSON writes it.
func (f forger) member(name string) string {
	f.t.Helper()
	value, ok := f.header[name]
	if !ok {
		value = f.payload[name]
	}
	return `"` + name + `":` + f.json(value)
}

// parts are those of the good token.
func (f forger) parts() (head, body, signature string) {
	parts := strings.Split(f.good, ".")
	return parts[0], parts[1], parts[2]
}

// spareBits returns another spelling of the same bytes: it changes the bits of
// the last character that no byte uses. There are some unless the bytes fill
// their characters, for which the text is made longer by blanks.
func spareBits(text string) string {
	for len(text)%3 == 0 {
		text += " "
	}
	return otherSpelling(b64(text))
}

func otherSpelling(encoded string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, encoded[len(encoded)-1])
	return encoded[:len(encoded)-1] + string(alphabet[last^1])
}

// unknownKeys are keys that the service does not have.
type unknownKeys struct {
	ed ed25519.PrivateKey
	ec *ecdsa.PrivateKey
}

func newUnknownKeys(t *testing.T) unknownKeys {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return unknownKeys{ed, p256()}
}

// sign signs by an algorithm.
func (k unknownKeys) sign(name string) func(input string) []byte {
	return func(input string) []byte {
		switch name {
		case "EdDSA":
			return ed25519.Sign(k.ed, []byte(input))
		case "ES256":
			return es256(k.ec, input)
		default:
			return hs256([]byte("an-unknown-secret-of-32-bytes-or-more"), input)
		}
	}
}

// jwk is the key as the jwk member of a header.
func (k unknownKeys) jwk(name string) claims {
	switch name {
	case "EdDSA":
		return claims{"kty": "OKP", "crv": "Ed25519", "x": b64(string(k.ed.Public().(ed25519.PublicKey)))}
	case "ES256":
		point := pointOf(&k.ec.PublicKey)
		return claims{"kty": "EC", "crv": "P-256", "x": b64(string(point[1:33])), "y": b64(string(point[33:]))}
	default:
		return claims{"kty": "oct", "k": b64("an-unknown-secret-of-32-bytes-or-more")}
	}
}
