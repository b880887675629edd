// Package events holds the streams of live updates: which streams watch which projects,
// how many there may be, and what wakes them.
//
// A wake-up carries nothing. A stream that is woken reads the changes after the last one
// that it has sent, so nothing is lost or repeated, whatever happens to the wake-ups.
// Streams are woken by writes at this replica, by notifications of other replicas
// ([Listener]), and by a query for all streams together, which runs each [pollInterval].
//
// The package depends on neither HTTP nor SQL nor Redis. It needs the changes through
// [Store], which package postgres implements.
package events

import (
	"context"
	"errors"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

const (
	// DefaultMaxPerUser is the maximum number of streams of a user.
	DefaultMaxPerUser = 8
	// DefaultMax is the maximum number of streams of a replica.
	DefaultMax = 2000
	// pollInterval is the time between two queries for all streams. A stream ends within
	// a second of its session, so it is shorter than that.
	pollInterval = 750 * time.Millisecond
	// readTimeout bounds a query.
	readTimeout = 5 * time.Second
	// pageSize is how many changes are read at once.
	pageSize = 200
	// retryAfter is when a client may open a stream again that was rejected.
	retryAfter = 5 * time.Second
)

// Watch is what a stream is about: a project as the user of a session sees it. The zero
// Project stands for all projects that the user owns.
type Watch struct {
	User    auth.UserID
	Session auth.SessionID
	// Owner is the owner of the project: the user, or another one who shares it.
	Owner   auth.UserID
	Project requirements.ProjectID
}

// actor returns the actor of the stream's queries.
func (w Watch) actor() auth.Actor {
	a := auth.Actor{User: w.User, Session: w.Session}
	if w.Owner != w.User {
		a.At = auth.Location{Owner: w.Owner, Project: w.Project}
	}
	return a
}

// State is whether a stream may go on, and whether it has something to read.
type State struct {
	// Live is false once the session has ended, Found once the project is not live or not
	// shared with the user any more.
	Live, Found bool
	// Revision is the newest one of the project; for all projects, the sum of their revisions.
	Revision int64
}

// Store reads what streams send.
type Store interface {
	// Feed reads up to limit changes of a live project after a position, from the oldest to
	// the newest, and its newest revision. It is TokenRevoked, ProjectNotFound or
	// auth.ErrNotMember.
	Feed(ctx context.Context, actor auth.Actor, project requirements.ProjectID, after history.Position, limit int) (Page, error)
	// NewestRevisions reads the newest revision of each project of the actor, by id.
	NewestRevisions(ctx context.Context, actor auth.Actor) ([]ProjectRevision, error)
	// Watched reads the states of streams, in one round trip and in their order.
	Watched(ctx context.Context, streams []Watch) ([]State, error)
}

// Page is the result of one read.
type Page struct {
	// Head is the newest revision of the project.
	Head int64
	// Changes are complete revisions, except that the last one goes on if there are More.
	Changes []history.Change
	More    bool
	// Projects are those of a stream about all projects.
	Projects []ProjectRevision
}

// ProjectRevision is the newest revision of a project.
type ProjectRevision struct {
	Project  requirements.ProjectID
	Revision int64
}

// Listener receives the notifications of other replicas.
type Listener interface {
	// Listen calls changed when another replica has written for a user, until ctx is done.
	// The names are the ids of the changed projects, as text; none means that any may have
	// changed. Notifications may be late, lost and repeated.
	Listen(ctx context.Context, user auth.UserID, changed func(projects ...string))
}

// Config is what the hub needs.
type Config struct {
	Store Store
	// Listener is nil for a server without Redis.
	Listener Listener
	// Acquire takes a slot for a query for a user, which release gives back.
	Acquire func(ctx context.Context, user string) (release func(), err error)
	// MaxPerUser and Max are DefaultMaxPerUser and DefaultMax if they are zero.
	MaxPerUser, Max int
}

// Ended reports whether a stream that got an error is over. After any other error it is
// woken again.
func Ended(err error) bool {
	code := problem.CodeOf(err)
	return errors.Is(err, auth.ErrNotMember) || err != nil && (code == problem.TokenRevoked || code == problem.ProjectNotFound)
}

func errTooMany(maximum int) error {
	p := problem.New(problem.TooManyStreams, "You have %d streams of events at this server. Close one, or let tabs and programs share one.", maximum)
	p.RetryAfter = retryAfter
	return p
}

func errUnavailable(detail string) error {
	p := problem.New(problem.Unavailable, "%s", detail)
	p.RetryAfter = retryAfter
	return p
}
