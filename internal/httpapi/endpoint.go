package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// requestTimeout is how long an operation may work.
	requestTimeout = 5 * time.Second
	// bodyTimeout is how long a body may take to arrive.
	bodyTimeout = 15 * time.Second
)

// open registers an operation that anybody may call.
func open[In, Out any](a *API, pattern string, status int, serve func(context.Context, *In) (*Out, error)) {
	register(a, pattern, status, nil, serve)
}

// user registers an operation for signed-in callers. The actor is a parameter,
// so a function cannot forget it.
func user[In, Out any](a *API, pattern string, status int, serve func(context.Context, auth.Actor, *In) (*Out, error)) {
	register(a, pattern, status, a.authenticate, func(ctx context.Context, in *In) (*Out, error) {
		return serve(ctx, callOf(ctx).actor, in)
	})
}

// role registers an operation for callers whose role has a permission. It is
// checked together with the work, by the database's present word.
func role[In, Out any](a *API, pattern string, status int, needs auth.Permission, serve func(context.Context, auth.PrivilegedActor, *In) (*Out, error)) {
	authenticate := func(c *call) error {
		c.needs = needs
		return a.authenticate(c)
	}
	register(a, pattern, status, authenticate, func(ctx context.Context, in *In) (*Out, error) {
		return serve(ctx, callOf(ctx).staff(), in)
	})
}

// call is what the adapter knows of a request while huma reads it. It stays
// inside of this file and problem.go; handlers are given what they need.
type call struct {
	api    *API
	op     operation
	actor  auth.Actor
	signed bool
	// needs is the permission of operations that not everybody may call.
	needs   auth.Permission
	request *http.Request
}

func (c *call) staff() auth.PrivilegedActor {
	return auth.PrivilegedActor{Actor: c.actor, Permission: c.needs}
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// streamed registers an operation for signed-in callers that writes its answer
// itself, part by part. View is the answer as the contract shows it. What it
// returns before it has written anything becomes a problem.
func streamed[View any](a *API, pattern string, serve func(http.ResponseWriter, *http.Request, auth.Actor) error) {
	described := a.operation(pattern, http.StatusOK, a.authenticate)
	schema := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[View](), true, "")
	described.Responses["200"] = &huma.Response{
		Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
	a.huma.OpenAPI().AddOperation(&described)
	a.huma.Adapter().Handle(&described, described.Middlewares.Handler(func(ctx huma.Context) {
		r, w := unwrap(ctx)
		if err := serve(w, r, callOf(ctx.Context()).actor); err != nil {
			a.fail(w, r, err)
		}
	}))
}

// register makes an operation of huma's. authenticate is nil for open ones.
func register[In, Out any](a *API, pattern string, status int, authenticate func(*call) error, serve func(context.Context, *In) (*Out, error)) {
	op := operations[pattern]
	huma.Register(a.huma, a.operation(pattern, status, authenticate), func(ctx context.Context, in *In) (*Out, error) {
		out, err := within(ctx, a.limiterFor(op), cmp.Or(op.timeout, requestTimeout), func(ctx context.Context) (*Out, error) {
			if err := a.startWrite(ctx); err != nil {
				return nil, err
			}
			return serve(ctx, in)
		})
		c := callOf(ctx)
		if err != nil {
			if k := problem.CodeOf(err).Doc().Kind; k == problem.KindInvalidArgument {
				err = c.orRefused(ctx, err)
			}
			return nil, problemOf(c.request, err)
		}
		a.locations.learn(out)
		return out, nil
	})
}

// within works in a slot of a limiter. The work does not observe that a client
// disconnects: pgx closes a connection when a query is cancelled, so a client that
// disconnects in a loop could drain the pool.
func within[Out any](ctx context.Context, l *admission.Limiter, timeout time.Duration, work func(context.Context) (*Out, error)) (*Out, error) {
	release, err := l.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return work(ctx)
}

// operation is what every operation has in common: its description, its faults,
// and what is checked before its body is read.
func (a *API) operation(pattern string, status int, authenticate func(*call) error) huma.Operation {
	op, ok := operations[pattern]
	if !ok {
		panic("routes.go has " + pattern + ", operations.go has not")
	}
	a.order = append(a.order, pattern)
	method, path, _ := strings.Cut(pattern, " ")
	described := huma.Operation{
		OperationID: op.id, Method: method, Path: path, DefaultStatus: status,
		Summary: op.summary, Description: op.description, Tags: []string{op.tag},
		// huma refuses a body of exactly MaxBodyBytes; the contract does not.
		MaxBodyBytes: a.MaxBodyBytes + 1, BodyReadTimeout: bodyTimeout,
	}
	if authenticate != nil {
		described.Security = []map[string][]string{{"bearer": {}}}
	}
	a.known[method+" "+prefix+path] = route{
		pattern: method + " " + prefix + path, path: prefix + path, signed: authenticate != nil,
		cacheable: op.kept, writes: authenticate != nil && method != http.MethodGet && writesContent(method, prefix+path),
		limiter: a.limiterFor(op),
	}
	documentFaults(a.huma, &described, slices.Concat(op.faults, kindFaults(described, op, authenticate != nil)))
	described.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := unwrap(ctx)
		c := &call{api: a, op: op, request: r}
		if err := c.admit(authenticate, ctx.Operation()); err != nil {
			a.fail(w, r, err)
			return
		}
		next(huma.WithValue(ctx, callKey{}, c))
	}}
	return described
}

