package events

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Hub knows the streams of a replica. [Hub.Run] runs beside it.
type Hub struct {
	Config

	// context ends with Close, shutdown with Shutdown.
	context  context.Context //nolint:containedctx // lives as long as the hub
	stop     context.CancelFunc
	shutdown chan struct{}
	running  sync.WaitGroup

	mu      sync.Mutex
	feeds   map[Watch]*feed
	owners  map[auth.UserID]*watcher
	users   map[auth.UserID]int // the streams of each user
	streams int
	stopped bool
}

// watcher is an owner whose projects have streams.
type watcher struct {
	feeds []*feed
	// stop ends listening to other replicas.
	stop context.CancelFunc
}

// New returns a hub without streams.
func New(ctx context.Context, c Config) *Hub {
	c.MaxPerUser, c.Max = cmp.Or(c.MaxPerUser, DefaultMaxPerUser), cmp.Or(c.Max, DefaultMax)
	h := &Hub{Config: c, shutdown: make(chan struct{}), feeds: map[Watch]*feed{}, owners: map[auth.UserID]*watcher{}, users: map[auth.UserID]int{}}
	h.context, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	return h
}

// Open opens a stream, which the caller closes. Its errors are TooManyStreams and
// Unavailable.
func (h *Hub) Open(w Watch) (*Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return nil, errUnavailable("The server is shutting down.")
	case h.users[w.User] >= h.MaxPerUser:
		return nil, errTooMany(h.MaxPerUser)
	case h.streams >= h.Max:
		return nil, errUnavailable("The maximum number of streams is open at this server.")
	}
	owner := h.owners[w.Owner]
	if owner == nil {
		owner = h.watch(w.Owner)
	}
	f := h.feeds[w]
	if f == nil {
		f = &feed{watch: w, hub: h, seen: unknown}
		h.feeds[w] = f
		owner.feeds = append(owner.feeds, f)
	}
	s := &Stream{feed: f, woken: make(chan struct{}, 1)}
	f.streams = append(f.streams, s)
	h.users[w.User]++
	h.streams++
	return s, nil
}

// watch begins to listen to the writes of an owner's content at other replicas.
func (h *Hub) watch(owner auth.UserID) *watcher {
	w := &watcher{stop: func() {}}
	h.owners[owner] = w
	if h.Listener != nil {
		ctx, stop := context.WithCancel(h.context)
		w.stop = stop
		h.running.Go(func() {
			h.Listener.Listen(ctx, owner, func(projects ...string) { h.Wake(owner, projects...) })
		})
	}
	return w
}

// Wake wakes the streams about projects of an owner, given by their ids as text; without
// ids, all streams about the owner's projects.
func (h *Hub) Wake(owner auth.UserID, projects ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.owners[owner]; w != nil {
		for _, f := range w.feeds {
			if f.concerns(projects) {
				f.wake()
			}
		}
	}
}

// Count returns the number of streams.
func (h *Hub) Count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams
}

// Shutdown ends all streams, and lets no other begin.
func (h *Hub) Shutdown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.stopped {
		h.stopped = true
		close(h.shutdown)
	}
}

// Done is closed by Shutdown.
func (h *Hub) Done() <-chan struct{} { return h.shutdown }

// Close ends the queries and the notifications.
func (h *Hub) Close() {
	h.Shutdown()
	h.stop()
	h.running.Wait()
}

// Run wakes the streams that have missed a wake-up, and ends those whose session or
// project has ended, until ctx is done.
func (h *Hub) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.poll(ctx)
		}
	}
}

// poll reads the states of all feeds. If that fails, the next poll does it.
func (h *Hub) poll(ctx context.Context) {
	feeds, watched := h.watched()
	if len(feeds) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	states, err := h.Store.Watched(ctx, watched)
	if err != nil || len(states) != len(feeds) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, f := range feeds {
		f.forget()
		switch state := states[n]; {
		case !state.Live:
			f.end(problem.New(problem.TokenRevoked, "The session of this token has ended; sign in again."))
		case !state.Found:
			f.end(problem.NotFound(problem.ProjectNotFound))
		case state.Revision != f.seen:
			f.wake()
		}
	}
}

func (h *Hub) watched() (feeds []*feed, watched []Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w, f := range h.feeds {
		feeds, watched = append(feeds, f), append(watched, w)
	}
	return feeds, watched
}

// load makes one query, within the concurrency limiter.
func (h *Hub) load(w Watch, after history.Position) (page Page, err error) {
	ctx, cancel := context.WithTimeout(h.context, readTimeout)
	defer cancel()
	release, err := h.Acquire(ctx, w.User.String())
	if err != nil {
		return Page{}, err
	}
	defer release()
	if !w.Project.IsZero() {
		return h.Store.Feed(ctx, w.actor(), w.Project, after, pageSize)
	}
	page.Projects, err = h.Store.NewestRevisions(ctx, w.actor())
	for _, p := range page.Projects {
		page.Head += p.Revision
	}
	return page, err
}
