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

// userCount and projectsPerUser are large enough that requests seldom wait for each
// other's locks.
const userCount, projectsPerUser = 64, 8

// users send writes to one replica; each changes projects of its own.
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
	err := fleet.WaitUntil(ctx, time.Minute, "the replica is ready", func(ctx context.Context) bool {
		status, _, _ := u.send(ctx, http.MethodGet, "/health/ready", "", "")
		return status == http.StatusOK
	})
	for n := 0; n < userCount && err == nil; n++ {
		var token string
		if token, err = u.signIn(ctx, fmt.Sprintf("user-%d@example.com", n)); err != nil {
			break
		}
		for range projectsPerUser {
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
	status, body, err := u.send(ctx, http.MethodPost, "/api/v1/projects", token, `{"title":"x"}`)
	if err = errors.Join(err, json.Unmarshal(body, &made)); err == nil && status != http.StatusCreated {
		err = fmt.Errorf("creating a project got %d %s", status, body)
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
	status, body, err := u.send(ctx, http.MethodPost, "/api/v1/auth/login", "", `{"id_token":"`+idToken+`"}`)
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("a sign-in got %d %s: %w", status, body, err)
	}
	return grant.AccessToken, json.Unmarshal(body, &grant)
}

// send sends a request, and reads the response.
func (u *users) send(ctx context.Context, method, path, token, body string) (int, []byte, error) {
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

// change is one write: one user changes one project.
func (u *users) change(n int) (path, token, body string) {
	return u.paths[n], u.tokens[n], newTitle()
}

func newTitle() string { return fmt.Sprintf(`{"title":"%d"}`, rand.Uint32()) } //nolint:gosec // not a secret

// closedLoop lets each caller send its next request after the response to the last one,
// and returns the number of writes per second.
func (u *users) closedLoop(ctx context.Context, length time.Duration) (float64, error) {
	end := time.Now().Add(length)
	var done atomic.Int64
	var bad atomic.Value
	var asking sync.WaitGroup
	for n := range callers {
		asking.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				path, token, body := u.change(n * projectsPerUser % len(u.paths))
				status, text, err := u.send(ctx, http.MethodPatch, path, token, body)
				switch {
				case ctx.Err() != nil:
				case err == nil && status == http.StatusOK:
					done.Add(1)
				default:
					bad.Store(errors.Join(fmt.Errorf("within the capacity a write got %d %s", status, text), err))
				}
			}
		})
	}
	asking.Wait()
	err, _ := bad.Load().(error)
	return float64(done.Load()) / length.Seconds(), err
}

// waitForRecovery returns the time until the throughput of one second is as before, and
// no request fails.
func (u *users) waitForRecovery(ctx context.Context, capacity float64) (time.Duration, error) {
	for began := time.Now(); ; {
		rate, err := u.closedLoop(ctx, time.Second)
		if err == nil && rate >= minGoodput*capacity || time.Since(began) > 3*maxRecovery {
			return time.Since(began), nil
		}
		if ctx.Err() != nil {
			return 0, errors.New("interrupted")
		}
	}
}
