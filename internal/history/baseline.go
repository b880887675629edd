package history

import (
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// BaselineID identifies a baseline.
type BaselineID = id.Of[Baseline]

// Baseline is a name for a revision of a project. The history that it needs does not
// expire.
type Baseline struct {
	ID          BaselineID
	Owner       auth.UserID
	Project     requirements.ProjectID
	Name        string
	Description string
	Revision    int64
	// Digest identifies the content of the project at the revision, see [Digester].
	Digest    string
	CreatedBy Actor
	CreatedAt time.Time
}
