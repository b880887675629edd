// Package issuer is a small OpenID Connect issuer that implements the real protocol
// over HTTP. It replaces Google in `codegenapp dev` and in tests.
//
// It serves discovery, keys, and the authorization code flow with PKCE, and signs ID
// tokens directly, also invalid ones. It requires no password, so it must never protect
// real data. It knows nothing about the product that trusts it, and always behaves
// correctly: a test of slow, huge or missing keys wraps the handler.
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

// Config configures an issuer.
type Config struct {
	// URL is the issuer's identifier and address. The endpoints are below its path.
	URL string
	// Clients are the applications that may request tokens. At least one is required,
	// except for a user store.
	Clients []Client
	// Project makes the issuer the user store of that Google Cloud project, like
	// Identity Platform: tokens are for the project and say how their users signed in,
	// and there is no code flow.
	Project string
	// Users are the users that the page lists. At least one is required.
	Users []User
	// AnyUser lets every address sign in, not only those of Users.
	AnyUser bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
	// Key signs tokens: RSA of at least 2048 bits (RS256) or P-256 (ES256). If nil, an
	// RSA key is generated.
	Key crypto.Signer
	// MaxAge is how long clients may cache the keys. If zero, it is one hour.
	MaxAge time.Duration
}

// Client is an application that users sign in to.
type Client struct {
	ID string
	// Secret is empty for a public client, which uses PKCE alone.
	Secret string
	// RedirectURIs are compared character by character. Plain HTTP on loopback may have
	// any port (RFC 8252, section 7.3).
	RedirectURIs []string
	// AnyLoopback accepts every redirect URI of plain HTTP on loopback.
	AnyLoopback bool
}

// User is a user that can sign in.
type User struct {
	Email string
	// Subject is derived from Email if empty.
	Subject string
	Name    string
	// Picture and HostedDomain are the claims picture and hd, which are omitted if empty.
	Picture, HostedDomain string
}

// Issuer is an OpenID Connect issuer; an [http.Handler].
type Issuer struct {
	url     string
	clients map[string]Client
	project string
	// audience is the default audience of tokens.
	audience string
	users    []User
	anyUser  bool
	now      func() time.Time
	maxAge   time.Duration
	mux      *http.ServeMux

	mu     sync.Mutex
	key    signingKey
	grants map[string]grant
}

// New returns an issuer, or all faults of its configuration.
func New(cfg Config) (*Issuer, error) {
	at, err := checkConfig(cfg)
	if err != nil {
		return nil, err
	}
	i := &Issuer{
		url:     cfg.URL,
		clients: make(map[string]Client, len(cfg.Clients)),
		project: cfg.Project,
		anyUser: cfg.AnyUser,
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

// ServeHTTP handles the endpoints of the issuer.
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

// discovery serves the document of OpenID Connect Discovery 1.0, section 4.
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
	// An error means that the client has disconnected.
	_ = json.NewEncoder(w).Encode(body)
}
