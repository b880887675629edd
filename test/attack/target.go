package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/test/fleet"
)

// goodUsers is how many good clients work at the same time. Each stays within its rate
// limit.
const goodUsers = 10

// target is the replica, with its users.
type target struct {
	fleet   *fleet.Fleet
	address string
	client  *http.Client
	good    []user
	// bad is the attacker, with a project that holds much.
	bad user
}

// user is a signed-in user with a project.
type user struct{ address, token, project string }

func newTarget(ctx context.Context, f *fleet.Fleet) (*target, error) {
	t := &target{fleet: f, address: strings.TrimPrefix(f.Replicas[0].URL, "http://"), client: &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: goodUsers},
	}}
	err := fleet.WaitUntil(ctx, time.Minute, "the replica is ready", func(ctx context.Context) bool {
		status, _, _ := t.send(ctx, user{}, http.MethodGet, "/health/ready", "")
		return status == http.StatusOK
	})
	for n := range goodUsers + 1 {
		if err != nil {
			return t, err
		}
		t.bad, err = t.signUp(ctx, n)
		t.good = append(t.good, t.bad)
	}
	t.good = t.good[:goodUsers]
	return t, err
}

func (t *target) signUp(ctx context.Context, n int) (u user, err error) {
	u.address = fmt.Sprintf("203.0.113.%d", n+1)
	idToken, err := t.fleet.Issuer.IDToken(issuer.Claims{Email: fmt.Sprintf("user-%d@example.com", n)})
	if err != nil {
		return u, err
	}
	var grant struct {
		AccessToken string `json:"access_token"`
		ID          string `json:"id"`
	}
	status, body, err := t.send(ctx, u, http.MethodPost, "/api/v1/auth/login", `{"id_token":"`+idToken+`"}`)
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &grant) != nil {
		return u, fmt.Errorf("a sign-in got %d %s: %w", status, body, err)
	}
	u.token = grant.AccessToken
	status, body, err = t.send(ctx, u, http.MethodPost, "/api/v1/projects", `{"title":"x"}`)
	if err != nil || status != http.StatusCreated || json.Unmarshal(body, &grant) != nil {
		return u, fmt.Errorf("creating a project got %d %s: %w", status, body, err)
	}
	u.project = grant.ID
	return u, nil
}

// fill gives the attacker's project 100 specifications of 400 kB, the first with 500
// items of 40 kB.
func (t *target) fill(ctx context.Context) error {
	for _, statement := range []string{
		`INSERT INTO specifications (id, owner_id, project_id, number, title, content, created_at, updated_at)
		 SELECT gen_random_uuid(), owner_id, id, n, 'large', repeat('😀', 100000), now(), now() FROM projects, generate_series(1, 100) AS n WHERE id = '%s'`,
		`UPDATE projects SET specification_count = 100, next_specification_number = 101 WHERE id = '%s'`,
		`INSERT INTO bullet_items (id, owner_id, spec_id, number, content, created_at, updated_at)
		 SELECT gen_random_uuid(), s.owner_id, s.id, n, repeat('😀', 10000), now(), now()
		 FROM specifications AS s, generate_series(1, 500) AS n WHERE s.project_id = '%s' AND s.number = 1`,
	} {
		if err := t.fleet.Primary.ExecIn(ctx, "codegenapp", fmt.Sprintf(statement, t.bad.project)); err != nil {
			return err
		}
	}
	return nil
}

// send sends a request of a user, and reads the response.
func (t *target) send(ctx context.Context, u user, method, path, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+t.address+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", u.address)
	if u.token != "" {
		r.Header.Set("Authorization", "Bearer "+u.token)
	}
	answer, err := t.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// alive reports whether the replica still responds.
func (t *target) alive(ctx context.Context) bool {
	return fleet.WaitUntil(ctx, 10*time.Second, "the replica responds", func(ctx context.Context) bool {
		status, _, _ := t.send(ctx, user{}, http.MethodGet, "/health/live", "")
		return status == http.StatusOK
	}) == nil
}

// latencies are those of good clients.
type latencies struct {
	times []time.Duration
	// rejected is a response that a good client must not get; empty without one.
	rejected string
}

func (l latencies) percentile(p int) time.Duration {
	if len(l.times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l.times))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

// goodClients lets the good users write for a time, each about once in 700 ms: 86 times
// a minute.
func (t *target) goodClients(ctx context.Context, length time.Duration) (l latencies) {
	var mu sync.Mutex
	var working sync.WaitGroup
	end := time.Now().Add(length)
	for n, u := range t.good {
		working.Go(func() {
			_ = fleet.Sleep(ctx, time.Duration(n)*70*time.Millisecond)
			for i := 0; ctx.Err() == nil && time.Now().Before(end); i++ {
				began := time.Now()
				status, text, err := t.send(ctx, u, http.MethodPatch, "/api/v1/projects/"+u.project, fmt.Sprintf(`{"title":"%d"}`, time.Now().UnixNano()))
				took := time.Since(began)
				mu.Lock()
				l.times = append(l.times, took)
				if ctx.Err() == nil && (err != nil || status != http.StatusOK) {
					l.rejected = fmt.Sprintf("%d %s %v", status, text, err)
				}
				mu.Unlock()
				_ = fleet.Sleep(ctx, 700*time.Millisecond-took)
			}
		})
	}
	working.Wait()
	return l
}
