package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/test/fleet"
)

// caller is a user with data of its own. Its ledger records all acknowledged writes. All
// content that it writes contains its name.
type caller struct {
	*load
	ledger

	name, token string
	// ended are tokens of ended sessions.
	ended []string
}

func newCaller(l *load, name string) *caller {
	return &caller{load: l, name: name, ledger: ledger{specs: map[string]*specRecord{}}}
}

const (
	// maxItemsPerSpec is the number of items in a specification before a new one begins.
	maxItemsPerSpec = 40
	// maxEndedTokens is how many tokens of ended sessions are kept and tried again.
	maxEndedTokens = 20
	// retryTimeout bounds the retries of one request.
	retryTimeout = time.Minute
)

// work sends random requests until the load stops.
func (c *caller) work(ctx context.Context) {
	for !c.stopping.Load() && ctx.Err() == nil {
		if c.token == "" && !c.signIn(ctx) {
			continue
		}
		if c.spec == nil || len(c.spec.items) >= maxItemsPerSpec {
			c.newSpec(ctx)
			continue
		}
		switch n := mathrand.IntN(100); { //nolint:gosec // not a secret
		case n < 35:
			c.readSpec(ctx)
		case n < 55:
			c.addItem(ctx)
		case n < 75:
			c.changeItem(ctx)
		case n < 80:
			c.deleteItem(ctx)
		case n < 85:
			c.reorder(ctx)
		case n < 90:
			c.readForeign(ctx)
		case n < 97:
			c.tryEndedSession(ctx)
		default:
			c.signOut(ctx)
		}
	}
}

// request sends a request to a random replica.
func (c *caller) request(ctx context.Context, method, path, body, key string) response {
	g := c.send(ctx, c.anyReplica(), method, path, c.token, body, key)
	if !g.conclusive() {
		_ = fleet.Sleep(ctx, 20*time.Millisecond)
	}
	return g
}

// signIn signs in, with a new ID token each time: an ID token without a response may
// have been used.
func (c *caller) signIn(ctx context.Context) bool {
	idToken, err := c.fleet.Issuer.IDToken(issuer.Claims{Email: c.name + "@example.com"})
	if err != nil {
		c.tally.unexpected("no ID token: %v", err)
		return false
	}
	g := c.request(ctx, http.MethodPost, "/api/v1/auth/login", `{"id_token":"`+idToken+`"}`, "")
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	switch {
	case g.status == http.StatusOK && json.Unmarshal([]byte(g.body), &grant) == nil:
		c.token = grant.AccessToken
	case g.conclusive():
		c.tally.unexpected("a sign-in gets %d %s", g.status, g.body)
	}
	return c.token != ""
}

// signOut ends the session. Without a response it is unknown whether it has ended.
func (c *caller) signOut(ctx context.Context) {
	g := c.request(ctx, http.MethodPost, "/api/v1/auth/logout", "", "")
	switch {
	case g.status == http.StatusNoContent:
		c.tally.writes.Add(1)
		c.ended = append(c.ended, c.token)
		c.ended = c.ended[max(0, len(c.ended)-maxEndedTokens):]
	case g.conclusive():
		c.tally.unexpected("a logout gets %d %s", g.status, g.body)
	}
	c.token = ""
}

// tryEndedSession sends a token of an ended session.
func (c *caller) tryEndedSession(ctx context.Context) {
	if len(c.ended) == 0 {
		return
	}
	token := c.ended[mathrand.IntN(len(c.ended))] //nolint:gosec // not a secret
	path := "/api/v1/specs/" + c.spec.id          // probably cached
	g := c.send(ctx, c.anyReplica(), "GET", path, token, "", "")
	c.tally.revokedTries.Add(1)
	switch {
	case g.status == http.StatusOK:
		c.tally.record(&c.tally.revokedAccepted, "a token is accepted after its logout")
	case g.conclusive() && (g.status != http.StatusUnauthorized || codeOf(g.body) != "token_revoked"):
		c.tally.unexpected("a token after its logout gets %d %s", g.status, g.body)
	}
}

// readForeign requests a specification of another caller.
func (c *caller) readForeign(ctx context.Context) {
	id := c.load.foreignSpec(c)
	if id == "" {
		return
	}
	c.tally.foreignReads.Add(1)
	g := c.request(ctx, http.MethodGet, "/api/v1/specs/"+id+"?include=items", "", "")
	switch {
	case g.status == http.StatusOK:
		c.tally.record(&c.tally.leaked, "%s reads data of another caller: %.200s", c.name, g.body)
	case g.conclusive() && g.status != http.StatusNotFound:
		c.tally.unexpected("a read of foreign data gets %d %s", g.status, g.body)
	}
}

// foreignSpec is a specification of another caller.
func (l *load) foreignSpec(not *caller) string {
	other := l.callers[mathrand.IntN(len(l.callers))] //nolint:gosec // not a secret
	if other == not {
		return ""
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	for id := range other.specs {
		return id
	}
	return ""
}

// create creates a resource with an Idempotency-Key, and repeats the request until it
// gets a response; one time in eight it sends it to two replicas at once. It returns the
// id, or an empty string without a response for a minute.
func (c *caller) create(ctx context.Context, path, body string) string {
	key := rand.Text()
	c.tally.keyed.Add(1)
	for start := time.Now(); time.Since(start) < retryTimeout && ctx.Err() == nil; {
		if c.token == "" && !c.signIn(ctx) {
			continue
		}
		answers := make([]response, 1+oneIn(8))
		var asking sync.WaitGroup
		for n := range answers {
			asking.Go(func() { answers[n] = c.request(ctx, http.MethodPost, path, body, key) })
		}
		asking.Wait()
		if id := c.idOf(path, answers); id != "" {
			c.tally.writes.Add(1)
			return id
		}
	}
	return ""
}

// idOf returns the id in the responses to one creation.
func (c *caller) idOf(path string, answers []response) (id string) {
	for _, g := range answers {
		var made struct {
			ID string `json:"id"`
		}
		switch {
		case g.status == http.StatusCreated && json.Unmarshal([]byte(g.body), &made) == nil:
			if id != "" && id != made.ID {
				c.tally.record(&c.tally.duplicated, "one key has created %s and %s", id, made.ID)
			}
			id = made.ID
		case g.status == http.StatusConflict && codeOf(g.body) == "idempotency_in_progress":
		case g.conclusive():
			c.tally.unexpected("POST %s gets %d %s", path, g.status, g.body)
		}
	}
	return id
}

func oneIn(n int) int {
	if mathrand.IntN(n) == 0 { //nolint:gosec // not a secret
		return 1
	}
	return 0
}

// checkOwner records content of another caller.
func (c *caller) checkOwner(body string) {
	for _, other := range c.callers {
		if other != c && strings.Contains(body, other.name) {
			c.tally.record(&c.tally.leaked, "%s reads content of %s: %.200s", c.name, other.name, body)
		}
	}
}

func (c *caller) content(item, value int) string {
	return fmt.Sprintf("%s item %d value %d", c.name, item, value)
}
