// Package cache caches responses to reads, for each user. [Redis] shares them between
// all replicas, [Local] holds them in this process.
//
// A response is served until something it depends on changes. What it depends on are
// its scopes: a project, a specification, or lists. Each write names the scopes that it
// changes, before it begins ([Redis.Begin]) and after it is over ([Redis.End]). The
// bookkeeping of a user counts these events, and remembers for each scope the count
// of its last one: its generation. A response carries the count of the time at which
// of the cache miss, before the database was queried. It is served if
//
//   - no event of its scopes was counted since,
//   - no write to its scopes is pending, and
//   - the session of the caller was live when the database was last queried, less than [sessionTTL] ago.
//
// So a read is never older than a write that ended before it: the pending write bars
// the scope from before its commit until its end is counted, and what was looked up
// before that has an older count. The end may therefore follow the response. A write
// whose end gets lost counts as ended after the quiet period, which is longer than any
// write can take from Begin to its commit.
//
// [Redis.Invalidate] starts a new identity of the bookkeeping, under which no response
// and no session is known. It is called after the commit that ends a session, and
// before the response to that. A read in between may still be served, as if it had
// come before. A read that was looked up before and is stored afterwards has the old
// identity, so it revives neither its response nor its session. If the process dies in
// between, the caller has no response, and the session is served for [sessionTTL] or
// the TTL of responses at most.
//
// docs/decisions/0022-cache-by-generations.md says why this holds whatever happens to
// Redis. The package does not depend on HTTP: a resource is a string.
package cache

import (
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

const (
	// MaxBody is the size of the largest body that is cached, in bytes.
	MaxBody = 64 << 10
	// maxWriteTime is longer than a write takes from its mark to its commit: it starts
	// within renewAfter, or is marked anew, and takes five seconds at most. It is also
	// the quiet period: how long new bookkeeping serves nothing, since the marks of
	// writes may have been lost with the old one.
	maxWriteTime = 10 * time.Second
	// renewAfter is the age at which the mark of a write that has not started is too
	// old.
	renewAfter = time.Second
	// sessionTTL is how long a session counts as live without a query to the
	// database, if responses are cached for longer.
	sessionTTL = time.Minute
)

// Scope is what a response depends on, and what a write changes: the id of a project or
// of a specification, or one of the following. A response may depend on several.
type Scope string

// Join returns the scope of a response that depends on several.
func Join(scopes ...Scope) Scope { return Scope(joinScopes(scopes, ",")) }

// split returns what was joined.
func (s Scope) split() []Scope { return split(string(s), ",") }

func split(joined, separator string) []Scope {
	var scopes []Scope
	for name := range strings.SplitSeq(joined, separator) {
		scopes = append(scopes, Scope(name))
	}
	return scopes
}

const (
	// All is every scope: that of a response or a write whose project is unknown.
	All Scope = "*"
	// Lists is what the user has beside the content of projects: the list of projects,
	// and the profile.
	Lists Scope = "lists"
	// ListsOf is followed by the id of a project: its own lists, which show the content of
	// its specifications.
	ListsOf Scope = "lists:"
)

// Request is a read whose response may be cached.
type Request struct {
	User auth.UserID
	// Session is that of the caller, or names another credential that passes for live alike.
	Session auth.SessionID
	// Resource names what is read: the same name, the same response.
	Resource string
	// Rates are charged to the user in the same call.
	Rates []ratelimit.Rate
}

// Result is the result of a lookup.
type Result struct {
	Decision ratelimit.Decision
	// Response is the cached response, nil after a miss; Scope is its scope. The
	// body must not be written to.
	Response *Response
	Scope    Scope
	// Generation is for storing the response that was not there.
	Generation Generation
}

// Response is a successful response to a read.
type Response struct {
	// ETag is empty if the response has none.
	ETag string
	Body []byte
}

// Generation is the state of a user's bookkeeping at a lookup. The response to a
// lookup with the zero one must not be stored.
type Generation struct {
	id    string
	count int64
	// at is the time of the lookup by Redis's clock, in microseconds.
	at int64
}

// IsZero reports whether nothing must be stored.
func (g Generation) IsZero() bool { return g.id == "" }

// Write is a request that changes something.
type Write struct {
	User   auth.UserID
	Scopes []Scope
	// Rates are charged to the user in the same call.
	Rates []ratelimit.Rate
}

// Pending is a write between Begin and End. The zero one is not marked in the
// bookkeeping.
type Pending struct {
	user   auth.UserID
	scopes []Scope
	id     string
	began  time.Time
}

// Stale reports whether the write has to be marked anew before it starts.
func (p Pending) Stale(now time.Time) bool { return now.Sub(p.began) > renewAfter }

// sessionLifetime is how long a session counts as live if responses are cached for
// ttl.
func sessionLifetime(ttl time.Duration) time.Duration { return min(ttl, sessionTTL) }

func joinScopes(scopes []Scope, separator string) string {
	names := make([]string, len(scopes))
	for n, s := range scopes {
		names[n] = string(s)
	}
	return strings.Join(names, separator)
}
