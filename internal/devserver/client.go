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
	idToken, err := d.issuer.IDToken(issuer.Claims{Email: userEmail})
	if err != nil {
		return pair, fmt.Errorf("create an ID token: %w", err)
	}
	c := newClient(d.listeners.reachableURL() + "/api/v1")
	if err := c.call(ctx, "POST /auth/login", "", map[string]string{"id_token": idToken}, &pair); err != nil {
		return pair, err
	}
	if pair.Token == "" {
		return pair, errors.New("POST /auth/login returns no token")
	}
	return pair, c.endOldSessions(ctx, pair.Token)
}

// endOldSessions ends the oldest sessions of earlier starts.
func (c client) endOldSessions(ctx context.Context, token string) error {
	var live struct {
		Sessions []struct { // the newest first
			ID        string `json:"id"`
			UserAgent string `json:"user_agent"`
		} `json:"sessions"`
	}
	if err := c.call(ctx, "GET /auth/sessions", token, nil, &live); err != nil {
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
		if err := c.call(ctx, "DELETE /auth/sessions/"+session.ID, token, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// call sends a request with a JSON body, if there is one, and decodes the response.
func (c client) call(ctx context.Context, operation, token string, body, response any) error {
	method, path, _ := strings.Cut(operation, " ")
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return fmt.Errorf("%s: %w", operation, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, &text)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	r.Header.Set("User-Agent", userAgent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		var bad struct {
			Detail string `json:"detail"`
		}
		_ = json.NewDecoder(res.Body).Decode(&bad) // without a detail, the status has to do
		return fmt.Errorf("%s: %s %s", operation, res.Status, bad.Detail)
	}
	if response == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(response); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}
