// Package issuer is a small OpenID Connect issuer that speaks the real protocol
// over real HTTP. It stands in for Google where Google cannot be: in
// `codegenapp dev`, and in tests.
//
// It serves discovery, keys, and the authorization code flow with PKCE, and it
// signs ID tokens directly, also wrong ones. It asks nobody for a password, so
// it must never stand in front of real data. It knows nothing of the product
// that trusts it, and does not misbehave by itself: a test that needs keys that
// are slow, huge or gone wraps the handler.
package issuer

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config is what an issuer is made of.
type Config struct {
	// URL is the issuer's own identifier and the place it is reached at. The
	// endpoints lie below its path.
	URL string
	// Clients are the applications that may ask for tokens; at least one, but for
	// a user store.
	Clients []Client
	// Project makes it the user store of that Google Cloud project, as Identity
	// Platform has one: tokens are for the project and say how their users have
	// signed in, and there is no page and no code.
	Project string
	// Users are the people who can sign in; at least one.
	Users []User
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Key signs tokens: RSA of at least 2048 bits (RS256) or P-256 (ES256). An
	// RSA key is generated when it is nil.
	Key crypto.Signer
	// MaxAge is how long clients may keep the keys; one hour when zero.
	MaxAge time.Duration
}

// Client is an application that users sign in to.
type Client struct {
	ID string
	// Secret is empty for a public client, which then proves itself by PKCE alone.
	Secret string
	// RedirectURIs are compared character by character, but for the port of
	// plain HTTP on loopback: there programs take any (RFC 8252, section 7.3).
	RedirectURIs []string
}

// User is a person who can sign in.
type User struct {
	Email string
	// Subject is derived from Email when empty.
	Subject string
	Name    string
	Picture string
	// HostedDomain is the claim hd, left out when empty.
	HostedDomain string
}

// Issuer is an OpenID Connect issuer; an [http.Handler].
type Issuer struct {
	url     string
	clients map[string]Client
	project string
	// audience is whom tokens are for where nothing else is said.
	audience string
	users    []User
	now      func() time.Time
	maxAge   time.Duration
	mux      *http.ServeMux

	mu     sync.Mutex
	key    signingKey
	grants map[string]grant
}

// New returns an issuer, or all that is wrong with its configuration.
func New(cfg Config) (*Issuer, error) {
	at, err := checkConfig(cfg)
	if err != nil {
		return nil, err
	}
	i := &Issuer{
		url:     cfg.URL,
		clients: make(map[string]Client, len(cfg.Clients)),
		project: cfg.Project,
		now:     cfg.Now,
		maxAge:  cfg.MaxAge,
		mux:     http.NewServeMux(),
		grants:  make(map[string]grant),
	}
	if i.now == nil {
		i.now = time.Now
	}
	if i.maxAge == 0 {
		i.maxAge = time.Hour
	}
	for _, c := range cfg.Clients {
		i.clients[c.ID] = c
	}
	if i.audience = cfg.Project; i.audience == "" {
		i.audience = cfg.Clients[0].ID
	}
	for _, u := range cfg.Users {
		i.users = append(i.users, complete(u))
	}
	if cfg.Key == nil {
		err = i.Rotate(RS256)
	} else {
		i.key, err = newSigningKey(cfg.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	i.route(strings.TrimSuffix(at.Path, "/"))
	return i, nil
}

func checkConfig(cfg Config) (*url.URL, error) {
	var faults []error
	at, err := url.Parse(cfg.URL)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.RawQuery != "" || at.Fragment != "" {
		faults = append(faults, fmt.Errorf("issuer: the URL %q is not an http or https URL without query", cfg.URL))
	}
	if len(cfg.Clients) == 0 && cfg.Project == "" {
		faults = append(faults, errors.New("issuer: there is no client"))
	}
	for n, c := range cfg.Clients {
		if c.ID == "" {
			faults = append(faults, fmt.Errorf("issuer: client %d has no id", n))
		}
	}
	if len(cfg.Users) == 0 {
		faults = append(faults, errors.New("issuer: there is no user"))
	}
	for n, u := range cfg.Users {
		if u.Email == "" {
			faults = append(faults, fmt.Errorf("issuer: user %d has no e-mail address", n))
		}
	}
	return at, errors.Join(faults...)
}

// ServeHTTP answers the endpoints of the issuer.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	i.mux.ServeHTTP(w, r)
}

func (i *Issuer) route(prefix string) {
	i.mux.HandleFunc("GET "+prefix+"/.well-known/openid-configuration", i.discovery)
	i.mux.HandleFunc("GET "+prefix+"/jwks", i.jwks)
	if i.project != "" {
		return
	}
	i.mux.HandleFunc("GET "+prefix+"/authorize", i.authorize)
	i.mux.HandleFunc("POST "+prefix+"/authorize", i.authorize)
	i.mux.HandleFunc("POST "+prefix+"/token", i.token)
}

// discovery is OpenID Connect Discovery 1.0, section 4.
func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	i.cacheable(w)
	base := strings.TrimSuffix(i.url, "/")
	if i.project != "" {
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer":                                i.url,
			"jwks_uri":                              base + "/jwks",
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{RS256, ES256},
		})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                i.url,
		"authorization_endpoint":                base + "/authorize",
		"token_endpoint":                        base + "/token",
		"jwks_uri":                              base + "/jwks",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{RS256, ES256},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported": []string{
			"iss", "aud", "sub", "email", "email_verified", "name", "picture", "hd", "iat", "exp", "jti", "nonce",
		},
	})
}

func (i *Issuer) cacheable(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(i.maxAge.Seconds())))
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Whoever asked may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
