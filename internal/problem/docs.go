package problem

// docs explains every code. A test holds it complete.
var docs = map[Code]Doc{
	MalformedJSON: {
		KindInvalidArgument, "Malformed JSON",
		"The body is not exactly one well-formed JSON value: a syntax error, a name given twice, text after the value, bytes that are not UTF-8, half of a surrogate pair, or more than 16 levels deep.",
		"Send one JSON value as RFC 8259 describes it. The detail names the place.",
	},
	InvalidParameter: {
		KindInvalidArgument, "Invalid parameter",
		"A query parameter is unknown, given twice, or has a value outside of its range.",
		"Correct or remove the parameter that the detail names.",
	},
	InvalidPageToken: {
		KindInvalidArgument, "Invalid page token",
		"The page token was altered, or belongs to another list, order, filter or user.",
		"Pass next_page_token exactly as it was answered, with the same parameters; or begin again without it.",
	},
	InvalidHeader: {
		KindInvalidArgument, "Invalid header",
		"A request header has a value that the contract does not allow.",
		"Correct the header that the detail names.",
	},
	TokenMissing: {
		KindUnauthenticated, "No access token",
		"The request carries no access token.",
		"Sign in, then send the header Authorization: Bearer <access_token>.",
	},
	TokenInvalid: {
		KindUnauthenticated, "Invalid access token",
		"The access token is not one that this server issued.",
		"Sign in again. A refresh token or a Google token is not an access token.",
	},
	TokenExpired: {
		KindUnauthenticated, "Access token expired",
		"The access token was valid, but its time is over.",
		"Get a new one with the refresh token, or sign in again.",
	},
	TokenRevoked: {
		KindUnauthenticated, "Session ended",
		"The session of this token has ended: by a logout, by another device, or because the account was suspended or deleted.",
		"Sign in again.",
	},
	GoogleTokenInvalid: {
		KindUnauthenticated, "Google sign-in not accepted",
		"The ID token or authorization code is not one that Google issued for this application, is too old, or was used before.",
		"Let the user sign in with Google again and send the new token or code once.",
	},
	RefreshTokenInvalid: {
		KindUnauthenticated, "Invalid refresh token",
		"The refresh token is not one that this server issued, or its session has ended.",
		"Sign in again.",
	},
	RefreshTokenExpired: {
		KindUnauthenticated, "Refresh token expired",
		"The session was not used for too long, or has reached its greatest age.",
		"Sign in again.",
	},
	RefreshTokenReused: {
		KindUnauthenticated, "Refresh token used twice",
		"An old refresh token was used again. Somebody may have copied it, so the whole session was ended.",
		"Sign in again, and keep each refresh token in one place only.",
	},
	PermissionDenied: {
		KindPermissionDenied, "Permission denied",
		"The role of this account does not allow the operation.",
		"Ask an administrator for the role, if you should have it.",
	},
	AccountSuspended: {
		KindPermissionDenied, "Account suspended",
		"An administrator has suspended this account.",
		"Ask the administrator.",
	},
	EmailNotVerified: {
		KindPermissionDenied, "E-mail address not verified",
		"The identity provider has not verified the e-mail address of this account.",
		"Verify the address with the provider, then sign in again.",
	},
	DomainNotAllowed: {
		KindPermissionDenied, "Domain not allowed",
		"Only accounts of certain Google Workspace domains may sign in here.",
		"Sign in with an account of your organization.",
	},
	CSRFRejected: {
		KindPermissionDenied, "Cross-site request rejected",
		"A request that carries a cookie came from another site, or a sign-in came back to another browser than it began in, or too late.",
		"Send requests with a cookie from an allowed origin with Content-Type: application/json; begin a sign-in again.",
	},
	HTTPSRequired: {
		KindPermissionDenied, "HTTPS required",
		"The request came over plain HTTP. What it carried may have been read by others.",
		"Use https://, and treat tokens that were sent in the clear as stolen.",
	},
	ProjectNotFound: {
		KindNotFound, "No such project",
		"There is no project with this id among yours, or it is in the trash.",
		"Check the id; list the trash with trashed=true.",
	},
	SpecificationNotFound: {
		KindNotFound, "No such specification",
		"There is no specification with this id among yours, or it or its project is in the trash.",
		"Check the id; list the trash with trashed=true.",
	},
	ItemNotFound: {
		KindNotFound, "No such item",
		"There is no item with this id among yours. Deleted items do not come back.",
		"Read the specification's items again.",
	},
	SessionNotFound: {
		KindNotFound, "No such session",
		"There is no live session with this id among yours.",
		"List the sessions again.",
	},
	UserNotFound: {
		KindNotFound, "No such user",
		"There is no user with this id.",
		"Check the id.",
	},
	RouteNotFound: {
		KindNotFound, "No such route",
		"The server has nothing at this path.",
		"Check the path against /api/v1/openapi.json.",
	},
	MethodNotAllowed: {
		KindMethodNotAllowed, "Method not allowed",
		"The path exists, but not with this method.",
		"Use one of the methods in the Allow header.",
	},
	RequestTimeout: {
		KindRequestTimeout, "Request timed out",
		"The request body did not arrive in time.",
		"Send it again.",
	},
	ProjectLimit: {
		KindConflict, "Project limit reached",
		"The account has as many projects as it may have. Those in the trash do not count.",
		"Delete a project first.",
	},
	SpecificationLimit: {
		KindConflict, "Specification limit reached",
		"The project has as many specifications as it may have. Those in the trash do not count.",
		"Delete a specification first, or begin another project.",
	},
	ItemLimit: {
		KindConflict, "Item limit reached",
		"The specification has as many items as it may have.",
		"Delete an item first, or begin another specification.",
	},
	ItemSetMismatch: {
		KindConflict, "The items have changed",
		"The new order does not name exactly the items that the specification has now. Nothing was changed.",
		"Read the items again and send the order of what is there.",
	},
	IdempotencyInProgress: {
		KindConflict, "Still in progress",
		"The first request with this Idempotency-Key has not finished.",
		"Wait as long as Retry-After says, then send the same request again.",
	},
	PreconditionFailed: {
		KindFailedPrecondition, "Precondition failed",
		"The resource has changed since the version that If-Match names. Nothing was changed.",
		"Merge your change with the resource under current, and send it with its ETag.",
	},
	BodyTooLarge: {
		KindTooLarge, "Body too large",
		"The request body is larger than this server takes.",
		"Send less at once.",
	},
	UnsupportedMediaType: {
		KindUnsupportedMedia, "Unsupported media type",
		"The body is not JSON, or is compressed.",
		"Send Content-Type: application/json and no Content-Encoding.",
	},
	ValidationFailed: {
		KindInvalid, "Validation failed",
		"The body is JSON, but some of its fields are not valid. Nothing was changed.",
		"Correct the fields listed under errors: pointer says where, code and detail say what.",
	},
	IdempotencyKeyReused: {
		KindInvalid, "Idempotency-Key used for another request",
		"This Idempotency-Key was used within the last 24 hours with a different request.",
		"Make a new key for each new request; reuse a key only to repeat the same one.",
	},
	RateLimited: {
		KindResourceExhausted, "Too many requests",
		"The budget of requests for this user or address is used up for the moment, or another export of the user is under way.",
		"Wait as long as Retry-After says.",
	},
	HeadersTooLarge: {
		KindHeadersTooLarge, "Headers too large",
		"The request line and the headers together are larger than this server takes.",
		"Send fewer or shorter headers; what is long belongs into the body.",
	},
	Internal: {
		KindInternal, "Internal error",
		"Something went wrong on our side. It has been logged under the request_id.",
		"Try again; if it stays, tell the operator the request_id.",
	},
	Unavailable: {
		KindUnavailable, "Temporarily unavailable",
		"The server cannot reach something it needs, or has more to do than it can. It is not known to have changed anything.",
		"Repeat the request after Retry-After seconds; a POST with the same Idempotency-Key.",
	},
}
