package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/maypok86/otter/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// An operation on a thing is first carried out for its owner. If the caller owns no such
// thing, the store is queried for whether it is shared with the caller, and the operation is
// carried out again in the role of a member. A remembered location saves the first two
// steps. It is never a permission: each transaction of a member reads the membership.

// sharedThingOf is a thing as one user reaches it.
type sharedThingOf struct {
	user  auth.UserID
	thing [16]byte
}

// sharedLocations remembers the locations of things that others share, for each user that
// they were found for. So a request of another user has no effect on their owner.
type sharedLocations struct {
	known *otter.Cache[sharedThingOf, auth.Location]
}

func newSharedLocations() *sharedLocations {
	return &sharedLocations{otter.Must(&otter.Options[sharedThingOf, auth.Location]{MaximumSize: maxLocations})}
}

// learn remembers the location of a thing and that of its project.
func (l *sharedLocations) learn(user auth.UserID, thing [16]byte, at auth.Location) {
	l.known.Set(sharedThingOf{user, thing}, at)
	l.known.Set(sharedThingOf{user, at.Project}, at)
}

// forget is for a user who is no member any more.
func (l *sharedLocations) forget(user auth.UserID, thing [16]byte, at auth.Location) {
	l.known.Invalidate(sharedThingOf{user, thing})
	l.known.Invalidate(sharedThingOf{user, at.Project})
}

// sharedAt returns the remembered location of a thing that is shared with a user.
func (a *API) sharedAt(user auth.UserID, thing [16]byte) (auth.Location, bool) {
	if at, known := a.shared.known.GetIfPresent(sharedThingOf{user, thing}); known {
		return at, true
	}
	of, known := a.locations.known.GetIfPresent(thing)
	if !known {
		return auth.Location{}, false
	}
	return a.shared.known.GetIfPresent(sharedThingOf{user, of.project})
}

// sharedThing returns the thing in the path of a request, and whether such things can be
// shared. They can where a missing one is a problem of the operation.
func sharedThing(path string) (kind string, thing [16]byte, ok bool) {
	kind, name := resourceOf(path)
	switch kind {
	case "projects", "specs", "items", "baselines":
		parsed, err := id.Parse[any](name)
		return kind, parsed, err == nil
	default:
		return "", thing, false
	}
}

// sharedAtPath returns the remembered location of the thing in the path of a request with a
// valid access token, if another user owns it.
func (a *API) sharedAtPath(r *http.Request) (auth.Location, bool) {
	_, thing, ok := sharedThing(r.URL.Path)
	if !ok {
		return auth.Location{}, false
	}
	return a.sharedAt(requestInfoFrom(r.Context()).caller.actor.User, thing)
}

// located carries out an operation for the owner of the thing in the path, or for a member
// of its project.
func located[Out any](ctx context.Context, c *call, work func() (Out, error)) (out Out, err error) {
	a := c.api
	kind, thing, ok := sharedThing(c.request.URL.Path)
	if !ok || !c.op.isShared() {
		return work()
	}
	at, known := a.sharedAt(c.actor.User, thing)
	if !known {
		if out, err = work(); err == nil || problem.CodeOf(err) != c.op.missing {
			return out, err
		}
	}
	if !known || c.op.ownerOnly { // that needs a membership, too, but does not read it
		found, notFound := a.Auth.Locate(ctx, c.actor, kind, thing)
		if errors.Is(notFound, auth.ErrNotMember) {
			return out, problem.NotFound(c.op.missing)
		}
		if notFound != nil {
			return out, notFound
		}
		at = found
		a.shared.learn(c.actor.User, thing, at)
	}
	if c.op.ownerOnly {
		return out, problem.New(problem.PermissionDenied, "This operation is for the owner of the project alone.")
	}
	c.actor.At = at
	if err := a.enter(ctx, at); err != nil {
		return out, err
	}
	out, err = work()
	if errors.Is(err, auth.ErrNotMember) {
		a.shared.forget(c.actor.User, thing, at)
		err = problem.NotFound(c.op.missing)
	}
	return out, err
}

// enter notes that a request is about the content of another user. A write that is marked
// for its caller is marked for that user instead: nothing of the caller's changes.
func (a *API) enter(ctx context.Context, at auth.Location) error {
	info := requestInfoFrom(ctx)
	info.at = at
	w := info.write
	if w == nil || w.user == at.Owner {
		return nil
	}
	a.Cache.End(w.pending)
	_, pending, err := a.Cache.Begin(ctx, cache.Write{User: at.Owner, Scopes: w.scopes})
	w.user, w.pending = at.Owner, pending
	if err != nil {
		return cannotMark(err)
	}
	return nil
}
