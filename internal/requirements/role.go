package requirements

// Role is what a user may do with a project. The owner may everything, an editor changes
// the content, and a viewer reads it.
type Role string

// The roles.
const (
	RoleOwner  Role = "owner"
	RoleEditor Role = "editor"
	RoleViewer Role = "viewer"
)
