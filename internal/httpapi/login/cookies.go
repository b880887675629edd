package login

import (
	"net/http"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// refreshCookieName is the cookie of the refresh token; see cookieName.
	refreshCookieName = "refresh_token"
	// stateCookieName is the cookie of a sign-in that is not complete.
	stateCookieName = "google_sign_in"
)

// cookieName is the name of a cookie as it is sent. With the prefix, under HTTPS, a
// browser accepts the cookie from this very host only.
func cookieName(r *http.Request, name string) string {
	if secure(r) {
		return "__Host-" + name
	}
	return name
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

// stateCookie is the cookie of a sign-in that is not complete. The browser sends it
// with the redirect from Google, which is another site, so it is Lax.
func (l *Login) stateCookie(r *http.Request, value string) string {
	c := cookie(r, stateCookieName, value, stateTTL, http.SameSiteLaxMode) //nolint:gosec // secure under HTTPS
	if !c.Secure {                                                         // a name with the prefix __Host- needs the path /
		c.Path = public(r).Path(l.Prefix + googlePath)
	}
	return c.String()
}
