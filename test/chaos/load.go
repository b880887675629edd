package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

// requestTimeout bounds a request. It is longer than any timeout of the server.
const requestTimeout = 10 * time.Second

// load is the set of callers, which use all replicas.
type load struct {
	fleet   *fleet.Fleet
	client  *http.Client
	tally   tally
	callers []*caller
	// first and end are the replicas that callers use.
	first, end atomic.Int64
	stopping   atomic.Bool
	running    sync.WaitGroup
}

func startLoad(ctx context.Context, w *fleet.Fleet, callers, replicas int) *load {
	l := &load{fleet: w, client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	l.use(0, replicas)
	for n := range callers {
		c := newCaller(l, "caller-"+string(rune('a'+n/26))+string(rune('a'+n%26)))
		l.callers = append(l.callers, c)
		l.running.Go(func() { c.work(ctx) })
	}
	return l
}

// use makes callers use the replicas from first to end.
func (l *load) use(first, end int) {
	l.end.Store(int64(end))
	l.first.Store(int64(first))
}

// anyReplica returns a replica by chance.
func (l *load) anyReplica() int {
	first, end := l.first.Load(), l.end.Load()
	return int(first + rand.Int64N(end-first)) //nolint:gosec // not a secret
}

// stop stops all callers and waits for them.
func (l *load) stop() {
	l.stopping.Store(true)
	l.running.Wait()
}

// response is the result of a request. The status is 0 without a response.
type response struct {
	status int
	body   string
}

// conclusive reports whether it is known what the request has done.
func (g response) conclusive() bool {
	return g.status != 0 && g.status != http.StatusServiceUnavailable
}

// send sends a request to a replica once. It records a 503 that is not a problem document.
func (l *load) send(ctx context.Context, replica int, method, path, token, body, key string) response {
	r, err := http.NewRequestWithContext(ctx, method, l.fleet.Replicas[replica].URL+path, strings.NewReader(body))
	if err != nil {
		return response{}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	l.tally.requests.Add(1)
	start := time.Now()
	defer func() { l.tally.took(time.Since(start)) }()
	answer, err := l.client.Do(r)
	if err != nil {
		l.tally.unanswered.Add(1)
		return response{}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil { // the connection broke
		l.tally.unanswered.Add(1)
		return response{}
	}
	g := response{status: answer.StatusCode, body: string(text)}
	if g.status == http.StatusServiceUnavailable && !strings.HasPrefix(path, "/health") {
		l.tally.unavailable.Add(1)
		if answer.Header.Get("Content-Type") != "application/problem+json" || codeOf(g.body) != "unavailable" || answer.Header.Get("Retry-After") == "" {
			l.tally.unexpected("%s %s: a 503 without our problem document: %.200s", method, path, text)
		}
	}
	return g
}

func codeOf(body string) string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal([]byte(body), &p) // then there is no code
	return p.Code
}
