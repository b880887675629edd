package auth

import "slices"

// Role says what a user may do beside working on what is their own.
type Role string

// The roles. Auditors read about users and events; admins also change users.
// None of them sees what others own.
const (
	RoleUser    Role = "user"
	RoleAuditor Role = "auditor"
	RoleAdmin   Role = "admin"
)

// Permission is something that not every role may do.
type Permission string

// The permissions.
const (
	ReadUsers   Permission = "read users"
	ChangeUsers Permission = "change users"
	ReadEvents  Permission = "read audit events"
)

// permissions is the whole of what roles may do.
var permissions = map[Role][]Permission{
	RoleUser:    nil,
	RoleAuditor: {ReadUsers, ReadEvents},
	RoleAdmin:   {ReadUsers, ReadEvents, ChangeUsers},
}

// May reports whether the role has a permission.
func (r Role) May(p Permission) bool { return slices.Contains(permissions[r], p) }

// PrivilegedActor is an actor who needs a permission. Whether the actor has it is asked of
// the database, in the same round trip as the work: a changed role counts from
// the next request on.
type PrivilegedActor struct {
	Actor
	Permission Permission
}
