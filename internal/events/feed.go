package events

import (
	"context"
	"slices"

	"github.com/codegenapp/codegenapp/internal/history"
)

// unknown is the revision that a feed has seen before its first read, and after a read
// that failed: the next poll wakes it.
const unknown = -1

// feed is what streams of one session about one project share: their queries. The mutex of
// the hub guards it.
type feed struct {
	watch   Watch
	hub     *Hub
	streams []*Stream
	// seen is the newest revision that was read.
	seen int64
	// wakes counts the wake-ups.
	wakes uint64
	// last is the last read; nil without one.
	last *read
	// err is why the feed has ended.
	err error
}

// read is one query. Streams at the same position share it, if it began after they were
// woken.
type read struct {
	after history.Position
	wakes uint64
	// done is closed when page and err are set.
	done chan struct{}
	page Page
	err  error
}

// Stream is one stream. A goroutine reads from it.
type Stream struct {
	feed  *feed
	woken chan struct{}
}

// Woken has a value when Next may return something new.
func (s *Stream) Woken() <-chan struct{} { return s.woken }

// Next returns what comes after a position. Streams about all projects have no position.
func (s *Stream) Next(ctx context.Context, after history.Position) (Page, error) {
	r, err := s.feed.join(after)
	if err != nil {
		return Page{}, err
	}
	select {
	case <-r.done:
		return r.page, r.err
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
}

// Close ends the stream.
func (s *Stream) Close() {
	f, h := s.feed, s.feed.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	n := slices.Index(f.streams, s)
	if n < 0 {
		return
	}
	f.streams = slices.Delete(f.streams, n, n+1)
	h.streams--
	if h.users[f.watch.User]--; h.users[f.watch.User] == 0 {
		delete(h.users, f.watch.User)
	}
	if len(f.streams) > 0 {
		return
	}
	f.remove()
	owner := h.owners[f.watch.Owner]
	owner.feeds = slices.DeleteFunc(owner.feeds, func(other *feed) bool { return other == f })
	if len(owner.feeds) == 0 {
		owner.stop()
		delete(h.owners, f.watch.Owner)
	}
}

// concerns reports whether a change of the projects concerns the feed.
func (f *feed) concerns(projects []string) bool {
	return len(projects) == 0 || f.watch.Project.IsZero() || slices.Contains(projects, f.watch.Project.String())
}

func (f *feed) wake() {
	f.wakes++
	for _, s := range f.streams {
		select {
		case s.woken <- struct{}{}:
		default:
		}
	}
}

// end ends the streams of the feed. A new stream gets another feed.
func (f *feed) end(err error) {
	f.err = err
	f.remove()
	f.wake()
}

func (f *feed) remove() {
	if f.hub.feeds[f.watch] == f {
		delete(f.hub.feeds, f.watch)
	}
}

// forget drops the last result. Streams that read it hold it as long as they need it.
func (f *feed) forget() {
	if f.last == nil {
		return
	}
	select {
	case <-f.last.done:
		f.last = nil
	default:
	}
}

// join returns a read that begins now, or one that began since the last wake-up.
func (f *feed) join(after history.Position) (*read, error) {
	h := f.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	if r := f.last; r != nil && r.after == after && r.wakes == f.wakes {
		return r, nil
	}
	r := &read{after: after, wakes: f.wakes, done: make(chan struct{})}
	f.last = r
	h.running.Go(func() { f.run(r) })
	return r, nil
}

// run makes a read. A failed one is not shared with later streams.
func (f *feed) run(r *read) {
	defer close(r.done)
	r.page, r.err = f.hub.load(f.watch, r.after)
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	switch {
	case r.err == nil:
		f.seen = r.page.Head
		return
	case Ended(r.err):
		f.end(r.err)
	default:
		f.seen = unknown
	}
	if f.last == r {
		f.last = nil
	}
}
