package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// requestTimeout is how long the function of an operation may run.
	requestTimeout = 5 * time.Second
	// bodyTimeout is how long a body may take to arrive.
	bodyTimeout = 15 * time.Second
)

// access is what an operation requires of its caller: nothing, a valid access token, or
// a role with a permission.
type access struct {
	signedIn   bool
	permission auth.Permission
}

// open registers an operation that needs no access token.
func open[In, Out any](a *API, pattern string, status int, serve func(context.Context, *In) (*Out, error), d doc, options ...option) {
	register(a, pattern, status, access{}, serve, d, options)
}

// user registers an operation for signed-in users. The actor is a parameter, so the
// function cannot forget it.
func user[In, Out any](a *API, pattern string, status int, serve func(context.Context, auth.Actor, *In) (*Out, error), d doc, options ...option) {
	register(a, pattern, status, access{signedIn: true}, func(ctx context.Context, in *In) (*Out, error) {
		return serve(ctx, callFrom(ctx).actor, in)
	}, d, options)
}

// role registers an operation for users whose role has a permission. The database
// checks it in the transaction of the work.
func role[In, Out any](a *API, pattern string, status int, needs auth.Permission, serve func(context.Context, auth.PrivilegedActor, *In) (*Out, error), d doc, options ...option) {
	register(a, pattern, status, access{signedIn: true, permission: needs}, func(ctx context.Context, in *In) (*Out, error) {
		return serve(ctx, callFrom(ctx).privileged(), in)
	}, d, options)
}

// streamed registers an operation for signed-in users that writes its response
// itself, part by part. View is the response as the contract shows it. An error that
// is returned before the first write becomes a problem.
func streamed[View any](a *API, pattern string, serve func(http.ResponseWriter, *http.Request, auth.Actor) error, d doc, parameters []*huma.Param, options ...option) {
	described, _ := a.operation(pattern, http.StatusOK, access{signedIn: true}, d, options)
	described.Parameters = parameters
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[View](), true, "")
	described.Responses["200"] = &huma.Response{
		Description: "OK", Content: map[string]*huma.MediaType{openapi.JSON: {Schema: schema}},
	}
	a.huma.OpenAPI().AddOperation(&described)
	a.huma.Adapter().Handle(&described, described.Middlewares.Handler(func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if err := serve(w, r, callFrom(ctx.Context()).actor); err != nil {
			a.fail(w, r, err)
		}
	}))
}

// register registers an operation with huma.
func register[In, Out any](a *API, pattern string, status int, required access, serve func(context.Context, *In) (*Out, error), d doc, options []option) {
	described, op := a.operation(pattern, status, required, d, options)
	limiter := a.limiterFor(op)
	var plan *body.Plan
	huma.Register(a.huma, described, func(ctx context.Context, in *In) (*Out, error) {
		c, decoded := callFrom(ctx), false
		out, err := limited(ctx, limiter, c.caller, cmp.Or(op.timeout, requestTimeout), func(ctx context.Context) (*Out, error) {
			if err := c.decode(in, plan); err != nil {
				return nil, err
			}
			decoded = true
			if err := a.startWrite(ctx); err != nil {
				return nil, err
			}
			return located(ctx, c, func() (*Out, error) { return serve(ctx, in) })
		})
		a.noteLocation(c.request, out, err)
		if err != nil {
			if !decoded || problem.CodeOf(err).Doc().Kind == problem.KindInvalidArgument {
				err = c.authorizedError(ctx, err)
			}
			return nil, problemOf(c.request, err)
		}
		a.locations.learn(out)
		return out, nil
	})
	plan = planFor[In, Out](a, pattern, op)
}

// limited runs work within a concurrency limiter. The work does not observe client
// cancellation: pgx closes a connection when a query is cancelled, so a client that
// disconnects in a loop could drain the pool.
func limited[Out any](ctx context.Context, limiter *admission.Limiter, caller string, timeout time.Duration, work func(context.Context) (*Out, error)) (*Out, error) {
	release, err := limiter.AcquireFor(ctx, caller)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return work(ctx)
}

// operation describes an operation to huma and to the contract, with the checks that
// come before its body is read.
func (a *API) operation(pattern string, status int, required access, d doc, options []option) (huma.Operation, operation) {
	var op operation
	for _, set := range options {
		set(&op)
	}
	method, path, _ := strings.Cut(pattern, " ")
	a.order = append(a.order, pattern)
	a.operations[pattern] = op
	a.known[method+" "+prefix+path] = route{
		pattern: method + " " + prefix + path, path: prefix + path, signed: required.signedIn,
		cacheable: op.cached, writes: required.signedIn && method != http.MethodGet && writesContent(method, prefix+path),
		texts: op.texts, limiter: a.limiterFor(op),
	}
	maxBody := a.MaxBodyBytes
	if strings.HasPrefix(path, "/auth/") {
		maxBody = min(maxBody, maxAuthBody)
	}
	described := huma.Operation{
		OperationID: d.id, Method: method, Path: path, DefaultStatus: status,
		Summary: d.summary, Description: d.description, Tags: []string{d.tag},
		// huma rejects a body of exactly MaxBodyBytes; the contract accepts it.
		MaxBodyBytes: maxBody + 1, BodyReadTimeout: bodyTimeout,
	}
	if required.signedIn {
		described.Security = []map[string][]string{{"bearer": {}}}
	}
	a.contract.SetProblems(&described, op.allProblems(described, required))
	described.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		c := &call{api: a, op: op, access: required, request: r, maxBody: maxBody, caller: a.callerName(r)}
		if err := c.check(ctx.Operation()); err != nil {
			a.fail(w, r, err)
			return
		}
		defer c.hold()()
		next(huma.WithContext(ctx, admission.NewContext(context.WithValue(ctx.Context(), callKey{}, c), &c.response)))
	}}
	return described, op
}

