package httpapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// doc is the description of an operation in the contract. No code depends on it.
type doc struct{ id, tag, summary, description string }

// operation is what an operation needs besides its function.
type operation struct {
	// missing is the problem of a path id that names nothing, or is not an id.
	missing problem.Code
	// missingPart is the problem of the second id of a path; empty without one.
	missingPart problem.Code
	// timeout is how long the function may run; zero means requestTimeout.
	timeout time.Duration
	// lenient ignores unknown query parameters instead of rejecting them.
	lenient bool
	// anyText is the query parameter that may have any text, if there is one.
	anyText string
	// cached lets the response be cached until a write changes it.
	cached bool
	// limiter selects the concurrency limiter of the function.
	limiter limiterKind
	// cookies reads the refresh token also from a cookie.
	cookies bool
	// ownerOnly is for operations on a shared project that no member may use.
	ownerOnly bool
	// emptyBody accepts a request without a body.
	emptyBody bool
	// bodyless is for a POST that has no body.
	bodyless bool
	// texts are the media types of the response besides JSON.
	texts []string
	// problems are those besides the ones that each operation of its kind has.
	problems []problem.Code
}

// isShared reports whether members of a project may use the operation.
func (o operation) isShared() bool {
	return slices.Contains([]problem.Code{problem.ProjectNotFound, problem.SpecificationNotFound, problem.ItemNotFound, problem.BaselineNotFound}, o.missing)
}

// option changes an operation in the table of routes.
type option func(*operation)

// notFound names the problem of the path's id.
func notFound(code problem.Code) option { return func(o *operation) { o.missing = code } }

// partNotFound names the problem of the second id of a path, such as a member's.
func partNotFound(code problem.Code) option { return func(o *operation) { o.missingPart = code } }

// problems adds problems that the function may return.
func problems(codes ...problem.Code) option {
	return func(o *operation) { o.problems = append(o.problems, codes...) }
}

// timeout gives the function more time than requestTimeout.
func timeout(d time.Duration) option { return func(o *operation) { o.timeout = d } }

// cached lets the response be cached.
func cached(o *operation) { o.cached = true }

// lenientQuery ignores query parameters that a provider adds to its redirects.
func lenientQuery(o *operation) { o.lenient = true }

// anyText accepts any text in a query parameter, also NUL and what is not UTF-8.
func anyText(parameter string) option { return func(o *operation) { o.anyText = parameter } }

// signInLimiter counts the function among sign-ins, which wait for Google.
func signInLimiter(o *operation) { o.limiter = signInSlots }

// logoutLimiter lets the function run whatever the load: sessions can always be ended.
// That includes what leads to an end: the list of sessions, and suspensions.
func logoutLimiter(o *operation) { o.limiter = reservedSlots }

// refreshCookie reads the refresh token also from a cookie, so the body may be empty.
func refreshCookie(o *operation) {
	o.cookies, o.emptyBody = true, true
	problems(problem.CSRFRejected)(o)
}

// conditional is for changes with If-Match.
func conditional(o *operation) { problems(problem.PreconditionFailed, problem.InvalidHeader)(o) }

// owners is for operations on a project that its members may not use.
func owners(o *operation) { o.ownerOnly = true }

// idempotent is for creations with Idempotency-Key.
func idempotent(o *operation) {
	problems(problem.IdempotencyInProgress, problem.IdempotencyKeyReused, problem.InvalidHeader)(o)
}

// paged is for lists with page tokens.
func paged(o *operation) { problems(problem.InvalidPageToken)(o) }

// restores is for restoring states of earlier; without a body a resource leaves the trash.
func restores(o *operation) {
	o.emptyBody = true
	past(o)
	problems(problem.UndoConflict, problem.SpecificationLimit, problem.ItemLimit)(o)
}

// texts lets a caller have the response as a text instead of JSON, by Accept. The
// descriptions name the texts. As further contents of the response in the contract, they
// would make each type of a generated client "this or a string".
func texts(media ...string) option { return func(o *operation) { o.texts = media } }

// bodyless is for a POST without a body.
func bodyless(o *operation) { o.bodyless = true }

// past is for reads of states of earlier.
func past(o *operation) {
	problems(problem.RevisionNotFound, problem.BaselineNotFound, problem.HistoryExpired)(o)
}

// allProblems are the problems of an operation, also those that follow from its kind:
// of every request, of callers, of path ids and of bodies.
func (o operation) allProblems(op huma.Operation, a access) []problem.Code {
	all := append(slices.Clone(o.problems),
		problem.InvalidParameter, middleware.MalformedRequest, middleware.HTTPSRequired, middleware.HeadersTooLarge, problem.RateLimited, problem.Internal, problem.Unavailable)
	if a.signedIn {
		all = append(all, problem.TokenMissing, problem.TokenInvalid, problem.TokenExpired, problem.TokenRevoked, problem.InvalidHeader)
	}
	if a.signedIn && a.scope != anyToken {
		all = append(all, problem.InsufficientScope)
	}
	if a.permission != "" {
		all = append(all, problem.PermissionDenied)
	}
	if o.missing != "" {
		all = append(all, o.missing)
	}
	if o.missingPart != "" {
		all = append(all, o.missingPart)
	}
	if o.isShared() && op.Method != http.MethodGet { // by a viewer, or by an editor what is the owner's
		all = append(all, problem.PermissionDenied)
	}
	if op.Method == http.MethodPut || op.Method == http.MethodPatch || op.Method == http.MethodPost && !o.bodyless {
		all = append(all, problem.MalformedJSON, middleware.BodyTooLarge, middleware.UnsupportedMediaType,
			problem.ValidationFailed, middleware.RequestTimeout)
	}
	return all
}
