package problem

// Kind groups codes by the way a caller has to handle them. The names follow
// gRPC's canonical codes where those have one. The zero Kind is KindInternal: an
// error without a code is a fault of the server.
type Kind uint8

// The kinds.
const (
	// KindInternal is a fault of the server.
	KindInternal Kind = iota
	// KindInvalidArgument is a request that cannot be understood.
	KindInvalidArgument
	// KindUnauthenticated is a request without valid credentials.
	KindUnauthenticated
	// KindPermissionDenied is a request that the caller may not make.
	KindPermissionDenied
	// KindNotFound is a missing resource, or a resource of another user.
	KindNotFound
	// KindConflict is a request that the present state does not allow.
	KindConflict
	// KindGone is a resource that existed and was deleted for good.
	KindGone
	// KindFailedPrecondition is a condition of the caller that does not hold.
	KindFailedPrecondition
	// KindInvalid is a request that is understood but has invalid values.
	KindInvalid
	// KindResourceExhausted is a request beyond a rate limit.
	KindResourceExhausted
	// KindUnavailable is a request that may succeed later.
	KindUnavailable
)

// Code identifies one failure of the contract. Codes are stable: clients switch
// on them.
type Code string

// The codes that rules and adapters share. An adapter adds codes of its own with
// [Define].
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
	InsufficientScope     Code = "insufficient_scope"
	AccountSuspended      Code = "account_suspended"
	EmailNotVerified      Code = "email_not_verified"
	DomainNotAllowed      Code = "domain_not_allowed"
	CSRFRejected          Code = "csrf_rejected"
	ProjectNotFound       Code = "project_not_found"
	SpecificationNotFound Code = "specification_not_found"
	ItemNotFound          Code = "item_not_found"
	SessionNotFound       Code = "session_not_found"
	UserNotFound          Code = "user_not_found"
	RevisionNotFound      Code = "revision_not_found"
	BaselineNotFound      Code = "baseline_not_found"
	TokenNotFound         Code = "token_not_found"
	BotNotFound           Code = "bot_not_found"
	BaselineExists        Code = "baseline_exists"
	MemberNotFound        Code = "member_not_found"
	MemberLimit           Code = "member_limit_reached"
	MembershipLimit       Code = "membership_limit_reached"
	MembersLoseAccess     Code = "members_lose_access"
	AlreadyMember         Code = "already_member"
	InvitationNotFound    Code = "invitation_not_found"
	InvitationLimit       Code = "invitation_limit_reached"
	InvitationExpired     Code = "invitation_expired"
	InvitationForAnother  Code = "invitation_for_another"
	BaselineNeedsHistory  Code = "baseline_needs_history"
	UndoConflict          Code = "undo_conflict"
	HistoryExpired        Code = "history_expired"
	TokenLimit            Code = "token_limit_reached"
	BotLimit              Code = "bot_limit_reached"
	ProjectLimit          Code = "project_limit_reached"
	SpecificationLimit    Code = "specification_limit_reached"
	ItemLimit             Code = "item_limit_reached"
	ItemSetMismatch       Code = "item_set_mismatch"
	IdempotencyInProgress Code = "idempotency_in_progress"
	PreconditionFailed    Code = "precondition_failed"
	ValidationFailed      Code = "validation_failed"
	IdempotencyKeyReused  Code = "idempotency_key_reused"
	RateLimited           Code = "rate_limited"
	TooManyStreams        Code = "too_many_streams"
	Internal              Code = "internal"
	Unavailable           Code = "unavailable"
)

// Doc documents a code for API users.
type Doc struct {
	Kind Kind
	// Title is a short name, the same for each occurrence.
	Title string
	// Description says what happened.
	Description string
	// Remedy says what the caller can do.
	Remedy string
}

// Doc returns the documentation of c; that of Internal for an unknown code.
func (c Code) Doc() Doc {
	if d, ok := docs[c]; ok {
		return d
	}
	return docs[Internal]
}

// Codes returns every code of the contract.
func Codes() []Code { return codes }

var codes = []Code{
	MalformedJSON, InvalidParameter, InvalidPageToken, InvalidHeader,
	TokenMissing, TokenInvalid, TokenExpired, TokenRevoked, GoogleTokenInvalid,
	RefreshTokenInvalid, RefreshTokenExpired, RefreshTokenReused,
	PermissionDenied, InsufficientScope, AccountSuspended, EmailNotVerified, DomainNotAllowed, CSRFRejected,
	ProjectNotFound, SpecificationNotFound, ItemNotFound, SessionNotFound, UserNotFound,
	TokenNotFound, BotNotFound,
	RevisionNotFound, BaselineNotFound, BaselineExists, BaselineNeedsHistory, UndoConflict, HistoryExpired,
	MemberNotFound, MemberLimit, MembershipLimit, MembersLoseAccess, AlreadyMember,
	InvitationNotFound, InvitationLimit, InvitationExpired, InvitationForAnother,
	TokenLimit, BotLimit, ProjectLimit, SpecificationLimit, ItemLimit, ItemSetMismatch, IdempotencyInProgress,
	PreconditionFailed, ValidationFailed, IdempotencyKeyReused,
	RateLimited, TooManyStreams, Internal, Unavailable,
}

// Define adds a code that only one adapter returns, such as a code of HTTP. It
// panics if the code exists. Call it in a package variable, so that the list of
// codes is complete before main starts.
func Define(code Code, doc Doc) Code {
	if _, exists := docs[code]; exists {
		panic("problem: the code " + string(code) + " is defined twice")
	}
	codes, docs[code] = append(codes, code), doc
	return code
}
