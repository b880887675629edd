package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

const (
	// requestTimeout is long, since the first start of a busy machine is slow.
	requestTimeout = 15 * time.Second
	// userAgent marks the sessions that this program has begun.
	userAgent = "codegenapp dev"
	// maxOwnSessions is how many of them stay: the tokens of earlier starts continue to
	// work, and the sessions of browsers are not revoked as the oldest ones.
	maxOwnSessions = 10
)

// client calls the server over HTTP, like any other program.
type client struct {
	base string
	http *http.Client
	// token is the access token, if the client has one.
	token string
}

func newClient(base string) client {
	return client{base: base, http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: true}}} // no proxy
}

// accessToken is what a sign-in returns.
type accessToken struct {
	Token string `json:"access_token"`
	// Seconds is its lifetime.
	Seconds int `json:"expires_in"`
}

// signIn signs the first user in.
func (d *devServer) signIn(ctx context.Context) (accessToken, error) {
	var pair accessToken
	idToken, err := d.firstUser()
	if err != nil {
		return pair, err
	}
	c := newClient(d.listeners.reachableURL() + "/api/v1")
	if err := c.call(ctx, "POST /auth/login", map[string]any{"id_token": idToken}, &pair); err != nil {
		return pair, err
	}
	if pair.Token == "" {
		return pair, errors.New("POST /auth/login returns no token")
	}
	c.token = pair.Token
	return pair, c.endOldSessions(ctx)
}

// firstUser returns an ID token of the first user.
func (d *devServer) firstUser() (string, error) {
	idToken, err := d.issuer.IDToken(issuer.Claims{Email: userEmail})
	if err != nil {
		return "", fmt.Errorf("create an ID token: %w", err)
	}
	return idToken, nil
}

// signInBrowser signs the first user in for the browser that has sent a request, and
// returns the cookie of the refresh token. It asks under the name by which the browser
// knows the server, since the name of the cookie depends on the port in it.
func (d *devServer) signInBrowser(ctx context.Context, from *http.Request) (*http.Cookie, error) {
	idToken, err := d.firstUser()
	if err != nil {
		return nil, err
	}
	const operation = "POST /auth/login"
	c := newClient(d.listeners.reachableURL() + "/api/v1")
	r, err := c.request(ctx, operation, map[string]any{"id_token": idToken, "cookie": true})
	if err != nil {
		return nil, err
	}
	r.Host = from.Host
	r.Header.Set("User-Agent", from.UserAgent())
	res, err := c.send(r, operation)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	cookies := res.Cookies()
	if len(cookies) != 1 {
		return nil, fmt.Errorf("%s sets %d cookies", operation, len(cookies))
	}
	return cookies[0], nil
}

// endOldSessions ends the oldest sessions of earlier starts.
func (c client) endOldSessions(ctx context.Context) error {
	var live struct {
		Sessions []struct { // the newest first
			ID        string `json:"id"`
			UserAgent string `json:"user_agent"`
		} `json:"sessions"`
	}
	if err := c.call(ctx, "GET /auth/sessions", nil, &live); err != nil {
		return err
	}
	own := 0
	for _, session := range live.Sessions {
		if session.UserAgent != userAgent {
			continue
		}
		if own++; own <= maxOwnSessions {
			continue
		}
		if err := c.call(ctx, "DELETE /auth/sessions/"+session.ID, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// call sends a request with a JSON body, if there is one, and decodes the response.
// Headers are names and values in turn.
func (c client) call(ctx context.Context, operation string, body, response any, headers ...string) error {
	r, err := c.request(ctx, operation, body)
	if err != nil {
		return err
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	res, err := c.send(r, operation)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if response == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(response); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

func (c client) request(ctx context.Context, operation string, body any) (*http.Request, error) {
	method, path, _ := strings.Cut(operation, " ")
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return nil, fmt.Errorf("%s: %w", operation, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, &text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	r.Header.Set("User-Agent", userAgent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return r, nil
}

// send sends a request. A response that reports a failure is an error.
func (c client) send(r *http.Request, operation string) (*http.Response, error) {
	res, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		defer res.Body.Close()
		var bad struct {
			Detail string `json:"detail"`
		}
		_ = json.NewDecoder(res.Body).Decode(&bad) // without a detail, the status has to do
		return nil, fmt.Errorf("%s: %s %s", operation, res.Status, bad.Detail)
	}
	return res, nil
}
