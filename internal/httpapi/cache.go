package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// Cache caches responses to reads of content. Package cache implements it, and says
// what it promises.
type Cache interface {
	// Lookup charges the rates of a request and looks for its response.
	Lookup(ctx context.Context, q cache.Request) cache.Result
	// Store stores the response to a lookup.
	Store(q cache.Request, g cache.Generation, s cache.Scope, r cache.Response)
	// Begin charges the rates of a write and marks it. If it fails, the write must not
	// start.
	Begin(ctx context.Context, w cache.Write) (ratelimit.Decision, cache.Pending, error)
	// Renew marks a write anew that starts late.
	Renew(ctx context.Context, p cache.Pending) (cache.Pending, error)
	// End notes that a write is over.
	End(p cache.Pending)
}

// What the cache did for a read, in logs and metrics.
const (
	hit  = "hit"
	miss = "miss"
	// bypass: the response was neither taken from the cache nor stored there.
	bypass = "bypass"
)

// maxCachedURI is the length of the longest path and query whose response is cached,
// in bytes.
const maxCachedURI = 512

// limitAndCache charges each request to its rate limits, before anything else is done
// for it and before its body is read. In the same call it looks for a cached response,
// or marks a write.
func (a *API) limitAndCache(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info := requestInfoFrom(r.Context())
		if exempt(info.route, r) {
			next.ServeHTTP(w, r)
			return
		}
		info.limits.header = w.Header()
		if len(info.route.texts) > 0 {
			w.Header().Add("Vary", "Accept")
		}
		verified := info.route.signed && a.callerOf(r).err == nil
		if verified {
			info.at, _ = a.sharedAtPath(r)
		}
		if err := a.serve(w, r, next, verified); err != nil {
			a.fail(w, r, err)
		} else if verified && info.route.writes {
			a.wakeStreams(r)
		}
	})
}

// serve serves a request from the cache, or with a mark in it, or without the cache.
// Verified is true if the credential of the caller is valid.
func (a *API) serve(w http.ResponseWriter, r *http.Request, next http.Handler, verified bool) error {
	route, at := requestInfoFrom(r.Context()).route, requestInfoFrom(r.Context()).at
	switch {
	case a.Cache == nil || !verified:
		return a.serveUncached(w, r, next)
	case route.cacheable && at.IsZero() && cacheable(r) && mediaType(r.Header, route.texts) == openapi.JSON:
		return a.serveRead(w, r, next)
	case route.writes:
		return a.serveWrite(w, r, next)
	default:
		return a.serveUncached(w, r, next)
	}
}

// wakeStreams wakes the streams at this replica that a write concerns. Streams at others
// are woken by the end of the write in Redis.
func (a *API) wakeStreams(r *http.Request) {
	info := requestInfoFrom(r.Context())
	scopes := a.locations.written(info.route, r.URL.Path)
	a.Events.Wake(info.owner(), cache.Changed(scopes)...)
}

// cacheable reports whether the response depends on nothing but the URI and the user.
// A read with one of these headers may be refused, see checkRequest.
func cacheable(r *http.Request) bool {
	return len(r.URL.RequestURI()) <= maxCachedURI && !isShared(r) && r.Header["If-Match"] == nil && r.Header["Idempotency-Key"] == nil
}

// isShared reports whether a request may be about projects of others, which other users
// change.
func isShared(r *http.Request) bool { return r.URL.RawQuery != "" && r.URL.Query().Has("shared") }

// serveUncached serves what has nothing to do with the cache. A request that would be
// shed anyway costs neither Redis nor its client's limit anything.
func (a *API) serveUncached(w http.ResponseWriter, r *http.Request, next http.Handler) error {
	route := requestInfoFrom(r.Context()).route
	if route.limiter != nil && !route.cacheable {
		arrived, err := route.limiter.Arrive()
		if err != nil {
			return err
		}
		err = a.consume(r.Context(), a.limitKeys(route, r)...)
		arrived()
		if err != nil {
			return err
		}
	} else if err := a.consume(r.Context(), a.limitKeys(route, r)...); err != nil {
		return err
	}
	next.ServeHTTP(w, r)
	return nil
}