// admit checks what must hold before the body is read: who calls, and that
// query and headers have a form that the contract knows.
func (c *call) admit(authenticate func(*call) error, op *huma.Operation) error {
	if authenticate != nil {
		if err := authenticate(c); err != nil {
			return err
		}
	}
	err := checkForm(c.request, op, c.op.lenient)
	// A body of another type is what a form of another site would send along
	// with the cookie.
	if problem.CodeOf(err) == problem.UnsupportedMediaType && c.op.cookies && c.api.broughtCookie(c.request, refreshCookieName) != "" {
		return notAsJSON()
	}
	if err != nil {
		return c.orRefused(c.request.Context(), err)
	}
	return nil
}

// authenticate reads the bearer token. That its session is live is checked by
// the store, together with the work.
func (a *API) authenticate(c *call) error {
	caller := a.callerOf(c.request)
	c.actor, c.signed = caller.actor, caller.err == nil
	c.actor.From = clientOf(c.request)
	return caller.err
}

// caller is whom an access token stands for, or why for nobody.
type caller struct {
	actor auth.Actor
	// user is the actor's user as text.
	user string
	err  error
}

// callerOf reads the bearer token, once for each request.
func (a *API) callerOf(r *http.Request) *caller {
	known := recordOf(r.Context())
	if known.caller == nil {
		actor, err := a.Identity.Authenticate(r.Header.Get("Authorization"))
		known.caller = &caller{actor, actor.User.String(), err}
	}
	return known.caller
}

// orRefused is err, or TokenRevoked if the caller's session is dead, or
// PermissionDenied: a request that is refused before it reaches the store must
// not pass for one of somebody who may.
func (c *call) orRefused(ctx context.Context, err error) error {
	if !c.signed {
		return err
	}
	release, shed := c.api.limiterFor(c.op).Acquire(ctx)
	if shed != nil {
		return err
	}
	defer release()
	var refused error
	if c.needs != "" {
		refused = c.api.Identity.Authorize(ctx, c.staff())
	} else {
		refused = c.api.Identity.CheckSession(ctx, c.actor)
	}
	if code := problem.CodeOf(refused); refused != nil && (code == problem.TokenRevoked || code == problem.PermissionDenied) {
		return refused
	}
	return err
}

// kindFaults are the faults that follow from what an operation takes.
func kindFaults(op huma.Operation, o operation, signed bool) []problem.Code {
	faults := []problem.Code{
		problem.InvalidParameter, problem.HTTPSRequired, problem.HeadersTooLarge, problem.RateLimited, problem.Internal, problem.Unavailable,
	}
	if signed {
		faults = append(faults, problem.TokenMissing, problem.TokenInvalid, problem.TokenExpired, problem.TokenRevoked)
	}
	if o.missing != "" {
		faults = append(faults, o.missing)
	}
	if op.Method == http.MethodPut || op.Method == http.MethodPatch || op.Method == http.MethodPost && !strings.HasSuffix(op.Path, "/restore") {
		faults = append(faults, problem.MalformedJSON, problem.BodyTooLarge, problem.UnsupportedMediaType,
			problem.ValidationFailed, problem.RequestTimeout)
	}
	return faults
}
