package httpapi

import (
	"net/http"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// refreshCookieName is the cookie of the refresh token; see cookieName.
const refreshCookieName = "refresh_token"

// cookieName is the name of a cookie as it is sent. Under HTTPS its prefix makes
// the browser refuse one of that name from anybody but this very host.
func (a *API) cookieName(r *http.Request, name string) string {
	if a.secure(r) {
		return "__Host-" + name
	}
	return name
}

// cookie is a cookie that scripts cannot read, for the whole host. Without a value
// it removes what the browser has.
func (a *API) cookie(r *http.Request, name, value string, age time.Duration, site http.SameSite) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // secure under HTTPS; plain HTTP is for development
		Name: a.cookieName(r, name), Value: value, Path: "/", MaxAge: int(age.Seconds()),
		Secure: a.secure(r), HttpOnly: true, SameSite: site,
	}
	if value == "" {
		c.MaxAge, c.Expires = -1, time.Unix(1, 0) // some heed only the second
	}
	return c
}

// refreshCookie carries the refresh token of a grant. No other site can make a
// browser send it.
func (a *API) refreshCookie(r *http.Request, g auth.TokenPair) string {
	return a.cookie(r, refreshCookieName, g.RefreshToken, g.RefreshExpires, http.SameSiteStrictMode).String()
}

// withoutCookie removes the refresh token from a browser that has brought one.
func (a *API) withoutCookie(r *http.Request) []string {
	if a.broughtCookie(r, refreshCookieName) == "" {
		return nil
	}
	return []string{a.cookie(r, refreshCookieName, "", 0, http.SameSiteStrictMode).String()}
}

// broughtCookie is the value of a cookie of ours, empty where there is none.
func (a *API) broughtCookie(r *http.Request, name string) string {
	c, err := r.Cookie(a.cookieName(r, name))
	if err != nil {
		return ""
	}
	return c.Value
}

// broughtToken is the refresh token of a request that has none in its body: that
// of its cookie, if the request may use it.
func (a *API) broughtToken(r *http.Request) (string, error) {
	token := a.broughtCookie(r, refreshCookieName)
	if token == "" {
		return "", nil
	}
	return token, a.checkOrigin(r)
}
