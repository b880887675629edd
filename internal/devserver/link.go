package devserver

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// linkPath is the path of the one-time link, in front of its code.
	linkPath = "/sign-in/"
	// linkTTL is how long the link works after the start.
	linkTTL = 15 * time.Minute
)

// signInLink signs one browser in, without the page of the issuer. Only the terminal
// shows it. It stands in front of the API, whose log and traces see none of its requests.
type signInLink struct {
	code    string
	expires time.Time
	now     func() time.Time
	// signIn begins a session for the browser that sent the request, and returns the
	// cookie of its refresh token.
	signIn func(context.Context, *http.Request) (*http.Cookie, error)

	mu sync.Mutex
	// cookie is the name of the cookie that the link has set; empty until it is used.
	cookie string
}

func newSignInLink(now func() time.Time, signIn func(context.Context, *http.Request) (*http.Cookie, error)) *signInLink {
	return &signInLink{code: rand.Text(), expires: now().Add(linkTTL), now: now, signIn: signIn}
}

// path is the path of the link.
func (l *signInLink) path() string { return linkPath + l.code }

// linkPage is the page for a link that does not sign in.
//
//go:embed link.html
var linkPage []byte

// around returns a handler that responds to the link, and passes on all other requests.
func (l *signInLink) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, ok := strings.CutPrefix(r.URL.Path, linkPath)
		if !ok || r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		cookie, signedIn, err := l.use(r, code)
		switch {
		case err != nil:
			http.Error(w, fmt.Sprintf("The sign-in has failed: %v. Open the link again, or start the server again.", err), http.StatusServiceUnavailable)
		case signedIn:
			if cookie != nil {
				http.SetCookie(w, cookie)
			}
			h.Set("Location", "../") // also below a path prefix
			w.WriteHeader(http.StatusSeeOther)
		default:
			h.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusGone)
			_, _ = w.Write(linkPage) // the client may have disconnected
		}
	})
}

// use signs the browser in if the code is the right one, and unused. A browser that has
// used the link before is signed in already, and gets no other cookie.
func (l *signInLink) use(r *http.Request, code string) (cookie *http.Cookie, signedIn bool, err error) {
	if subtle.ConstantTimeCompare([]byte(code), []byte(l.code)) != 1 {
		return nil, false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cookie != "" {
		_, err := r.Cookie(l.cookie)
		return nil, err == nil, nil
	}
	if !l.now().Before(l.expires) {
		return nil, false, nil
	}
	if cookie, err = l.signIn(r.Context(), r); err != nil {
		return nil, false, err
	}
	l.cookie = cookie.Name
	return cookie, true, nil
}
