package issuer

import (
	"crypto/rand"
	"html/template"
	"maps"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
)

// grantTTL is the lifetime of a code. The exchange follows the redirect at once, so an
// older code was lost or stolen.
const grantTTL = time.Minute

// maxForm is the maximum size of a form; ours have fewer than ten short fields.
const maxForm = 64 << 10

// grant is what a code is exchanged for.
type grant struct {
	client      string
	redirectURI string
	challenge   string
	nonce       string
	user        User
	expires     time.Time
}

// authorize is the authorization endpoint (RFC 6749, section 4.1.1). It requires PKCE
// (RFC 7636).
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The request cannot be read.", http.StatusBadRequest)
		return
	}
	// Nothing may be sent to the redirect URI before it is verified: otherwise this
	// endpoint is an open redirect.
	client, ok := i.clients[single(r.Form, "client_id")]
	if !ok {
		http.Error(w, "There is no such client.", http.StatusBadRequest)
		return
	}
	redirectURI := single(r.Form, "redirect_uri")
	if !client.accepts(redirectURI) {
		http.Error(w, "The redirect_uri is not one of this client.", http.StatusBadRequest)
		return
	}
	if code, reason := authorizeError(r.Form); code != "" {
		redirect(w, r, redirectURI, url.Values{"error": {code}, "error_description": {reason}})
		return
	}
	user, ok := i.chosen(r.Form.Get("login_hint"))
	if !ok {
		i.listUsers(w, r)
		return
	}
	redirect(w, r, redirectURI, url.Values{"code": {i.storeGrant(grant{
		client:      client.ID,
		redirectURI: redirectURI,
		challenge:   r.Form.Get("code_challenge"),
		nonce:       r.Form.Get("nonce"),
		user:        user,
	})}})
}

// accepts reports whether the client may receive a response at a redirect URI.
func (c Client) accepts(redirectURI string) bool {
	onLoopback := anyPort(redirectURI)
	return slices.Contains(c.RedirectURIs, redirectURI) || slices.Contains(c.RedirectURIs, onLoopback) || c.AnyLoopback && onLoopback != ""
}

// chosen returns the user that a login hint selects.
func (i *Issuer) chosen(hint string) (User, bool) {
	if user, ok := i.find(hint); ok || !i.anyUser {
		return user, ok
	}
	address, err := mail.ParseAddress(hint)
	if err != nil || address.Address != hint {
		return User{}, false
	}
	return complete(User{Email: hint}), true
}

// anyPort returns a loopback URL of plain HTTP without its port, or an empty string for
// any other URL.
func anyPort(address string) string {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "http" || !slices.Contains([]string{"127.0.0.1", "localhost"}, at.Hostname()) {
		return ""
	}
	at.Host = at.Hostname()
	return at.String()
}

// single returns the value of a parameter that occurs exactly once, otherwise "".
func single(form url.Values, name string) string {
	if len(form[name]) != 1 {
		return ""
	}
	return form[name][0]
}

// authorizeError returns the OAuth error of a request from a known client, if any.
func authorizeError(form url.Values) (code, reason string) {
	for name, values := range form {
		if len(values) > 1 {
			return "invalid_request", "The parameter " + name + " is given twice."
		}
	}
	switch {
	case form.Get("response_type") != "code":
		return "unsupported_response_type", "Only response_type=code is supported."
	case !slices.Contains(strings.Fields(form.Get("scope")), "openid"):
		return "invalid_scope", "The scope lacks openid."
	case form.Get("code_challenge_method") != "S256":
		return "invalid_request", "PKCE with code_challenge_method=S256 is required."
	case len(form.Get("code_challenge")) != 43:
		return "invalid_request", "A code_challenge for S256 has 43 characters."
	}
	return "", ""
}

// redirect sends the browser to the redirect URI with the response parameters.
func redirect(w http.ResponseWriter, r *http.Request, redirectURI string, answer url.Values) {
	to, err := url.Parse(redirectURI)
	if err != nil {
		http.Error(w, "The redirect_uri of this client is not a URL.", http.StatusBadRequest)
		return
	}
	query := to.Query()
	maps.Copy(query, answer)
	if state := single(r.Form, "state"); state != "" {
		query.Set("state", state)
	}
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound) //nolint:gosec // authorize has verified it
}

// storeGrant stores g under a new code, and deletes expired codes.
func (i *Issuer) storeGrant(g grant) string {
	now := i.now()
	g.expires = now.Add(grantTTL)
	code := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	for old, other := range i.grants {
		if now.After(other.expires) {
			delete(i.grants, old)
		}
	}
	i.grants[code] = g
	return code
}

var page = template.Must(template.New("choose").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Choose an account</title></head>
<body>
<h1>Choose an account</h1>
<p>This page stands in for Google during development. It asks for no password.</p>
<ul>
{{range .Users}}<li><a href="{{.Link}}">{{.Name}} ({{.Email}})</a></li>
{{end}}</ul>
{{if .AnyUser}}<form>
{{range .Hidden}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<label>Another e-mail address: <input type="email" name="login_hint" required maxlength="254"></label>
<button>Sign in</button>
</form>
{{end}}</body>
</html>
`))

type (
	userLink struct{ Name, Email, Link string }
	field    struct{ Name, Value string }
)

// listUsers serves a page with the users. Each is a link to the same request with a
// login hint. If any user may sign in, a form asks for the address of another one.
func (i *Issuer) listUsers(w http.ResponseWriter, r *http.Request) {
	content := struct {
		Users   []userLink
		AnyUser bool
		Hidden  []field
	}{AnyUser: i.anyUser}
	again := url.Values{}
	maps.Copy(again, r.Form)
	for _, u := range i.users {
		again.Set("login_hint", u.Email)
		content.Users = append(content.Users, userLink{u.Name, u.Email, "?" + again.Encode()})
	}
	again.Del("login_hint")
	for _, name := range slices.Sorted(maps.Keys(again)) {
		content.Hidden = append(content.Hidden, field{name, again.Get(name)})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// Without form-action: browsers also apply it to the redirects after a form.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	// An error means that the client has disconnected.
	_ = page.Execute(w, content)
}
