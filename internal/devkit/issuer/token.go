package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
)

// tokenError is an error response of the token endpoint (RFC 6749, section 5.2).
type tokenError struct {
	status int
	code   string
	reason string
}

// token is the token endpoint (RFC 6749, section 4.1.3).
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		writeTokenError(w, tokenError{http.StatusBadRequest, "invalid_request", "The form cannot be read."})
		return
	}
	client, bad := i.authenticate(r)
	if bad != nil {
		writeTokenError(w, *bad)
		return
	}
	g, bad := i.redeem(client, r.PostForm)
	if bad != nil {
		writeTokenError(w, *bad)
		return
	}
	idToken, err := i.IDToken(Claims{Email: g.user.Email, Audience: client.ID, Nonce: g.nonce})
	if err != nil {
		writeTokenError(w, tokenError{http.StatusInternalServerError, "server_error", "The token cannot be signed."})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		// No endpoint accepts the access token; the protocol requires one.
		"access_token": rand.Text(),
		"token_type":   "Bearer",
		"expires_in":   int(tokenLife.Seconds()),
		"scope":        "openid email profile",
		"id_token":     idToken,
	})
}

func writeTokenError(w http.ResponseWriter, bad tokenError) {
	if bad.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	}
	writeJSON(w, bad.status, map[string]string{"error": bad.code, "error_description": bad.reason})
}

// authenticate returns the client of a request. It accepts client_secret_basic,
// client_secret_post, and for a public client its ID alone.
func (i *Issuer) authenticate(r *http.Request) (Client, *tokenError) {
	unknown := &tokenError{http.StatusUnauthorized, "invalid_client", "The client is unknown or its secret is wrong."}
	id, secret, basic := r.BasicAuth()
	if basic {
		if r.PostForm.Has("client_secret") {
			return Client{}, &tokenError{http.StatusBadRequest, "invalid_request", "The client authenticates in two ways."}
		}
		// RFC 6749, section 2.3.1: both are form-encoded before base64.
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil {
			return Client{}, unknown
		}
	} else {
		id, secret = single(r.PostForm, "client_id"), single(r.PostForm, "client_secret")
	}
	client, ok := i.clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(client.Secret), []byte(secret)) != 1 {
		return Client{}, unknown
	}
	return client, nil
}

// redeem invalidates the code and returns its grant. A failed attempt invalidates the
// code too, so guessing gets one attempt.
func (i *Issuer) redeem(client Client, form url.Values) (grant, *tokenError) {
	if single(form, "grant_type") != "authorization_code" {
		return grant{}, &tokenError{http.StatusBadRequest, "unsupported_grant_type", "Only authorization_code is supported."}
	}
	invalid := func(reason string) (grant, *tokenError) {
		return grant{}, &tokenError{http.StatusBadRequest, "invalid_grant", reason}
	}
	g, ok := i.take(single(form, "code"))
	switch {
	case !ok || i.now().After(g.expires):
		return invalid("The code is unknown, was used, or is too old.")
	case g.client != client.ID:
		return invalid("The code belongs to another client.")
	case g.redirectURI != single(form, "redirect_uri"):
		return invalid("The redirect_uri is not that of the authorization request.")
	case !proves(single(form, "code_verifier"), g.challenge):
		return invalid("The code_verifier does not fit the code_challenge.")
	}
	return g, nil
}

func (i *Issuer) take(code string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g, ok := i.grants[code]
	delete(i.grants, code)
	return g, ok
}

func proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) == 1
}
