package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// checkAge is how long the answer of a check is used again, so that a flood
	// of questions is one question.
	checkAge = time.Second
	// checkTimeout is how long a check waits.
	checkTimeout = 500 * time.Millisecond
)

// check asks a dependency whether it is there, at most once a second.
type check struct {
	probe func(context.Context) error
	now   func() time.Time

	mu   sync.Mutex
	at   time.Time
	last error
}

// ok reports whether the dependency was there within the last second.
func (c *check) ok(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.at.IsZero() || now.Sub(c.at) >= checkAge {
		// Others wait for this answer, so it outlives the caller.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		c.last, c.at = c.probe(ctx), now
	}
	return c.last == nil
}

// The words of health answers.
const (
	statusOK          = "ok"
	statusDegraded    = "degraded"
	statusUnavailable = "unavailable"
)

type healthAnswer struct {
	Status  string            `json:"status"`
	Version string            `json:"version,omitzero"`
	Mode    string            `json:"mode,omitzero"`
	Checks  map[string]string `json:"checks,omitzero"`
}

// health says how the parts are, asked at the same time. Without Redis the server
// does everything, but each replica counts by itself.
func (a *API) health(w http.ResponseWriter, r *http.Request) {
	redis := true
	var asking sync.WaitGroup
	asking.Go(func() { redis = a.Redis == nil || a.redis.ok(r.Context()) })
	database := a.database.ok(r.Context())
	asking.Wait()
	status := word(database)
	if database && !redis {
		status = statusDegraded
	}
	a.answerHealth(w, healthAnswer{
		Status: status, Version: a.Version,
		Checks: map[string]string{"database": word(database), "redis": word(redis)},
	})
}

// healthLive says that the process can answer at all; it asks nobody.
func (a *API) healthLive(w http.ResponseWriter, _ *http.Request) {
	a.answerHealth(w, healthAnswer{Status: statusOK})
}

// healthReady says that requests should come here. A database that goes away
// later does not change it: taking every replica out would help nobody.
func (a *API) healthReady(w http.ResponseWriter, _ *http.Request) {
	a.answerHealth(w, healthAnswer{Status: word(a.Ready())})
}

func (a *API) healthDatabase(w http.ResponseWriter, r *http.Request) {
	a.answerHealth(w, healthAnswer{Status: word(a.database.ok(r.Context()))})
}

// healthRedis says how Redis is; where none is set, the server does its work.
func (a *API) healthRedis(w http.ResponseWriter, r *http.Request) {
	if a.Redis == nil {
		a.answerHealth(w, healthAnswer{Status: statusOK, Mode: "embedded"})
		return
	}
	a.answerHealth(w, healthAnswer{Status: word(a.redis.ok(r.Context()))})
}

func word(ok bool) string {
	if ok {
		return statusOK
	}
	return statusUnavailable
}

func (a *API) answerHealth(w http.ResponseWriter, h healthAnswer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status == statusUnavailable {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.MarshalWrite(w, h) // the caller left; nothing to tell it
}
