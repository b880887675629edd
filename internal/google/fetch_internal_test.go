package google

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
	"testing"
)

// FuzzKeySet_Parse reads any key set: what is taken of it are public keys of the kinds
// that are used here, strong enough, by a name and for one algorithm.
func FuzzKeySet_Parse(f *testing.F) {
	modulus := base64.RawURLEncoding.EncodeToString(new(big.Int).SetBit(big.NewInt(1), 2047, 1).Bytes())
	weak := base64.RawURLEncoding.EncodeToString(new(big.Int).SetBit(big.NewInt(1), 2046, 1).Bytes())
	const point = `"crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"`
	for _, key := range []string{
		`{"kty":"RSA","kid":"a","n":"` + modulus + `","e":"AQAB"}`, `{"kty":"RSA","kid":"a","n":"` + weak + `","e":"AQAB"}`,
		`{"kty":"RSA","kid":"a","use":"enc","n":"` + modulus + `","e":"AQAB"}`, `{"kty":"RSA","kid":"b","key_ops":["verify"],"n":"` + modulus + `","e":"AQAB"}`, `{"kty":"RSA","kid":"a","key_ops":["encrypt"],"n":"` + modulus + `","e":"AQAB"}`, `{"kty":"RSA","kid":"a","alg":"ES256","n":"` + modulus + `","e":"AQAB"}`, `{"kty":"RSA","n":"` + modulus + `","e":"AQAB"}`,
		`{"kty":"EC","kid":"a","use":"sig","alg":"ES256",` + point + `}`, `{"kty":"EC","kid":"a","d":"AQ",` + point + `}`, `{"kty":"EC","kid":"a",` + strings.Replace(point, "P-256", "P-384", 1) + `}`, `{"kty":"EC","kid":"a",` + strings.Replace(point, "T-NC", "TTNC", 1) + `}`,
		`{"kty":"oct","kid":"a","k":"AQ"}`, `{"kty":"OKP","kid":"a","crv":"Ed25519","x":"AQ"}`, `{"kty":"RSA","kid":"a","x5c":["AQ"]}`, `{}`, `null`, `1`,
	} {
		f.Add([]byte(`{"keys":[` + key + `,{"kty":"EC","kid":"b",` + point + `}]}`))
	}
	for _, set := range []string{"", `{}`, `{"keys":null}`, `{"keys":{}}`, `{"keys":[],"keys":[]}`, `[]`} {
		f.Add([]byte(set))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		named, err := parseKeys(text)
		if (err == nil) != (len(named) > 0) {
			t.Fatalf("%q has %d keys, %v", text, len(named), err)
		}
		for name, keys := range named {
			for _, key := range keys {
				if !usable(name, key) {
					t.Fatalf("%q has the key %+v for %+v", text, key, name)
				}
			}
		}
	})
}

// usable reports whether a key is strong enough, and of the kind of its name.
func usable(name keyName, key crypto.PublicKey) bool {
	switch public := key.(type) {
	case *rsa.PublicKey:
		return name.algorithm == rs256 && public.N.BitLen() >= 2048 && public.N.BitLen() <= 8192
	case *ecdsa.PublicKey:
		_, err := public.Bytes()
		return err == nil && name.algorithm == es256 && public.Params().Name == "P-256"
	default:
		return false
	}
}

// FuzzKeySet_Freshness reads any Cache-Control and Age: keys are fetched neither all
// the time nor never.
func FuzzKeySet_Freshness(f *testing.F) {
	for _, control := range []string{"", "no-store", "max-age=300", "public, MAX-AGE=\"7200\"", "max-age=99999999999999999999", "max-age=-1", "max-age", "max-age=1, max-age=9"} {
		f.Add(control, "0")
		f.Add(control, "9223372036854775807")
	}
	f.Fuzz(func(t *testing.T, control, age string) {
		got := freshness(http.Header{"Cache-Control": {control}, "Age": {age}})
		if got < minKeysTTL || got > maxKeysTTL {
			t.Fatalf("%q and the age %q: fresh for %s", control, age, got)
		}
	})
}
