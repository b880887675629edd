package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/test/fleet"
)

// askFor is how long a caller waits for an answer: longer than the server takes.
const askFor = 10 * time.Second

// load is callers who work at all replicas.
type load struct {
	w       *fleet.Fleet
	client  *http.Client
	tally   tally
	callers []*caller
	over    atomic.Bool
	running sync.WaitGroup
}

func startLoad(ctx context.Context, w *fleet.Fleet, callers int) *load {
	l := &load{w: w, client: &http.Client{Timeout: askFor, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	for n := range callers {
		c := newCaller(l, "caller-"+string(rune('a'+n/26))+string(rune('a'+n%26)))
		l.callers = append(l.callers, c)
		l.running.Go(func() { c.work(ctx) })
	}
	return l
}

// end waits until nobody asks any more.
func (l *load) end() {
	l.over.Store(true)
	l.running.Wait()
}

// got is what came of a request. The status is 0 if there was no answer.
type got struct {
	status int
	body   string
}

// known reports whether a request is known to have done what it should, or nothing.
func (g got) known() bool { return g.status != 0 && g.status != http.StatusServiceUnavailable }

// ask asks a replica once. Whatever is neither expected nor a 503 problem is noted.
func (l *load) ask(ctx context.Context, replica int, method, path, token, body, key string) got {
	r, err := http.NewRequestWithContext(ctx, method, l.w.Replicas[replica].URL+path, strings.NewReader(body))
	if err != nil {
		return got{}
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
	l.tally.asked.Add(1)
	answer, err := l.client.Do(r)
	if err != nil {
		l.tally.silent.Add(1)
		return got{}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil { // it broke off
		l.tally.silent.Add(1)
		return got{}
	}
	g := got{status: answer.StatusCode, body: string(text)}
	if g.status == http.StatusServiceUnavailable && !strings.HasPrefix(path, "/health") {
		l.tally.away.Add(1)
		if answer.Header.Get("Content-Type") != "application/problem+json" || codeOf(g.body) != "unavailable" || answer.Header.Get("Retry-After") == "" {
			l.tally.strange("%s %s: a 503 that is no problem of ours: %.200s", method, path, text)
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
