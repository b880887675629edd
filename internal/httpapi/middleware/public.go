package middleware

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// PublicURL is where clients reach the server: an origin, and the path that a proxy
// has in front of the server's own paths.
type PublicURL struct {
	// Scheme is http or https. Host includes the port, unless it is the usual one.
	Scheme, Host string
	// Prefix is empty or begins with a slash; it does not end with one.
	Prefix string
}

// Origin returns scheme, host and port, as browsers write them.
func (p PublicURL) Origin() string { return p.Scheme + "://" + p.Host }

// Path returns one of the server's own paths as clients see it.
func (p PublicURL) Path(path string) string { return p.Prefix + path }

// ParsePublicURL reads the address of the server, such as https://app.example.com or
// https://example.com/requirements. Its error says what is wrong, without the address.
func ParsePublicURL(text string, rules OriginRules) (PublicURL, error) {
	at, err := url.Parse(text)
	switch {
	case err != nil || at.Host == "" || !isWeb(at.Scheme):
		return PublicURL{}, errors.New("is not a URL such as https://app.example.com")
	case at.User != nil || at.RawQuery != "" || at.ForceQuery || strings.Contains(text, "#"):
		return PublicURL{}, errors.New("has a user, a query or a fragment; only scheme, host, port and path are allowed")
	}
	p := PublicURL{Scheme: at.Scheme, Host: at.Host, Prefix: strings.TrimSuffix(at.EscapedPath(), "/")}
	if fault := originFault(p.Origin(), OriginRules{Plain: rules.Plain}); fault != "" {
		return PublicURL{}, errors.New(fault)
	}
	if !validPrefix(p.Prefix) {
		return PublicURL{}, errors.New("has a path with other characters than letters, digits and - . _ ~, or with an empty segment")
	}
	return p, nil
}

var (
	prefixForm = regexp.MustCompile(`^(?:/[A-Za-z0-9._~-]+)*$`)
	// forwardedHostForm is a host name, or an IPv6 address in brackets, and a port.
	forwardedHostForm = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?$`)
)

const (
	maxPrefix = 200 // bytes
	maxHost   = 260 // bytes: a name of 253, and a port
)

func validPrefix(prefix string) bool {
	return len(prefix) <= maxPrefix && prefixForm.MatchString(prefix) && !strings.Contains(prefix+"/", "/./") && !strings.Contains(prefix+"/", "/../")
}

// publicURL is where the client has reached the server. The setting wins. Without it,
// the headers of a trusted proxy count, and then the Host header. A value that is not
// well-formed is ignored. The headers of proxies are read as the last value, as
// X-Forwarded-Proto is.
func (m *Middleware) publicURL(r *http.Request, secure, trusted bool) PublicURL {
	if m.Public.Host != "" {
		return m.Public
	}
	p := PublicURL{Scheme: "http", Host: r.Host}
	if secure {
		p.Scheme = "https"
	}
	if !trusted {
		return p
	}
	if host, ok := fromTheRight(r.Header["X-Forwarded-Host"])(); ok {
		if host = strings.ToLower(host); len(host) <= maxHost && forwardedHostForm.MatchString(host) {
			p.Host = host
		}
	}
	if prefix, ok := fromTheRight(r.Header["X-Forwarded-Prefix"])(); ok {
		if prefix = strings.TrimSuffix(prefix, "/"); validPrefix(prefix) {
			p.Prefix = prefix
		}
	}
	return p
}
