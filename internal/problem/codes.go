package problem

// Kind groups codes by what the caller should think of them. The zero Kind is
// Ours: what nobody classified is our fault.
type Kind uint8

// The kinds, in the order of the HTTP statuses they become.
const (
	KindInternal Kind = iota
	KindInvalidArgument
	KindUnauthenticated
	KindPermissionDenied
	KindNotFound
	KindMethodNotAllowed
	KindRequestTimeout
	KindConflict
	KindFailedPrecondition
	KindTooLarge
	KindUnsupportedMedia
	KindInvalid
	KindResourceExhausted
	KindHeadersTooLarge
	KindUnavailable
)

// Code names one failure of the contract. Codes are stable: clients switch on
// them.
type Code string

// The codes of the contract.
const (
	MalformedJSON         Code = "malformed_json"
	InvalidParameter      Code = "invalid_parameter"
	InvalidPageToken      Code = "invalid_page_token"
	InvalidHeader         Code = "invalid_header"
	TokenMissing          Code = "token_missing"
	TokenInvalid          Code = "token_invalid"
	TokenExpired          Code = "token_expired"
	TokenRevoked          Code = "token_revoked"
	GoogleTokenInvalid    Code = "google_token_invalid"
	RefreshTokenInvalid   Code = "refresh_token_invalid"
	RefreshTokenExpired   Code = "refresh_token_expired"
	RefreshTokenReused    Code = "refresh_token_reused"
	PermissionDenied      Code = "permission_denied"
	AccountSuspended      Code = "account_suspended"
	EmailNotVerified      Code = "email_not_verified"
	DomainNotAllowed      Code = "domain_not_allowed"
	CSRFRejected          Code = "csrf_rejected"
	HTTPSRequired         Code = "https_required"
	ProjectNotFound       Code = "project_not_found"
	SpecificationNotFound Code = "specification_not_found"
	ItemNotFound          Code = "item_not_found"
	SessionNotFound       Code = "session_not_found"
	UserNotFound          Code = "user_not_found"
	RouteNotFound         Code = "route_not_found"
	MethodNotAllowed      Code = "method_not_allowed"
	RequestTimeout        Code = "request_timeout"
	ProjectLimit          Code = "project_limit_reached"
	SpecificationLimit    Code = "specification_limit_reached"
	ItemLimit             Code = "item_limit_reached"
	ItemSetMismatch       Code = "item_set_mismatch"
	IdempotencyInProgress Code = "idempotency_in_progress"
	PreconditionFailed    Code = "precondition_failed"
	BodyTooLarge          Code = "body_too_large"
	UnsupportedMediaType  Code = "unsupported_media_type"
	ValidationFailed      Code = "validation_failed"
	IdempotencyKeyReused  Code = "idempotency_key_reused"
	RateLimited           Code = "rate_limited"
	HeadersTooLarge       Code = "headers_too_large"
	Internal              Code = "internal"
	Unavailable           Code = "unavailable"
)

// Doc is what a code stands for, for whoever meets it.
type Doc struct {
	Kind Kind
	// Title is the short name; it is the same at every occurrence.
	Title string
	// Description says what happened.
	Description string
	// Remedy says what the caller can do about it.
	Remedy string
}

// Doc returns what c stands for; that of Internal for an unknown code.
func (c Code) Doc() Doc {
	if m, ok := docs[c]; ok {
		return m
	}
	return docs[Internal]
}

// Codes returns every code of the contract, in its order.
func Codes() []Code { return codes }

var codes = []Code{
	MalformedJSON, InvalidParameter, InvalidPageToken, InvalidHeader,
	TokenMissing, TokenInvalid, TokenExpired, TokenRevoked, GoogleTokenInvalid,
	RefreshTokenInvalid, RefreshTokenExpired, RefreshTokenReused,
	PermissionDenied, AccountSuspended, EmailNotVerified, DomainNotAllowed, CSRFRejected, HTTPSRequired,
	ProjectNotFound, SpecificationNotFound, ItemNotFound, SessionNotFound, UserNotFound, RouteNotFound,
	MethodNotAllowed, RequestTimeout,
	ProjectLimit, SpecificationLimit, ItemLimit, ItemSetMismatch, IdempotencyInProgress,
	PreconditionFailed, BodyTooLarge, UnsupportedMediaType, ValidationFailed, IdempotencyKeyReused,
	RateLimited, HeadersTooLarge, Internal, Unavailable,
}
