package httpapi

import (
	"maps"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// conditional are the faults of changes that take If-Match, retried those of
// creations that take Idempotency-Key.
var (
	conditional = []problem.Code{problem.PreconditionFailed, problem.InvalidHeader}
	retried     = []problem.Code{problem.IdempotencyInProgress, problem.IdempotencyKeyReused, problem.InvalidHeader}
)

// operation is what the contract says of a route beside its types.
type operation struct {
	id, summary, description, tag string
	// missing is the fault of a path id that names nothing, also of one that is
	// not an id at all.
	missing problem.Code
	// timeout is how long the operation may work, where requestTimeout is not
	// enough.
	timeout time.Duration
	// lenient takes query parameters that it does not know: those that a
	// provider adds to its answers.
	lenient bool
	// kept lets the answer of a read be remembered until its caller changes
	// something.
	kept bool
	// place is which places it takes while it works.
	place place
	// cookies takes the refresh token from a cookie too.
	cookies bool
	// faults are those the operation may answer beside the ones that follow
	// from its kind: of callers, of bodies, of path ids, and of our own.
	faults []problem.Code
}

// operations has one entry for each line of routes.go; a missing one stops the
// program at its start.
var operations = operationsOf(sessionOperations, userOperations, projectOperations, specificationOperations, itemOperations, adminOperations)

// with is faults and some more.
func with(faults []problem.Code, more ...problem.Code) []problem.Code {
	return slices.Concat(faults, more)
}

func operationsOf(groups ...map[string]operation) map[string]operation {
	all := map[string]operation{}
	for _, group := range groups {
		maps.Copy(all, group)
	}
	return all
}

var sessionOperations = map[string]operation{
	"POST /auth/login": {
		id: "login", tag: "Sessions", summary: "Sign in with Google", place: forSignIns,
		description: "Exchanges a Google ID token, or an authorization code with its PKCE verifier, for an access token and a refresh token. The first sign-in makes the user. An ID token signs in once; so does a code. With `cookie` the refresh token goes into a cookie that no script can read (`HttpOnly`, `SameSite=Strict`; `__Host-refresh_token` under HTTPS, else `refresh_token`).",
		faults:      []problem.Code{problem.GoogleTokenInvalid, problem.EmailNotVerified, problem.DomainNotAllowed, problem.AccountSuspended, problem.CSRFRejected},
	},
	"GET /auth/google": {
		id: "beginSignIn", tag: "Sessions", summary: "Sign in with a browser", place: forSignIns,
		description: "Sends the browser to Google, and keeps state, nonce and PKCE verifier in a cookie for ten minutes. Open it as a page, not with a script.",
	},
	"GET /auth/google/callback": {
		id: "finishSignIn", tag: "Sessions", summary: "Come back from Google", lenient: true, place: forSignIns,
		description: "Google sends the browser here. The refresh token goes into a cookie, as with `cookie` in `POST /auth/login`, and the browser back to `return_to`; the page there gets its access token from `POST /auth/refresh`. If the sign-in fails, `return_to` gets the parameter `error`: the code of a problem, or `access_denied` where the person has declined. An answer that does not belong to a sign-in of this browser is a problem instead.",
		faults:      []problem.Code{problem.CSRFRejected},
	},
	"POST /auth/refresh": {
		id: "refresh", tag: "Sessions", summary: "Refresh the token pair", cookies: true,
		description: "Exchanges the refresh token for a new pair. A token that comes in the cookie is answered in the cookie; such a request needs `Content-Type: application/json` and an allowed origin. Each refresh token works once; the one before the newest gets the same successor again for a few seconds, for answers that were lost and second tabs. Any other old token ends the session.",
		faults:      []problem.Code{problem.RefreshTokenInvalid, problem.RefreshTokenExpired, problem.RefreshTokenReused, problem.CSRFRejected},
	},
	"POST /auth/logout": {
		id: "logout", tag: "Sessions", summary: "End this session, or all", cookies: true, place: forEnds,
		description: "Ends the session for good and at once: after the answer no token of it is accepted. Works by the access token, or by the refresh token where that has expired; twice is as good as once. A token in the cookie counts under the same conditions as for `POST /auth/refresh`, and the cookie is removed.",
		faults:      []problem.Code{problem.TokenMissing, problem.TokenInvalid, problem.TokenExpired, problem.RefreshTokenInvalid, problem.InvalidHeader, problem.CSRFRejected},
	},
	"GET /auth/sessions": {
		id: "listSessions", tag: "Sessions", summary: "List your live sessions",
		description: "Where the account is signed in, the newest first.",
	},
	"DELETE /auth/sessions/{id}": {
		id: "endSession", tag: "Sessions", summary: "End one of your sessions", missing: problem.SessionNotFound, place: forEnds,
		description: "No token of that session is accepted any more.",
	},
}

var userOperations = map[string]operation{
	"GET /users/me": {
		kept: true, id: "getMe", tag: "Account", summary: "Read your profile",
		description: "Who the access token stands for.",
	},
	"PATCH /users/me": {
		id: "patchMe", tag: "Account", summary: "Change your profile",
		description: "A JSON Merge Patch (RFC 7396) of `name`; all else comes from the identity provider.",
	},
	"DELETE /users/me": {
		id: "deleteMe", tag: "Account", summary: "Delete your account", timeout: 18 * time.Second,
		description: "Removes the account with everything in it, for good, and ends all its sessions. Export first what you want to keep.",
	},
	"GET /users/me/export": {
		id: "exportMe", tag: "Account", summary: "Export everything you own",
		description: "One JSON document with all of it, trash and all, as it was at one moment. It is streamed; a document that breaks off is not whole. A user has one export at a time; another is answered 429.",
	},
}

var projectOperations = map[string]operation{
	"GET /projects": {
		kept: true, id: "listProjects", tag: "Projects", summary: "List your projects",
		description: "One page of the caller's projects. Follow `next_page_token` until it is empty; no project is skipped or repeated because others come or go.",
		faults:      []problem.Code{problem.InvalidParameter, problem.InvalidPageToken},
	},
	"POST /projects": {
		id: "createProject", tag: "Projects", summary: "Create a project",
		description: "Makes an empty project that the caller owns.",
		faults:      with(retried, problem.ProjectLimit),
	},
	"GET /projects/{id}": {
		kept: true, id: "getProject", tag: "Projects", summary: "Read a project", missing: problem.ProjectNotFound,
		description: "The project, with its version as `ETag`.",
	},
	"PUT /projects/{id}": {
		id: "replaceProject", tag: "Projects", summary: "Replace a project", missing: problem.ProjectNotFound,
		description: "Sets everything that a caller may set; what is left out goes back to its default.",
		faults:      conditional,
	},
	"PATCH /projects/{id}": {
		id: "patchProject", tag: "Projects", summary: "Change a project", missing: problem.ProjectNotFound,
		description: "A JSON Merge Patch (RFC 7396): what is left out stays, `null` goes back to the default.",
		faults:      conditional,
	},
	"DELETE /projects/{id}": {
		id: "trashProject", tag: "Projects", summary: "Move a project to the trash", missing: problem.ProjectNotFound,
		description: "The project and all below it answer 404 until it is restored. It no longer counts against the limit.",
		faults:      conditional,
	},
	"POST /projects/{id}/restore": {
		id: "restoreProject", tag: "Projects", summary: "Take a project out of the trash", missing: problem.ProjectNotFound,
		description: "Brings back the project and what was live in it. A project that is not in the trash stays as it is.",
		faults:      []problem.Code{problem.ProjectLimit},
	},
}

var specificationOperations = map[string]operation{
	"GET /projects/{id}/specs": {
		kept: true, id: "listSpecifications", tag: "Specifications", summary: "List a project's specifications", missing: problem.ProjectNotFound,
		description: "One page of the project's specifications. Follow `next_page_token` until it is empty; none is skipped or repeated because others come or go.",
		faults:      []problem.Code{problem.InvalidPageToken},
	},
	"POST /projects/{id}/specs": {
		id: "createSpecification", tag: "Specifications", summary: "Create a specification", missing: problem.ProjectNotFound,
		description: "Makes a specification with the project's next number.",
		faults:      with(retried, problem.SpecificationLimit),
	},
	"GET /specs/{id}": {
		kept: true, id: "getSpecification", tag: "Specifications", summary: "Read a specification", missing: problem.SpecificationNotFound,
		description: "The specification, with its version as `ETag`; `include=items` adds its items.",
	},
	"PUT /specs/{id}": {
		id: "replaceSpecification", tag: "Specifications", summary: "Replace a specification", missing: problem.SpecificationNotFound,
		description: "Sets everything that a caller may set; a title left out is taken from the content.",
		faults:      conditional,
	},
	"PATCH /specs/{id}": {
		id: "patchSpecification", tag: "Specifications", summary: "Change a specification", missing: problem.SpecificationNotFound,
		description: "A JSON Merge Patch (RFC 7396): what is left out stays, `null` goes back to the default.",
		faults:      conditional,
	},
	"DELETE /specs/{id}": {
		id: "trashSpecification", tag: "Specifications", summary: "Move a specification to the trash", missing: problem.SpecificationNotFound,
		description: "The specification and its items answer 404 until it is restored. It no longer counts against the limit; its number is not given again.",
		faults:      conditional,
	},
	"POST /specs/{id}/restore": {
		id: "restoreSpecification", tag: "Specifications", summary: "Take a specification out of the trash", missing: problem.SpecificationNotFound,
		description: "Brings back the specification with its number, its items and their order.",
		faults:      []problem.Code{problem.SpecificationLimit},
	},
}

var itemOperations = map[string]operation{
	"GET /specs/{id}/items": {
		kept: true, id: "listItems", tag: "Items", summary: "List a specification's items", missing: problem.SpecificationNotFound,
		description: "All items in their order. The `ETag` is the specification's.",
	},
	"POST /specs/{id}/items": {
		id: "createItem", tag: "Items", summary: "Add an item", missing: problem.SpecificationNotFound,
		description: "Puts a new item at the place `order` and shifts the rest, or at the end.",
		faults:      with(retried, problem.ItemLimit),
	},
	"PUT /specs/{id}/items/reorder": {
		id: "reorderItems", tag: "Items", summary: "Put all items into a new order", missing: problem.SpecificationNotFound,
		description: "Takes exactly the specification's present items, each once. All of them move, or none. `If-Match` takes the specification's tag.",
		faults:      with(conditional, problem.ItemSetMismatch),
	},
	"GET /items/{id}": {
		kept: true, id: "getItem", tag: "Items", summary: "Read an item", missing: problem.ItemNotFound,
		description: "The item with its present place.",
	},
	"PUT /items/{id}": {
		id: "replaceItem", tag: "Items", summary: "Replace an item", missing: problem.ItemNotFound,
		description: "Sets the content; a new `order` moves the item, without it the item stays in its place.",
		faults:      conditional,
	},
	"PATCH /items/{id}": {
		id: "patchItem", tag: "Items", summary: "Change an item", missing: problem.ItemNotFound,
		description: "A JSON Merge Patch (RFC 7396): what is left out stays; a new `order` moves the item.",
		faults:      conditional,
	},
	"DELETE /items/{id}": {
		id: "deleteItem", tag: "Items", summary: "Delete an item", missing: problem.ItemNotFound,
		description: "Removes the item for good and closes the gap.",
		faults:      conditional,
	},
}

var adminOperations = map[string]operation{
	"GET /admin/users": {
		id: "listUsers", tag: "Administration", summary: "List the users",
		description: "Everybody who has signed in, the newest first. For auditors and admins. Nobody's projects can be seen this way.",
		faults:      []problem.Code{problem.InvalidPageToken, problem.PermissionDenied},
	},
	"PATCH /admin/users/{id}": {
		id: "changeUser", tag: "Administration", summary: "Change a user's role or suspension", missing: problem.UserNotFound,
		description: "A JSON Merge Patch (RFC 7396). For admins. Suspending somebody ends all of their sessions at once; a changed role counts from their next request. Nobody changes their own.",
		faults:      []problem.Code{problem.PermissionDenied},
	},
	"GET /admin/audit-events": {
		id: "listAuditEvents", tag: "Administration", summary: "List the audit events",
		description: "What happened to accounts and sessions, the newest first. For auditors and admins. Events are never changed, and outlive the accounts they tell of.",
		faults:      []problem.Code{problem.InvalidPageToken, problem.PermissionDenied},
	},
}
