package login

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// refreshCookieName is the cookie of the refresh token; see cookieName.
	refreshCookieName = "refresh_token"
	// statePrefix begins the name of the cookie of a sign-in by redirect; see stateName.
	statePrefix = "google_sign_in_"
	// stateDigits are the hexadecimal digits behind it.
	stateDigits = 12
	// maxStates is how many sign-ins a browser may have begun, each in its own tab.
	maxStates = 4
	// maxRemoved bounds how many cookies one response removes.
	maxRemoved = 20
)

// stateName is the name of the cookie of a sign-in. Each has its own, so that one tab
// does not end the sign-in of another.
func stateName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return statePrefix + hex.EncodeToString(sum[:])[:stateDigits]
}

// cookieName is the name of a cookie as it is sent. With the prefix, under HTTPS, a
// browser accepts the cookie from this very host only. Cookies ignore ports, so in
// development the name contains it: two servers on one machine do not sign each other's
// users out.
func cookieName(r *http.Request, name string) string {
	if secure(r) {
		return "__Host-" + name
	}
	_, port, _ := net.SplitHostPort(public(r).Host) // without a port, that is an error
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return name
	}
	return name + "_" + port
}

// stateNameOf is the stateName in the name of a cookie as it is sent, and whether the
// cookie is one of a sign-in at this server.
func stateNameOf(r *http.Request, sent string) (name string, ok bool) {
	at := strings.Index(sent, statePrefix)
	if at < 0 || len(sent) < at+len(statePrefix)+stateDigits {
		return "", false
	}
	name = sent[at : at+len(statePrefix)+stateDigits]
	return name, cookieName(r, name) == sent
}

// cookie returns a cookie for the whole host that scripts cannot read. An empty
// value removes the browser's cookie.
func cookie(r *http.Request, name, value string, age time.Duration, site http.SameSite) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // secure under HTTPS; plain HTTP is for development
		Name: cookieName(r, name), Value: value, Path: "/", MaxAge: int(age.Seconds()),
		Secure: secure(r), HttpOnly: true, SameSite: site,
	}
	if value == "" {
		c.MaxAge, c.Expires = -1, time.Unix(1, 0) // some clients understand only the second
	}
	return c
}

// cookieValue is the value of one of our cookies; empty without the cookie.
func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(cookieName(r, name))
	if err != nil {
		return ""
	}
	return c.Value
}

// RefreshCookie is the Set-Cookie of a refresh token. No other site can make a
// browser send it.
func RefreshCookie(r *http.Request, pair auth.TokenPair) string {
	return cookie(r, refreshCookieName, pair.RefreshToken, pair.RefreshExpires, http.SameSiteStrictMode).String()
}

// RemoveRefreshCookie is the Set-Cookie that removes the refresh token, if the
// request has one.
func RemoveRefreshCookie(r *http.Request) []string {
	if !HasRefreshCookie(r) {
		return nil
	}
	return []string{cookie(r, refreshCookieName, "", 0, http.SameSiteStrictMode).String()}
}

// HasRefreshCookie reports whether the request has a refresh token in a cookie.
func HasRefreshCookie(r *http.Request) bool { return cookieValue(r, refreshCookieName) != "" }

// RefreshToken is the refresh token in the cookie of a request, if the request may
// use it; empty without a cookie.
func (l *Login) RefreshToken(r *http.Request) (string, error) {
	token := cookieValue(r, refreshCookieName)
	if token == "" {
		return "", nil
	}
	return token, l.CheckOrigin(r)
}

// stateCookie is a cookie of a sign-in by redirect. The browser sends it with the
// redirect from Google, which is another site, so it is Lax.
func (l *Login) stateCookie(r *http.Request, name, value string, age time.Duration) string {
	c := cookie(r, name, value, age, http.SameSiteLaxMode) //nolint:gosec // secure under HTTPS
	if !c.Secure {                                         // a name with the prefix __Host- needs the path /
		c.Path = public(r).Path(l.Prefix + googlePath)
	}
	return c.String()
}

// removeStates removes the cookies of earlier sign-ins that are over or expired, and
// the oldest of the others if there are too many.
func (l *Login) removeStates(r *http.Request) (removals []string) {
	type begun struct {
		name string
		state
	}
	var open []begun
	remove := func(name string) {
		if len(removals) < maxRemoved {
			removals = append(removals, l.stateCookie(r, name, "", 0))
		}
	}
	for _, c := range r.Cookies() {
		name, ours := stateNameOf(r, c.Name)
		if !ours {
			continue
		}
		of, err := l.states.read(c.Value)
		if err != nil || of.Complete {
			remove(name)
			continue
		}
		open = append(open, begun{name, of})
	}
	slices.SortFunc(open, func(a, b begun) int { return b.Expires.Compare(a.Expires) })
	for _, oldest := range open[min(len(open), maxStates-1):] {
		remove(oldest.name)
	}
	return removals
}
