package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// checkTTL is how long the result of a check is reused, so that many requests make
	// one check.
	checkTTL = time.Second
	// checkTimeout is how long a check may take.
	checkTimeout = 500 * time.Millisecond
)

// check probes whether a dependency responds, at most once a second.
type check struct {
	probe func(context.Context) error
	now   func() time.Time

	mu   sync.Mutex
	at   time.Time
	last error
}

// ok reports whether the dependency responded within the last second.
func (c *check) ok(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.at.IsZero() || now.Sub(c.at) >= checkTTL {
		// Other requests wait for this result, so it outlives the request.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		c.last, c.at = c.probe(ctx), now
	}
	return c.last == nil
}

// The states in health responses.
const (
	statusOK          = "ok"
	statusDegraded    = "degraded"
	statusUnavailable = "unavailable"
)

type healthStatus struct {
	Status  string            `json:"status"`
	Version string            `json:"version,omitzero"`
	Mode    string            `json:"mode,omitzero"`
	Checks  map[string]string `json:"checks,omitzero"`
}

// health reports the state of the dependencies, which are checked at the same time.
// Without Redis the server does everything, but each replica counts for itself.
func (a *API) health(w http.ResponseWriter, r *http.Request) {
	redis := true
	var checks sync.WaitGroup
	checks.Go(func() { redis = a.Redis == nil || a.redis.ok(r.Context()) })
	database := a.database.ok(r.Context())
	checks.Wait()
	status := stateOf(database)
	if database && !redis {
		status = statusDegraded
	}
	a.writeHealth(w, healthStatus{
		Status: status, Version: a.Version,
		Checks: map[string]string{"database": stateOf(database), "redis": stateOf(redis)},
	})
}

// healthLive reports that the process responds. It checks no dependency.
func (a *API) healthLive(w http.ResponseWriter, _ *http.Request) {
	a.writeHealth(w, healthStatus{Status: statusOK})
}

// healthReady reports whether requests should be sent here. A database that becomes
// unavailable later does not change it: taking all replicas out would not help.
func (a *API) healthReady(w http.ResponseWriter, _ *http.Request) {
	a.writeHealth(w, healthStatus{Status: stateOf(a.Ready())})
}

func (a *API) healthDatabase(w http.ResponseWriter, r *http.Request) {
	a.writeHealth(w, healthStatus{Status: stateOf(a.database.ok(r.Context()))})
}

// healthRedis reports the state of Redis. Without one the server does its work.
func (a *API) healthRedis(w http.ResponseWriter, r *http.Request) {
	if a.Redis == nil {
		a.writeHealth(w, healthStatus{Status: statusOK, Mode: "embedded"})
		return
	}
	a.writeHealth(w, healthStatus{Status: stateOf(a.redis.ok(r.Context()))})
}

func stateOf(ok bool) string {
	if ok {
		return statusOK
	}
	return statusUnavailable
}

func (a *API) writeHealth(w http.ResponseWriter, h healthStatus) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status == statusUnavailable {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.MarshalWrite(w, h) // the client may have disconnected
}
