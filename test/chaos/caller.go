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

// caller is a user who works alone on what is theirs, and remembers everything that
// was acknowledged. All that a caller writes has the caller's name in it.
type caller struct {
	*load
	ledger

	name, token string
	// ended are tokens whose session has ended.
	ended []string
}

func newCaller(l *load, name string) *caller {
	return &caller{load: l, name: name, ledger: ledger{specs: map[string]*kept{}}}
}

const (
	// fullSpec is how many items a caller puts into a specification.
	fullSpec = 40
	// rememberEnded is how many tokens are tried again whose session has ended.
	rememberEnded = 20
	// giveUp is how long something is repeated.
	giveUp = time.Minute
)

// work does one thing after the other until the load is over.
func (c *caller) work(ctx context.Context) {
	for !c.over.Load() && ctx.Err() == nil {
		if c.token == "" && !c.signIn(ctx) {
			continue
		}
		if c.spec == nil || len(c.spec.items) >= fullSpec {
			c.newSpec(ctx)
			continue
		}
		switch n := mathrand.IntN(100); { //nolint:gosec // chance, no secret
		case n < 35:
			c.look(ctx)
		case n < 55:
			c.addItem(ctx)
		case n < 75:
			c.changeItem(ctx)
		case n < 80:
			c.deleteItem(ctx)
		case n < 85:
			c.reorder(ctx)
		case n < 90:
			c.pry(ctx)
		case n < 97:
			c.tryEnded(ctx)
		default:
			c.leave(ctx)
		}
	}
}

// any asks any replica.
func (c *caller) any(ctx context.Context, method, path, body, key string) got {
	g := c.ask(ctx, mathrand.IntN(replicas), method, path, c.token, body, key) //nolint:gosec // chance, no secret
	if !g.known() {
		_ = fleet.Sleep(ctx, 20*time.Millisecond)
	}
	return g
}

// signIn signs in, with a new ID token each time: one may have been used though
// there was no answer.
func (c *caller) signIn(ctx context.Context) bool {
	idToken, err := c.w.Issuer.IDToken(issuer.Claims{Email: c.name + "@example.com"})
	if err != nil {
		c.tally.strange("no ID token: %v", err)
		return false
	}
	g := c.any(ctx, http.MethodPost, "/api/v1/auth/login", `{"id_token":"`+idToken+`"}`, "")
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	switch {
	case g.status == http.StatusOK && json.Unmarshal([]byte(g.body), &grant) == nil:
		c.token = grant.AccessToken
	case g.known():
		c.tally.strange("a sign-in is answered %d %s", g.status, g.body)
	}
	return c.token != ""
}

// leave ends the session. Without an answer nobody knows whether it has ended.
func (c *caller) leave(ctx context.Context) {
	g := c.any(ctx, http.MethodPost, "/api/v1/auth/logout", "", "")
	switch {
	case g.status == http.StatusNoContent:
		c.tally.writes.Add(1)
		c.ended = append(c.ended, c.token)
		c.ended = c.ended[max(0, len(c.ended)-rememberEnded):]
	case g.known():
		c.tally.strange("a logout is answered %d %s", g.status, g.body)
	}
	c.token = ""
}

// tryEnded tries a token whose session has ended.
func (c *caller) tryEnded(ctx context.Context) {
	if len(c.ended) == 0 {
		return
	}
	token := c.ended[mathrand.IntN(len(c.ended))]                        //nolint:gosec // chance, no secret
	path := "/api/v1/specs/" + c.spec.id                                 // kept by the gate, as like as not
	g := c.ask(ctx, mathrand.IntN(replicas), "GET", path, token, "", "") //nolint:gosec // chance, no secret
	c.tally.deadTried.Add(1)
	switch {
	case g.status == http.StatusOK:
		c.tally.note(&c.tally.dead, "a token is accepted after its logout")
	case g.known() && (g.status != http.StatusUnauthorized || codeOf(g.body) != "token_revoked"):
		c.tally.strange("a token after its logout is answered %d %s", g.status, g.body)
	}
}

// pry looks at what is another's.
func (c *caller) pry(ctx context.Context) {
	id := c.load.anybodysSpec(c)
	if id == "" {
		return
	}
	c.tally.foreignTried.Add(1)
	g := c.any(ctx, http.MethodGet, "/api/v1/specs/"+id+"?include=items", "", "")
	switch {
	case g.status == http.StatusOK:
		c.tally.note(&c.tally.foreign, "%s reads what is another's: %.200s", c.name, g.body)
	case g.known() && g.status != http.StatusNotFound:
		c.tally.strange("what is another's is answered %d %s", g.status, g.body)
	}
}

// anybodysSpec is a specification of another caller.
func (l *load) anybodysSpec(not *caller) string {
	other := l.callers[mathrand.IntN(len(l.callers))] //nolint:gosec // chance, no secret
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

// create makes something with a key, and repeats until it is answered; one time in
// eight it asks two replicas at once. It returns the id, or nothing if there was no
// answer for a minute.
func (c *caller) create(ctx context.Context, path, body string) string {
	key := rand.Text()
	c.tally.keyed.Add(1)
	for began := time.Now(); time.Since(began) < giveUp && ctx.Err() == nil; {
		if c.token == "" && !c.signIn(ctx) {
			continue
		}
		answers := make([]got, 1+oneIn(8))
		var asking sync.WaitGroup
		for n := range answers {
			asking.Go(func() { answers[n] = c.any(ctx, http.MethodPost, path, body, key) })
		}
		asking.Wait()
		if id := c.idOf(path, answers); id != "" {
			c.tally.writes.Add(1)
			return id
		}
	}
	return ""
}

// idOf is what the answers to one creation say was made.
func (c *caller) idOf(path string, answers []got) (id string) {
	for _, g := range answers {
		var made struct {
			ID string `json:"id"`
		}
		switch {
		case g.status == http.StatusCreated && json.Unmarshal([]byte(g.body), &made) == nil:
			if id != "" && id != made.ID {
				c.tally.note(&c.tally.twice, "one key has made %s and %s", id, made.ID)
			}
			id = made.ID
		case g.status == http.StatusConflict && codeOf(g.body) == "idempotency_in_progress":
		case g.known():
			c.tally.strange("POST %s is answered %d %s", path, g.status, g.body)
		}
	}
	return id
}

func oneIn(n int) int {
	if mathrand.IntN(n) == 0 { //nolint:gosec // chance, no secret
		return 1
	}
	return 0
}

// checkOwner notes content that is not the caller's.
func (c *caller) checkOwner(body string) {
	for _, other := range c.callers {
		if other != c && strings.Contains(body, other.name) {
			c.tally.note(&c.tally.foreign, "%s is shown what is %s's: %.200s", c.name, other.name, body)
		}
	}
}

func (c *caller) content(item, value int) string {
	return fmt.Sprintf("%s item %d value %d", c.name, item, value)
}
