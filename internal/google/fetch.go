package google

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// fetchTimeout is the longest time for one document.
	fetchTimeout = 2 * time.Second
	// maxDocument is fifty times the size of what Google publishes.
	maxDocument = 256 << 10
	// discoveryTTL is how long the discovery document is fresh.
	discoveryTTL = 24 * time.Hour

	// A max-age of seconds would cause a fetch for almost every token. One of years
	// would keep a withdrawn key.
	minKeysTTL     = time.Minute
	defaultKeysTTL = time.Hour
	maxKeysTTL     = 24 * time.Hour
)

// fetcher fetches what an issuer publishes: the discovery document, and the keys that
// it points to. It has no lock: the [keyCache] runs one fetch at a time.
type fetcher struct {
	issuer  string
	client  http.Client
	now     func() time.Time
	log     *slog.Logger
	timeout time.Duration

	discovered  endpoints // empty until discovery succeeds
	freshUntil  time.Time
	usableUntil time.Time
}

// endpoints are the parts of a discovery document that are used. Only an issuer whose
// codes are exchanged needs the last two.
type endpoints struct {
	Issuer           string `json:"issuer"`
	KeysURL          string `json:"jwks_uri"`
	AuthorizationURL string `json:"authorization_endpoint"`
	TokenURL         string `json:"token_endpoint"`
}

// published is what an issuer publishes: its keys and its endpoints.
type published struct {
	keys      keysByName
	endpoints endpoints
}

// keysByName are public keys by name. Several keys may have one name: RFC 7517, section
// 4.5, only recommends distinct key IDs.
type keysByName map[keyName][]crypto.PublicKey

func newFetcher(cfg Config, issuer string) *fetcher {
	f := &fetcher{issuer: issuer, now: cfg.Now, log: cfg.Log, timeout: fetchTimeout}
	if cfg.HTTP != nil {
		f.client = *cfg.HTTP
	}
	f.client.CheckRedirect = checkRedirect
	return f
}

// checkRedirect allows redirects within the host, but not to plain HTTP: otherwise an
// open redirect of the issuer could choose our keys.
func checkRedirect(next *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > 3:
		return errors.New("too many redirects")
	case next.URL.Host != from.Host:
		return errors.New("redirect to another host")
	case from.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("redirect from https to http")
	}
	return nil
}

// fetch returns what the issuer publishes and how long it is fresh.
func (f *fetcher) fetch(ctx context.Context) (published, time.Duration, error) {
	if err := f.discover(ctx); err != nil {
		return published{}, 0, fmt.Errorf("discover %s: %w", f.issuer, err)
	}
	text, header, err := f.get(ctx, f.discovered.KeysURL)
	if err == nil {
		var keys keysByName
		if keys, err = parseKeys(text); err == nil {
			return published{keys, f.discovered}, freshness(header), nil
		}
	}
	// The keys may have moved: discover again before the next attempt.
	f.freshUntil = time.Time{}
	return published{}, 0, fmt.Errorf("read keys at %s: %w", f.discovered.KeysURL, err)
}

// discover fetches the discovery document unless it is fresh. A stale one serves while
// there is no newer one.
func (f *fetcher) discover(ctx context.Context) error {
	now := f.now()
	if now.Before(f.freshUntil) {
		return nil
	}
	discovered, err := f.readDiscovery(ctx)
	if err != nil {
		if now.Before(f.usableUntil) {
			f.log.WarnContext(ctx, "the discovery document of the identity provider cannot be read", "error", err)
			return nil
		}
		return err
	}
	f.discovered = discovered
	f.freshUntil = now.Add(discoveryTTL)
	f.usableUntil = f.freshUntil.Add(staleTTL)
	return nil
}

func (f *fetcher) readDiscovery(ctx context.Context) (endpoints, error) {
	text, _, err := f.get(ctx, strings.TrimSuffix(f.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return endpoints{}, err
	}
	var found endpoints
	if err := json.Unmarshal(text, &found); err != nil {
		return endpoints{}, fmt.Errorf("parse discovery document: %w", err)
	}
	if found.Issuer != f.issuer {
		return endpoints{}, fmt.Errorf("the discovery document is that of %q", found.Issuer)
	}
	if !f.secure(found.KeysURL) {
		return endpoints{}, fmt.Errorf("the keys are at %q, which is not an https URL", found.KeysURL)
	}
	if !f.secure(found.AuthorizationURL) || !f.secure(found.TokenURL) {
		found.AuthorizationURL, found.TokenURL = "", "" // the keys are usable without them
	}
	return found, nil
}

// secure reports whether a URL is at least as secure as that of the issuer.
func (f *fetcher) secure(address string) bool {
	at, err := url.Parse(address)
	return err == nil && at.Host != "" &&
		(at.Scheme == "https" || at.Scheme == "http" && !strings.HasPrefix(f.issuer, "https:"))
}

// get fetches a document, within limits of time and size.
func (f *fetcher) get(ctx context.Context, at string) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return nil, nil, connectFailure(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("it responded with %s", res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read the response: %w", err)
	}
	if len(text) > maxDocument {
		return nil, nil, fmt.Errorf("its response has more than %d bytes", maxDocument)
	}
	return text, res.Header, nil
}

// connectFailure describes an error of a connection, without the URL that the caller
// names.
func connectFailure(err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return errors.New("its host does not exist")
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err
	}
	return err
}

// freshness returns how long a response may be cached, by its Cache-Control less its
// Age in other caches (RFC 9111, section 4.2), within our limits.
func freshness(header http.Header) time.Duration {
	fresh := defaultKeysTTL
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return minKeysTTL
		case "max-age":
			fresh = seconds(strings.Trim(value, `"`)) - seconds(header.Get("Age"))
		}
	}
	return min(max(fresh, minKeysTTL), maxKeysTTL)
}

// seconds parses delta-seconds. Invalid text is 0; a value that overflows is the
// largest one.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(n) * time.Second
}

const (
	minRSABits = 2048
	// maxRSABits and maxKeysOfName limit the work that one signature can cause.
	maxRSABits    = 8192
	maxKeysOfName = 4
)

// parseKeys returns the keys of a JWK set that can verify ID tokens. It ignores the
// others, as RFC 7517, section 5, requires: an issuer may publish unknown kinds of
// keys. A set without a usable key is an error, so that it does not replace a good one.
func parseKeys(text []byte) (keysByName, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("parse keys: %w", err)
	}
	keys := make(keysByName, len(set.Keys))
	for _, member := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(member); err != nil || !mayVerify(member) {
			continue
		}
		name := keyName{key.KeyID, algorithmOf(key)}
		if name.algorithm != "" && name.id != "" && len(keys[name]) < maxKeysOfName {
			keys[name] = append(keys[name], key.Key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the set contains no key for RS256 or ES256")
	}
	return keys, nil
}

// mayVerify reports whether a key may verify signatures: key_ops, if present, must say
// so (RFC 7517, section 4.3). go-jose does not read it.
func mayVerify(member []byte) bool {
	var key struct {
		Operations *[]string `json:"key_ops"`
	}
	err := json.Unmarshal(member, &key)
	return err == nil && (key.Operations == nil || slices.Contains(*key.Operations, "verify"))
}

// algorithmOf returns the one algorithm that a key may be used with, or an empty
// string if it must not be used.
func algorithmOf(key jose.JSONWebKey) string {
	if key.Use != "" && key.Use != "sig" {
		return ""
	}
	algorithm := ""
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			algorithm = rs256
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			algorithm = es256
		}
	}
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return ""
	}
	return algorithm
}
