package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/test/fleet"
)

// many is how many users ask, and each how many projects they change: so many that
// they seldom wait for each other.
const many, each = 64, 8

// users ask one replica to change a project of theirs.
type users struct {
	fleet  *fleet.Fleet
	client *http.Client
	url    string
	tokens []string
	paths  []string
}

func signUp(ctx context.Context, f *fleet.Fleet) (*users, error) {
	u := &users{
		fleet: f, url: f.Replicas[0].URL,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * callers}},
	}
	err := fleet.Until(ctx, time.Minute, "the replica is ready", func(ctx context.Context) bool {
		status, _, _ := u.ask(ctx, http.MethodGet, "/health/ready", "", "")
		return status == http.StatusOK
	})
	for n := 0; n < many && err == nil; n++ {
		var token string
		if token, err = u.signIn(ctx, fmt.Sprintf("user-%d@example.com", n)); err != nil {
			break
		}
		for range each {
			var path string
			if path, err = u.newProject(ctx, token); err != nil {
				break
			}
			u.tokens, u.paths = append(u.tokens, token), append(u.paths, path)
		}
	}
	return u, err
}

func (u *users) newProject(ctx context.Context, token string) (path string, err error) {
	var made struct {
		ID string `json:"id"`
	}
	status, body, err := u.ask(ctx, http.MethodPost, "/api/v1/projects", token, `{"title":"x"}`)
	if err = errors.Join(err, json.Unmarshal(body, &made)); err == nil && status != http.StatusCreated {
		err = fmt.Errorf("a project is answered %d %s", status, body)
	}
	return "/api/v1/projects/" + made.ID, err
}

func (u *users) signIn(ctx context.Context, email string) (string, error) {
	idToken, err := u.fleet.Issuer.IDToken(issuer.Claims{Email: email})
	if err != nil {
		return "", err
	}
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	status, body, err := u.ask(ctx, http.MethodPost, "/api/v1/auth/login", "", `{"id_token":"`+idToken+`"}`)
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("a sign-in is answered %d %s: %w", status, body, err)
	}
	return grant.AccessToken, json.Unmarshal(body, &grant)
}

// ask makes a request, and reads the answer.
func (u *users) ask(ctx context.Context, method, path, token, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := u.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// change is what is asked for: one user changes one project.
func (u *users) change(n int) (path, token, body string) {
	return u.paths[n], u.tokens[n], newTitle()
}

func newTitle() string { return fmt.Sprintf(`{"title":"%d"}`, rand.Uint32()) } //nolint:gosec // chance, no secret

// closedLoop lets callers ask again as soon as they are answered, and returns how
// many changes were done a second.
func (u *users) closedLoop(ctx context.Context, length time.Duration) (float64, error) {
	end := time.Now().Add(length)
	var done atomic.Int64
	var bad atomic.Value
	var asking sync.WaitGroup
	for n := range callers {
		asking.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				path, token, body := u.change(n * each % len(u.paths))
				status, text, err := u.ask(ctx, http.MethodPatch, path, token, body)
				switch {
				case ctx.Err() != nil:
				case err == nil && status == http.StatusOK:
					done.Add(1)
				default:
					bad.Store(errors.Join(fmt.Errorf("within the capacity a change is answered %d %s", status, text), err))
				}
			}
		})
	}
	asking.Wait()
	err, _ := bad.Load().(error)
	return float64(done.Load()) / length.Seconds(), err
}

// untilWell is how long it takes until a second's work is as much as before, and
// nothing is refused.
func (u *users) untilWell(ctx context.Context, capacity float64) (time.Duration, error) {
	for began := time.Now(); ; {
		rate, err := u.closedLoop(ctx, time.Second)
		if err == nil && rate >= leastGoodput*capacity || time.Since(began) > 3*wellWithin {
			return time.Since(began), nil
		}
		if ctx.Err() != nil {
			return 0, errors.New("interrupted")
		}
	}
}
