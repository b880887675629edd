package google

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// fetchBound is how long one document may take.
	fetchBound = 2 * time.Second
	// maxDocument is fifty times what Google publishes.
	maxDocument = 256 << 10
	// discoveryAge is how long the discovery document is believed.
	discoveryAge = 24 * time.Hour

	// A max-age of seconds would make us ask all the time; one of years would
	// keep a key that was withdrawn.
	leastAge   = time.Minute
	usualAge   = time.Hour
	longestAge = 24 * time.Hour
)

// publisher reads what an issuer publishes: the discovery document, and the
// keys that it points to. The [keyring] calls it for one reading at a time; it
// has no lock of its own.
type publisher struct {
	issuer string
	client http.Client
	now    func() time.Time
	log    *slog.Logger
	bound  time.Duration

	found       discovered // empty until discovery succeeds
	freshUntil  time.Time
	usableUntil time.Time
}

// discovered is what is read of a discovery document. Only an issuer whose codes
// are exchanged needs the last two.
type discovered struct {
	Issuer   string `json:"issuer"`
	KeysURL  string `json:"jwks_uri"`
	PageURL  string `json:"authorization_endpoint"`
	TokenURL string `json:"token_endpoint"`
}

// publication is what an issuer publishes: its keys, and where its pages are.
type publication struct {
	named map[keyName]crypto.PublicKey
	at    discovered
}

func newPublisher(cfg Config, issuer string) *publisher {
	p := &publisher{issuer: issuer, now: cfg.Now, log: cfg.Log, bound: fetchBound}
	if cfg.HTTP != nil {
		p.client = *cfg.HTTP
	}
	p.client.CheckRedirect = checkRedirect
	return p
}

// checkRedirect lets a document move within its host, never elsewhere and never
// to plain HTTP: who can redirect would otherwise choose our keys.
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

// read returns what the issuer publishes and how long it is fresh.
func (p *publisher) read(ctx context.Context) (publication, time.Duration, error) {
	if err := p.discover(ctx); err != nil {
		return publication{}, 0, fmt.Errorf("discover %s: %w", p.issuer, err)
	}
	text, header, err := p.get(ctx, p.found.KeysURL)
	if err == nil {
		var named map[keyName]crypto.PublicKey
		if named, err = parseKeys(text); err == nil {
			return publication{named, p.found}, freshness(header), nil
		}
	}
	// Perhaps the keys have moved: ask where they are before the next attempt.
	p.freshUntil = time.Time{}
	return publication{}, 0, fmt.Errorf("read keys: %w", err)
}

// discover learns where the keys are, unless that is known well enough. An old
// answer serves on while there is no new one.
func (p *publisher) discover(ctx context.Context) error {
	now := p.now()
	if now.Before(p.freshUntil) {
		return nil
	}
	found, err := p.readDiscovery(ctx)
	if err != nil {
		if now.Before(p.usableUntil) {
			p.log.WarnContext(ctx, "the discovery document of the identity provider cannot be read", "error", err)
			return nil
		}
		return err
	}
	p.found = found
	p.freshUntil = now.Add(discoveryAge)
	p.usableUntil = p.freshUntil.Add(staleLife)
	return nil
}

func (p *publisher) readDiscovery(ctx context.Context) (discovered, error) {
	text, _, err := p.get(ctx, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return discovered{}, err
	}
	var found discovered
	if err := json.Unmarshal(text, &found); err != nil {
		return discovered{}, fmt.Errorf("parse discovery document: %w", err)
	}
	if found.Issuer != p.issuer {
		return discovered{}, fmt.Errorf("the discovery document is that of %q", found.Issuer)
	}
	if !p.reaches(found.KeysURL) {
		return discovered{}, fmt.Errorf("the keys are at %q, which is no https URL", found.KeysURL)
	}
	if !p.reaches(found.PageURL) || !p.reaches(found.TokenURL) {
		found.PageURL, found.TokenURL = "", "" // the keys serve without them
	}
	return found, nil
}

// reaches tells whether an address leads somewhere as safely as the issuer's own.
func (p *publisher) reaches(address string) bool {
	at, err := url.Parse(address)
	return err == nil && at.Host != "" &&
		(at.Scheme == "https" || at.Scheme == "http" && !strings.HasPrefix(p.issuer, "https:"))
}

// get returns a document, within bounds of time and size.
func (p *publisher) get(ctx context.Context, at string) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, p.bound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s answered %s", at, res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", at, err)
	}
	if len(text) > maxDocument {
		return nil, nil, fmt.Errorf("%s has more than %d bytes", at, maxDocument)
	}
	return text, res.Header, nil
}

// freshness is how long an answer may be kept, by its Cache-Control, less the
// Age it spent in caches on its way (RFC 9111, section 4.2), within our bounds.
func freshness(header http.Header) time.Duration {
	fresh := usualAge
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return leastAge
		case "max-age":
			fresh = seconds(strings.Trim(value, `"`)) - seconds(header.Get("Age"))
		}
	}
	return min(max(fresh, leastAge), longestAge)
}

// seconds reads delta-seconds. What cannot be read is none, and more than can
// be counted is a lot.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(n) * time.Second
}
