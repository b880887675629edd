package httpapi

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// publishKeys serves the public keys of access tokens as a JWK set (RFC 7517).
func (a *API) publishKeys() http.HandlerFunc {
	return a.publish("application/jwk-set+json", func() ([]byte, error) {
		return json.Marshal(struct {
			Keys []auth.PublicKey `json:"keys"`
		}{a.PublicKeys})
	})
}
