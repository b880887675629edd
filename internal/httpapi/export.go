package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
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
	// exportWriteTimeout is how long the client may take to read a part of it.
	exportWriteTimeout = 20 * time.Second
	// exportCheckInterval is how often an export checks that its session is live.
	exportCheckInterval = 2 * time.Second
)

// exports limits the exports that run at the same time: one for each user, and max in
// all. Each holds a connection to the database for as long as its client reads, so
// they must leave connections for other requests.
type exports struct {
	max int

	mu      sync.Mutex
	running map[auth.UserID]bool
}

func newExports(maximum int) *exports {
	return &exports{max: maximum, running: map[auth.UserID]bool{}}
}

// begin starts an export, which end ends.
func (e *exports) begin(user auth.UserID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var f *problem.Error
	switch {
	case e.running[user]:
		f = problem.New(problem.RateLimited, "Another export of this user is running. Wait until it ends.")
	case len(e.running) >= e.max:
		f = problem.New(problem.Unavailable, "The maximum number of exports is running.")
	default:
		e.running[user] = true
		return nil
	}
	f.RetryAfter = exportWriteTimeout
	return f
}

func (e *exports) end(user auth.UserID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, user)
}

// The texts of the operations for the contract.
var (
	exportMeDoc = doc{
		"exportMe", "Account", "Export everything you own",
		"One JSON document with everything, including the trash, as it was at one moment. Of projects that others share with the user it lists title and role. It is streamed; if the connection breaks, the document is incomplete. It breaks when the session ends. A user has one export at a time; another one gets 429. With `history=true`, each project has its baselines and its changes, from the oldest to the newest, each with the values that it replaced.",
	}
)

// exportView is the document of an export, for the contract. It is written part
// by part, never held as a whole.
type exportView struct {
	ExportedAt timestamp       `json:"exported_at"`
	User       UserView        `json:"user"`
	Projects   []exportProject `json:"projects" doc:"Everything, including the trash; the specifications of each project by number, their items in order."`
	// Memberships end the document.
	Memberships []membership `json:"memberships" doc:"The projects that others share with the user, the oldest membership first. Their content is in the exports of their owners."`
}

type exportProject struct {
	Project
	Specifications []specification  `json:"specifications"`
	Baselines      []baseline       `json:"baselines,omitzero" doc:"By name; only with history=true."`
	Changes        []exportedChange `json:"changes,omitzero" doc:"From the oldest to the newest; only with history=true."`
}

