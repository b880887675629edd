package httpapi

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/events"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

const (
	// keepAliveInterval is the time between two comments of an idle stream, so that no
	// proxy takes its connection for dead.
	keepAliveInterval = 15 * time.Second
	// reconnectDelay is how long a client waits before it opens a lost stream again. After
	// a shutdown it is up to reconnectJitter longer, so that not all come at once.
	reconnectDelay, reconnectJitter = 2 * time.Second, 6 * time.Second
)

// The texts of the operations for the contract.
var (
	projectEventsDoc = doc{
		"projectEvents", "History", "Follow a project's changes",
		"A stream of server-sent events (`text/event-stream`): one event for each revision, as it happens. With `Last-Event-ID` or `since`, first what came after that revision, without gap or repetition, at any replica. Without them, only what happens from now on.\n\n" +
			"- `event: change`: `id` is the revision, `data` is `{\"revision\", \"at\", \"actor\", \"changes\"}` with changes as in `GET /projects/{id}/changes`.\n" +
			"- `event: resync`: what was missed is not available any more. Read the project anew. `data` is `{\"revision\"}`, the newest one; the stream goes on from there.\n" +
			"- `event: end`: the stream is over. `data` is `{\"reason\"}`: `session_ended`, `token_expired` (reconnect with a new access token), `project_unavailable` or `shutdown` (reconnect).\n\n" +
			"A comment comes every 15 seconds. After a lost connection, reconnect with the last `id` as `Last-Event-ID`.",
	}
	userEventsDoc = doc{
		"userEvents", "History", "Follow all of your projects",
		"A stream of server-sent events (`text/event-stream`): `event: revision` with `data` `{\"project_id\", \"revision\"}` when a project has a new revision; several revisions may come as one event. Nothing is replayed: after connecting, compare with `revision` of the projects. `event: end` is that of `GET /projects/{id}/events`.",
	}
)

const (
	projectEventsExample = "retry: 2000\nid: 16\n\nid: 17\nevent: change\ndata: {\"revision\":17,\"at\":\"2026-11-22T09:30:00.481516Z\",\"actor\":{\"id\":\"01a2043e-6e8b-7c3d-9a41-5b0e27d683a1\",\"name\":\"Ann Example\",\"type\":\"user\",\"token\":null},\"changes\":[]}\n\n: keep-alive\n\n"
	userEventsExample    = "retry: 2000\n\nevent: revision\ndata: {\"project_id\":\"01a2043e-6e8b-7c3d-9a41-5b0e27d683b1\",\"revision\":17}\n\n"
)

// revisionForm is what names a revision to begin after.
const revisionForm = "^r?(0|[1-9][0-9]{0,17})$"

// sinceParameters are the parameters of a stream that can begin earlier than now.
func sinceParameters() []*huma.Param {
	schema := func() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Pattern: revisionForm} }
	return []*huma.Param{
		{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
		{Name: "since", In: "query", Schema: schema(), Description: "Begin with what came after this revision: `r100` or `100`."},
		{Name: "Last-Event-ID", In: "header", Schema: schema(), Description: "Begin with what came after this event. It takes precedence over `since`."},
	}
}

// eventStream registers an operation for signed-in users that responds with a stream of
// events, about the project in the path, if there is one. An error that is returned
// before the first write becomes a problem.
func eventStream(a *API, pattern string, serve func(http.ResponseWriter, *http.Request, auth.Actor, requirements.ProjectID) error, d doc, parameters []*huma.Param, example string, options ...option) {
	described, op := a.operation(pattern, http.StatusOK, access{signedIn: true}, d, append(options, problems(problem.TooManyStreams)))
	described.Parameters = parameters
	described.Responses["200"] = &huma.Response{
		Description: "OK", Content: map[string]*huma.MediaType{openapi.EventStream: {Schema: &huma.Schema{Type: huma.TypeString}, Example: example}},
	}
	a.huma.OpenAPI().AddOperation(&described)
	a.huma.Adapter().Handle(&described, described.Middlewares.Handler(func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		c := callFrom(ctx.Context())
		var project requirements.ProjectID
		var err error
		if op.missing != "" {
			if project, err = id.Parse[requirements.Project](r.PathValue("id")); err != nil {
				err = c.authorizedError(ctx.Context(), problem.NotFound(op.missing))
			}
		}
		if err == nil {
			_, err = located(ctx.Context(), c, func() (struct{}, error) { return struct{}{}, serve(w, r, c.actor, project) })
		}
		if code := problem.CodeOf(err); err != nil && code.Doc().Kind == problem.KindInvalidArgument {
			err = c.authorizedError(ctx.Context(), err)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}))
}