// call is the state of the adapter for a request while huma reads it. It stays within
// this file and validation.go; functions get what they need as parameters.
type call struct {
	api     *API
	op      operation
	access  access
	request *http.Request
	actor   auth.Actor
	// verified reports whether the access token is valid.
	verified bool
	// caller is what the bounds of one caller go by.
	caller string
	// maxBody is the size of the largest body, in bytes.
	maxBody int64
	// body and response are what the request holds of the budgets of bytes.
	body, response admission.Account
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

func (c *call) privileged() auth.PrivilegedActor {
	return auth.PrivilegedActor{Actor: c.actor, Permission: c.access.permission}
}

// hold counts the bytes of the request's body and of its response against the budgets
// of the caller, until the function that it returns is called.
func (c *call) hold() (release func()) {
	c.body, c.response = c.api.Admission.Bodies.Open(c.caller), c.api.Admission.Responses.Open(c.caller)
	if c.request.Body != nil {
		c.request.Body = &countedBody{c.request.Body, &c.body}
	}
	return func() {
		c.body.Close()
		c.response.Close()
	}
}

// check checks what must hold before the body is read: the access token, the form of
// query and headers, and the size that the body is announced with. A client that waits
// for 100 (Continue) is then not invited to send it (RFC 9110, section 10.1.1).
func (c *call) check(op *huma.Operation) error {
	if c.access.signedIn {
		if err := c.authenticate(); err != nil {
			return err
		}
	}
	if accept := c.request.Header["Accept"]; len(accept) > 1 || len(accept) == 1 && !isCommon(accept[0]) {
		c.request.Header.Set("Accept", mediaType(c.request.Header, c.op.texts)) // huma panics on some others
	}
	err := checkRequest(c.request, op, c.op)
	// A form of another site would send a body of another type along with the cookie.
	if problem.CodeOf(err) == middleware.UnsupportedMediaType && c.op.cookies && login.HasRefreshCookie(c.request) {
		return login.NotJSON()
	}
	if err == nil && op.RequestBody != nil && c.request.ContentLength > c.maxBody {
		err = bodyTooLarge(c.maxBody)
	}
	if err != nil {
		return c.authorizedError(c.request.Context(), err)
	}
	return nil
}

// authenticate verifies the access token. The store checks that its session is live,
// in the transaction of the work.
func (c *call) authenticate() error {
	caller := c.api.callerOf(c.request)
	c.actor, c.verified = caller.actor, caller.err == nil
	c.actor.From = login.Client(c.request)
	return caller.err
}

// caller is the result of an access token: an actor, or an error.
type caller struct {
	actor auth.Actor
	// user is the id of the actor's user as text.
	user string
	err  error
}

// callerOf verifies the access token, once for each request.
func (a *API) callerOf(r *http.Request) *caller {
	info := requestInfoFrom(r.Context())
	if info.caller == nil {
		var actor auth.Actor
		err := checkAuthorization(r.Header)
		if err == nil {
			actor, err = a.Auth.Authenticate(r.Header.Get("Authorization"))
		}
		info.caller = &caller{actor, actor.User.String(), err}
		if err == nil {
			info.User = info.caller.user
		}
	}
	return info.caller
}

// callerName is what the bounds of one caller go by: the user of a valid access token,
// or else the address.
func (a *API) callerName(r *http.Request) string {
	if route := requestInfoFrom(r.Context()).route; route.signed {
		if caller := a.callerOf(r); caller.err == nil {
			return caller.user
		}
	}
	return limitKey(a.address(r))
}

// authorizedError is err for callers who may use the operation; for others it is
// TokenRevoked or PermissionDenied. A request that is rejected before it reaches the
// store must not show the others what a valid request looks like.
func (c *call) authorizedError(ctx context.Context, err error) error {
	if !c.verified {
		return err
	}
	_, denied := limited(ctx, c.api.limiterFor(c.op), c.caller, requestTimeout, func(ctx context.Context) (*struct{}, error) {
		if c.access.permission != "" {
			return nil, c.api.Auth.Authorize(ctx, c.privileged())
		}
		return nil, c.api.Auth.CheckSession(ctx, c.actor)
	})
	if code := problem.CodeOf(denied); denied != nil && (code == problem.TokenRevoked || code == problem.PermissionDenied) {
		return denied
	}
	return err
}