// exportMe is GET /users/me/export. It writes its response itself, part by part.
func (a *API) exportMe(w http.ResponseWriter, r *http.Request, actor auth.Actor) error {
	ctx, cancel := context.WithTimeout(r.Context(), exportTimeout)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	release, err := a.Admission.Normal.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	me, err := a.Auth.Me(ctx, actor)
	if err != nil {
		return err
	}
	if err := a.exports.begin(actor.User); err != nil {
		return err
	}
	defer a.exports.end(actor.User)
	e := &exporter{w: w, out: jsontext.NewEncoder(w, jsonOptions), now: a.Now, control: http.NewResponseController(w)}
	e.begin = func() error {
		if err := a.Auth.AuditExport(ctx, actor); err != nil {
			return err
		}
		return e.header(me)
	}
	var watch sync.WaitGroup
	watch.Go(func() {
		if revoked := a.awaitRevocation(ctx, actor); revoked != nil {
			stop(revoked)
			e.abort()
		}
	})
	if e.history = r.URL.Query().Get("history") == "true"; e.history {
		err = a.History.Export(ctx, actor, e)
	} else {
		err = a.Requirements.Export(ctx, actor, e)
	}
	if err == nil {
		err = e.end()
	}
	if revoked, ok := errors.AsType[*problem.Error](context.Cause(ctx)); ok && err != nil {
		err = revoked
	}
	stop(nil)
	watch.Wait() // it uses w
	if err != nil {
		if !e.begun {
			return err
		}
		// What was sent is well-formed so far. Only a broken connection shows the client
		// that the document is incomplete.
		a.Log.WarnContext(ctx, "an export was aborted", "request_id", requestInfoFrom(ctx).RequestID, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// awaitRevocation returns an error when the session of a running export has ended, by a
// logout, a suspension or the deletion of the account; nil when ctx is done. The
// transaction of the export does not see that, because it has an older snapshot.
func (a *API) awaitRevocation(ctx context.Context, actor auth.Actor) error {
	interval := time.NewTicker(exportCheckInterval)
	defer interval.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-interval.C:
		}
		if err := a.Auth.CheckSession(ctx, actor); problem.CodeOf(err) == problem.TokenRevoked {
			return err
		}
	}
}

// exporter writes the export while the store walks over the data. It implements
// history.Visitor.
type exporter struct {
	w       http.ResponseWriter
	out     *jsontext.Encoder
	control *http.ResponseController
	now     func() time.Time
	begin   func() error
	begun   bool
	// history is true for an export with the history.
	history bool
	// list is the list of a project that is open; empty if no project is.
	list string
	// aborted is true when nothing more may be written.
	aborted atomic.Bool
}

// abort ends the export, also a write that waits for its client. It may be called while
// the export is written.
func (e *exporter) abort() {
	e.aborted.Store(true)
	_ = e.control.SetWriteDeadline(time.Unix(1, 0)) // without deadlines, the next write fails
}

var errAborted = errors.New("the export was aborted")

// header writes everything before the projects.
func (e *exporter) header(me auth.User) error {
	e.begun = true
	e.w.Header().Set("Content-Type", "application/json")
	e.w.Header().Set("Content-Disposition", `attachment; filename="codegenapp-export.json"`)
	return e.write(jsontext.BeginObject,
		"exported_at", timestamp(e.now()), "user", userOf(me), "projects", jsontext.BeginArray)
}

// Project closes the previous project and opens the next.
func (e *exporter) Project(p requirements.Project) error {
	if err := e.closeProject(); err != nil {
		return err
	}
	e.list = "specifications"
	view := projectOf(p)
	return e.write(jsontext.BeginObject,
		"id", view.ID, "owner_id", view.OwnerID, "owner", view.Owner, "role", view.Role, "title", view.Title, "description", view.Description,
		"specification_count", view.SpecificationCount, "version", view.Version, "revision", view.Revision,
		"created_at", view.CreatedAt, "updated_at", view.UpdatedAt, "deleted_at", view.DeletedAt,
		"specifications", jsontext.BeginArray)
}

// Specification writes one specification with its items.
func (e *exporter) Specification(s requirements.Specification, items []requirements.Item) error {
	view := specificationOf(s)
	view.Items = each(items, itemOf)
	return e.write(view)
}

func (e *exporter) closeProject() error {
	if !e.begun {
		if err := e.begin(); err != nil {
			return err
		}
	}
	if e.list == "" {
		return nil
	}
	if e.history {
		if err := e.openList("changes"); err != nil {
			return err
		}
	}
	e.list = ""
	return e.write(jsontext.EndArray, jsontext.EndObject)
}

// Memberships closes the projects, and writes what others share with the user.
func (e *exporter) Memberships(shared []requirements.Membership) error {
	if err := e.closeProject(); err != nil {
		return err
	}
	return e.write(jsontext.EndArray, "memberships", each(shared, membershipOf))
}

// end closes the document.
func (e *exporter) end() error { return e.write(jsontext.EndObject) }

// write writes tokens as they are and everything else as JSON. The write deadline
// begins anew for each part, since a long export does not make a slow client.
func (e *exporter) write(parts ...any) error {
	if err := e.control.SetWriteDeadline(e.now().Add(exportWriteTimeout)); err != nil {
		return fmt.Errorf("extend the time of an export: %w", err)
	}
	if e.aborted.Load() { // behind the deadline, which would undo that of abort
		return errAborted
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