// projectEvents is GET /projects/{id}/events.
func (a *API) projectEvents(w http.ResponseWriter, r *http.Request, actor auth.Actor, project requirements.ProjectID) error {
	since, err := sinceOf(r)
	if err != nil {
		return err
	}
	return a.serveEvents(w, r, events.Watch{User: actor.User, Session: actor.Session, Owner: actor.Owner(), Project: project}, func(s *events.Stream) sender {
		return &projectSender{stream: s, since: since, oldest: a.Now().Add(-a.FeedRetention)}
	})
}

// userEvents is GET /events.
func (a *API) userEvents(w http.ResponseWriter, r *http.Request, actor auth.Actor, _ requirements.ProjectID) error {
	return a.serveEvents(w, r, events.Watch{User: actor.User, Session: actor.Session, Owner: actor.User}, func(s *events.Stream) sender { return &userSender{stream: s} })
}

// sinceOf returns the revision that a stream begins after; nil for the newest.
func sinceOf(r *http.Request) (*int64, error) {
	const form = "must be the number of a revision, such as 17 or r17"
	name, text, code := "The header Last-Event-ID", r.Header.Get("Last-Event-ID"), problem.InvalidHeader
	if text == "" {
		name, text, code = "The query parameter since", r.URL.Query().Get("since"), problem.InvalidParameter
	}
	if text == "" {
		return nil, nil //nolint:nilnil // absent
	}
	point, ok := history.ParsePoint("r"+strings.TrimPrefix(text, "r"), false)
	if !ok || point.Revision == nil {
		return nil, problem.New(code, "%s %s.", name, form)
	}
	return point.Revision, nil
}

// sender renders the events of one stream.
type sender interface {
	// begin returns what the stream begins with, next what comes then. More is true if
	// there is more to read at once.
	begin(ctx context.Context) (text []byte, more bool, err error)
	next(ctx context.Context) (text []byte, more bool, err error)
	// partial is true within an event.
	partial() bool
}

