package httpapi

import "github.com/codegenapp/codegenapp/internal/fault"

// operation is what the contract says of a route beside its types.
type operation struct {
	id, summary, description, tag string
	// missing is the fault of a path id that names nothing, also of one that is
	// not an id at all.
	missing fault.Code
	// faults are those the operation may answer beside the ones that follow
	// from its kind: of callers, of bodies, of path ids, and of our own.
	faults []fault.Code
}

// operations has one entry for each line of routes.go; a missing one stops the
// program at its start.
var operations = map[string]operation{
	"POST /auth/login": {
		id: "login", tag: "Sessions", summary: "Sign in with Google",
		description: "Exchanges a Google ID token for an access token and a refresh token. The first sign-in makes the user. An ID token signs in once.",
		faults:      []fault.Code{fault.GoogleTokenInvalid, fault.EmailNotVerified, fault.DomainNotAllowed, fault.AccountSuspended},
	},
	"GET /projects": {
		id: "listProjects", tag: "Projects", summary: "List your projects",
		description: "One page of the caller's projects. Follow `next_page_token` until it is empty; no project is skipped or repeated because others come or go.",
		faults:      []fault.Code{fault.InvalidParameter, fault.InvalidPageToken},
	},
	"POST /projects": {
		id: "createProject", tag: "Projects", summary: "Create a project",
		description: "Makes an empty project that the caller owns.",
		faults:      []fault.Code{fault.ProjectLimit},
	},
	"GET /projects/{id}": {
		id: "getProject", tag: "Projects", summary: "Read a project", missing: fault.ProjectNotFound,
		description: "The project, with its version as `ETag`.",
	},
	"PUT /projects/{id}": {
		id: "replaceProject", tag: "Projects", summary: "Replace a project", missing: fault.ProjectNotFound,
		description: "Sets everything that a caller may set; what is left out goes back to its default.",
		faults:      []fault.Code{fault.PreconditionFailed, fault.InvalidHeader},
	},
	"PATCH /projects/{id}": {
		id: "patchProject", tag: "Projects", summary: "Change a project", missing: fault.ProjectNotFound,
		description: "A JSON Merge Patch (RFC 7396): what is left out stays, `null` goes back to the default.",
		faults:      []fault.Code{fault.PreconditionFailed, fault.InvalidHeader},
	},
	"DELETE /projects/{id}": {
		id: "trashProject", tag: "Projects", summary: "Move a project to the trash", missing: fault.ProjectNotFound,
		description: "The project and all below it answer 404 until it is restored. It no longer counts against the limit.",
		faults:      []fault.Code{fault.PreconditionFailed, fault.InvalidHeader},
	},
	"POST /projects/{id}/restore": {
		id: "restoreProject", tag: "Projects", summary: "Take a project out of the trash", missing: fault.ProjectNotFound,
		description: "Brings back the project and what was live in it. A project that is not in the trash stays as it is.",
		faults:      []fault.Code{fault.ProjectLimit},
	},
}