// serveRead serves a read from the cache, or stores its response there.
func (a *API) serveRead(w http.ResponseWriter, r *http.Request, next http.Handler) error {
	info := requestInfoFrom(r.Context())
	actor := info.caller.actor
	q := cache.Request{User: actor.User, Session: actor.CredentialID(), Resource: a.contractVersion() + r.URL.RequestURI(), Rates: a.defaultRate}
	result := a.Cache.Lookup(r.Context(), q)
	if err := a.decided(r.Context(), result.Decision); err != nil {
		return err
	}
	switch {
	case result.Response != nil:
		info.Cache = hit
		a.locations.learnScope(r.URL.Path, result.Scope)
		writeCached(w, *result.Response)
	case result.Generation.IsZero():
		info.Cache = bypass
		next.ServeHTTP(w, r)
	default:
		info.Cache = miss
		recorder := &responseRecorder{StatusWriter: middleware.StatusWriter{ResponseWriter: w}}
		next.ServeHTTP(recorder, r)
		if response, complete := recorder.response(); complete && info.at.IsZero() { // what others own can change without a mark of the caller
			a.Cache.Store(q, result.Generation, a.scopeOf(r), response)
		}
	}
	return nil
}

// serveWrite marks a write, and ends its mark behind the response. A write that failed
// in the server may still be committed: its mark ends by itself, at its deadline.
func (a *API) serveWrite(w http.ResponseWriter, r *http.Request, next http.Handler) error {
	info := requestInfoFrom(r.Context())
	arrived, err := info.route.limiter.Arrive()
	if err != nil {
		return err
	}
	mark := cache.Write{User: info.owner(), Scopes: a.locations.written(info.route, r.URL.Path), Rates: a.defaultRate}
	if !info.at.IsZero() { // the caller pays for the write, and its mark is the owner's
		if err := a.consume(r.Context(), a.limitKeys(info.route, r)...); err != nil {
			arrived()
			return err
		}
		mark.Rates = nil
	}
	decision, pending, err := a.Cache.Begin(r.Context(), mark)
	arrived()
	if refused := a.decided(r.Context(), decision); refused != nil {
		return refused
	}
	if err != nil {
		return cannotMark(err)
	}
	info.write = &write{user: mark.User, pending: pending, scopes: mark.Scopes}
	response := &middleware.StatusWriter{ResponseWriter: w}
	next.ServeHTTP(response, r)
	if !info.write.started || response.Status < http.StatusInternalServerError {
		a.Cache.End(info.write.pending)
	}
	return nil
}

// cannotMark is the problem of a write that cannot be marked: other servers could
// serve what was before it.
func cannotMark(err error) error {
	p := problem.New(problem.Unavailable, "The servers cannot reach each other at the moment. Nothing was changed; repeat the request shortly.")
	p.RetryAfter = time.Second
	return p.Because(err)
}

// write is a request that the cache has marked.
type write struct {
	// user is the owner of the content.
	user    auth.UserID
	pending cache.Pending
	scopes  []cache.Scope
	// started is true once the operation works.
	started bool
}

// startWrite is called when an operation begins to work. The mark of a write bounds
// how long the write may take from the mark on, so a write that waited is marked anew.
func (a *API) startWrite(ctx context.Context) error {
	w := requestInfoFrom(ctx).write
	if w == nil {
		return nil
	}
	if w.pending.Stale(time.Now()) {
		pending, err := a.Cache.Renew(ctx, w.pending)
		if w.pending = pending; err != nil {
			return cannotMark(err)
		}
	}
	w.started = true
	return nil
}

// writeCached writes a cached response.
func writeCached(w http.ResponseWriter, r cache.Response) {
	h := w.Header()
	if r.ETag != "" {
		h.Set("ETag", r.ETag)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(r.Body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(r.Body) // the client may have disconnected
}

// responseRecorder copies a response while it is written, as long as it may be cached.
type responseRecorder struct {
	middleware.StatusWriter

	body []byte
	// incomplete is true if the copy is not the whole response: it is too large, or the
	// client has disconnected while it was written.
	incomplete bool
}

// Write copies what is written.
func (c *responseRecorder) Write(b []byte) (int, error) {
	n, err := c.StatusWriter.Write(b)
	if c.incomplete = c.incomplete || err != nil || n < len(b) || len(c.body)+len(b) > cache.MaxBody; !c.incomplete {
		c.body = append(c.body, b...)
	}
	return n, err
}

// response returns the copy, and whether it may be cached.
func (c *responseRecorder) response() (cache.Response, bool) {
	return cache.Response{ETag: c.Header().Get("ETag"), Body: c.body}, c.Status == http.StatusOK && !c.incomplete
}

// contractDigest is the digest of the contract, once it was needed. The contract is the
// same in all configurations.
var contractDigest struct {
	once  sync.Once
	value string
}

// contractVersion identifies the contract, so that a release does not serve what
// another has cached in its form.
func (a *API) contractVersion() string {
	contractDigest.once.Do(func() {
		document, err := a.ContractJSON()
		if err != nil {
			panic("render the contract: " + err.Error()) // it is made of the program's types
		}
		digest := sha256.Sum256(document)
		contractDigest.value = hex.EncodeToString(digest[:6])
	})
	return contractDigest.value
}