// serveEvents serves a stream until its client, its session, its project or the server
// goes.
func (a *API) serveEvents(w http.ResponseWriter, r *http.Request, watch events.Watch, newSender func(*events.Stream) sender) error {
	until, err := a.Auth.ValidUntil(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	stream, err := a.Events.Open(watch) //nolint:contextcheck // it outlives the request
	if err != nil {
		return err
	}
	defer stream.Close()
	s := newSender(stream)
	text, more, err := s.begin(r.Context())
	if err != nil {
		return err
	}
	requestInfoFrom(r.Context()).Streaming = a.Now()
	out := &eventWriter{w: w, control: http.NewResponseController(w), now: a.Now, budget: a.Admission.Responses, caller: watch.User.String()}
	if out.start(reconnectDelay, text) != nil || r.Method == http.MethodHead {
		return nil
	}
	if reason := a.follow(r.Context(), stream, s, out, more, until); reason != "" {
		out.end(reason)
	}
	return nil
}

// always is ready.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// follow sends events until the stream is over. It returns the reason for the client; an
// empty one if the connection is of no use any more.
func (a *API) follow(ctx context.Context, stream *events.Stream, s sender, out *eventWriter, more bool, until time.Time) (reason string) {
	expiry := time.NewTimer(until.Sub(a.Now()))
	defer expiry.Stop()
	alive := time.NewTicker(keepAliveInterval)
	defer alive.Stop()
	for {
		ready := stream.Woken()
		if more {
			ready = always
		}
		select {
		case <-ctx.Done():
			return ""
		case <-a.Events.Done():
			return "shutdown"
		case <-expiry.C:
			return "token_expired"
		case <-alive.C:
			if !s.partial() && out.write([]byte(": keep-alive\n\n")) != nil {
				return ""
			}
			continue
		case <-ready:
		}
		var text []byte
		var err error
		text, more, err = s.next(ctx)
		switch {
		case problem.CodeOf(err) == problem.TokenRevoked && err != nil:
			return "session_ended"
		case events.Ended(err):
			return "project_unavailable"
		case err != nil && s.partial():
			return "" // the client drops the part, and comes back
		case err == nil && len(text) > 0 && out.write(text) != nil:
			return ""
		}
	}
}

// projectSender sends the revisions of a project.
type projectSender struct {
	stream *events.Stream
	// since is where the stream begins; nil for the newest revision.
	since *int64
	// oldest is the time before which no revision is replayed.
	oldest time.Time
	// position is that of the last change that was sent; open is its revision while the
	// event is not complete.
	position history.Position
	open     int64
}

func (s *projectSender) partial() bool { return s.open != 0 }

// endOf is the position behind all changes of a revision.
func endOf(revision int64) history.Position {
	return history.Position{Revision: revision, Number: math.MaxInt64}
}

func (s *projectSender) begin(ctx context.Context) ([]byte, bool, error) {
	if s.since != nil {
		s.position = endOf(*s.since)
		return s.next(ctx)
	}
	page, err := s.stream.Next(ctx, endOf(math.MaxInt64))
	if err != nil {
		return nil, false, err
	}
	s.position = endOf(page.Head)
	// An id without data is no event, but the client knows where it began.
	return appendID(nil, page.Head), false, nil
}

func (s *projectSender) next(ctx context.Context) ([]byte, bool, error) {
	page, err := s.stream.Next(ctx, s.position)
	if err != nil {
		return nil, false, err
	}
	if !s.partial() && s.missed(page) {
		s.position = endOf(page.Head)
		return appendEvent(nil, page.Head, "resync", struct {
			Revision int64 `json:"revision"`
		}{page.Head}), false, nil
	}
	return s.render(page), page.More, nil
}

// missed reports whether something after the position is not in the page: it was
// deleted, or is older than the feed, or the position is ahead of the project.
func (s *projectSender) missed(page events.Page) bool {
	if len(page.Changes) == 0 {
		return page.Head != s.position.Revision
	}
	first := page.Changes[0]
	return first.Revision != s.position.Revision+1 || first.At.Before(s.oldest)
}

// render renders the changes of a page. The event of a revision ends where the next one
// begins, or where no more changes follow.
func (s *projectSender) render(page events.Page) []byte {
	var text []byte
	for _, c := range page.Changes {
		if s.open != c.Revision {
			text = append(s.close(text), revisionHead(c)...)
			s.open = c.Revision
		} else {
			text = append(text, ',')
		}
		text = appendJSON(text, changeOf(c))
		s.position = history.Position{Revision: c.Revision, Number: c.Number}
	}
	if !page.More {
		text = s.close(text)
	}
	return text
}

// close ends the event of a revision, if one is open.
func (s *projectSender) close(text []byte) []byte {
	if s.open == 0 {
		return text
	}
	s.open = 0
	return append(text, "]}\n\n"...)
}

// userSender sends the newest revisions of all projects of a user.
type userSender struct {
	stream *events.Stream
	sent   []events.ProjectRevision
}

func (*userSender) partial() bool { return false }

func (s *userSender) begin(ctx context.Context) ([]byte, bool, error) {
	page, err := s.stream.Next(ctx, history.Position{})
	s.sent = page.Projects
	return nil, false, err
}

func (s *userSender) next(ctx context.Context) (text []byte, more bool, err error) {
	page, err := s.stream.Next(ctx, history.Position{})
	if err != nil {
		return nil, false, err
	}
	sent := s.sent
	s.sent = page.Projects
	for _, p := range page.Projects { // both are in the order of the ids
		for len(sent) > 0 && bytes.Compare(sent[0].Project[:], p.Project[:]) < 0 {
			sent = sent[1:]
		}
		if len(sent) == 0 || sent[0] != p {
			text = appendEvent(text, 0, "revision", struct {
				ProjectID requirements.ProjectID `json:"project_id"`
				Revision  int64                  `json:"revision"`
			}{p.Project, p.Revision})
		}
	}
	return text, false, nil
}

// shutdownDelay is how long a client waits that a shutdown has disconnected.
func shutdownDelay() time.Duration {
	return reconnectDelay + rand.N(reconnectJitter) //nolint:gosec // spreads load, keeps no secret
}
