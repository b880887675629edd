package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

const (
	// exportTimeout is how long an export may take in all.
	exportTimeout = 10 * time.Minute
	// exportPatience is how long the caller may take to read a part of it.
	exportPatience = 20 * time.Second
)

// exports are those under way here. Each holds a connection to the database for
// as long as its caller takes to read, so they are few: one of a user, and never
// all that the others need.
type exports struct {
	most int

	mu      sync.Mutex
	callers map[auth.UserID]bool
}

func newExports(most int) *exports {
	return &exports{most: most, callers: map[auth.UserID]bool{}}
}

// begin takes a place, which the caller gives back by end.
func (e *exports) begin(user auth.UserID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var f *problem.Error
	switch {
	case e.callers[user]:
		f = problem.New(problem.RateLimited, "Another export of this user is under way; let it end first.")
	case len(e.callers) >= e.most:
		f = problem.New(problem.Unavailable, "As many exports are under way as may be at once.")
	default:
		e.callers[user] = true
		return nil
	}
	f.RetryAfter = exportPatience
	return f
}

func (e *exports) end(user auth.UserID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.callers, user)
}

// exportView is the document of an export, for the contract. It is written part
// by part, never held as a whole.
type exportView struct {
	ExportedAt timestamp       `json:"exported_at"`
	User       UserView        `json:"user"`
	Projects   []exportProject `json:"projects" doc:"Everything, also what is in the trash; the specifications of each project by number, their items in order."`
}

type exportProject struct {
	Project
	Specifications []specification `json:"specifications"`
}

// exportMe is GET /users/me/export. It writes its answer itself, as it goes.
func (a *API) exportMe(w http.ResponseWriter, r *http.Request, actor auth.Actor) error {
	ctx, cancel := context.WithTimeout(r.Context(), exportTimeout)
	defer cancel()
	release, err := a.Admission.Normal.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	me, err := a.Identity.Me(ctx, actor)
	if err != nil {
		return err
	}
	if err := a.exports.begin(actor.User); err != nil {
		return err
	}
	defer a.exports.end(actor.User)
	if err := a.Identity.NoteExport(ctx, actor); err != nil {
		return err
	}
	e := &exporter{w: w, out: jsontext.NewEncoder(w, jsonOptions), now: a.Now, control: http.NewResponseController(w)}
	e.begin = func() error { return e.header(me) }
	if err = a.Outline.Export(ctx, actor, e); err == nil {
		err = e.end()
	}
	if err != nil {
		if !e.begun {
			return err
		}
		// What was sent looks right so far; only a broken connection tells the
		// caller that it is not whole.
		a.Log.WarnContext(ctx, "an export broke off", "request_id", requestID(ctx), "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// exporter writes the export as the walk goes by. It is requirements.Visitor.
type exporter struct {
	w       http.ResponseWriter
	out     *jsontext.Encoder
	control *http.ResponseController
	now     func() time.Time
	begin   func() error
	begun   bool
	open    bool // a project is
}

// header writes all that comes before the projects.
func (e *exporter) header(me auth.User) error {
	e.begun = true
	e.w.Header().Set("Content-Type", "application/json")
	e.w.Header().Set("Content-Disposition", `attachment; filename="codegenapp-export.json"`)
	return e.write(jsontext.BeginObject,
		"exported_at", timestamp(e.now()), "user", userOf(me), "projects", jsontext.BeginArray)
}

// Project closes the project before and opens the next.
func (e *exporter) Project(p requirements.Project) error {
	if err := e.closeProject(); err != nil {
		return err
	}
	e.open = true
	shown := projectOf(p)
	return e.write(jsontext.BeginObject,
		"id", shown.ID, "owner_id", shown.OwnerID, "title", shown.Title, "description", shown.Description,
		"specification_count", shown.SpecificationCount, "version", shown.Version,
		"created_at", shown.CreatedAt, "updated_at", shown.UpdatedAt, "deleted_at", shown.DeletedAt,
		"specifications", jsontext.BeginArray)
}

// Specification writes one specification with its items.
func (e *exporter) Specification(s requirements.Specification, items []requirements.Item) error {
	shown := specificationOf(s)
	shown.Items = each(items, itemOf)
	return e.write(shown)
}

func (e *exporter) closeProject() error {
	if !e.begun {
		if err := e.begin(); err != nil {
			return err
		}
	}
	if !e.open {
		return nil
	}
	e.open = false
	return e.write(jsontext.EndArray, jsontext.EndObject)
}

// end writes what is left once everything was shown.
func (e *exporter) end() error {
	if err := e.closeProject(); err != nil {
		return err
	}
	return e.write(jsontext.EndArray, jsontext.EndObject)
}

// write writes tokens as they are and everything else as JSON. The caller gets
// new time for each part: a long export is no slow reader.
func (e *exporter) write(parts ...any) error {
	if err := e.control.SetWriteDeadline(e.now().Add(exportPatience)); err != nil {
		return fmt.Errorf("extend the time of an export: %w", err)
	}
	for _, part := range parts {
		var err error
		if token, ok := part.(jsontext.Token); ok {
			err = e.out.WriteToken(token)
		} else {
			err = json.MarshalEncode(e.out, part)
		}
		if err != nil {
			return fmt.Errorf("write an export: %w", err)
		}
	}
	return nil
}
