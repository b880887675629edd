package auth

import (
	"context"
	"slices"
)

// Role says what a user may do besides working on their own data.
type Role string

// The roles. Auditors read users and audit events; admins also change users. No
// role grants access to the data of other users.
const (
	RoleUser    Role = "user"
	RoleAuditor Role = "auditor"
	RoleAdmin   Role = "admin"
)

// Permission is an operation that only some roles allow.
type Permission string

// The permissions.
const (
	ReadUsers   Permission = "read users"
	ChangeUsers Permission = "change users"
	ReadEvents  Permission = "read audit events"
)

// permissions is the complete list of what roles allow.
var permissions = map[Role][]Permission{
	RoleUser:    nil,
	RoleAuditor: {ReadUsers, ReadEvents},
	RoleAdmin:   {ReadUsers, ReadEvents, ChangeUsers},
}

// May reports whether the role has a permission.
func (r Role) May(p Permission) bool { return slices.Contains(permissions[r], p) }

// PrivilegedActor is an actor and the permission that the operation requires.
// The store checks the permission in the same round trip as the work, so a
// changed role applies from the next request on.
type PrivilegedActor struct {
	Actor
	Permission Permission
}

// Authorize returns nil if the session is live and its user has the permission,
// else TokenRevoked or PermissionDenied.
func (s *Service) Authorize(ctx context.Context, actor PrivilegedActor) error {
	return s.auditDenied(ctx, actor, s.store.Authorize(ctx, actor))
}
