package gate

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// announce tells the other replicas that something of a user is changing or has
// changed. This one knows it at once. It returns when this one has heard itself, as
// the others have by then, unless they are slower.
func (r *Redis) announce(ctx context.Context, slot auth.Slot) error {
	r.hear(slot)
	if r.Announce == nil {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, announceWithin)
	defer cancel()
	heard, done := r.belief.echo(slot)
	defer done()
	if err := r.Announce(ctx, slot); err != nil || !r.belief.hears() {
		return err
	}
	late := time.NewTimer(echoWithin)
	defer late.Stop()
	select {
	case <-heard:
	case <-late.C:
	}
	return nil
}

// echo is an announcement that some wait to hear.
type echo struct {
	heard   chan struct{}
	waiting int
}

// echo is what ends when a change of a slot's user is heard of, and what to do when
// that is not waited for any more.
func (b *belief) echo(slot auth.Slot) (heard <-chan struct{}, done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.echoes[slot]
	if e == nil {
		e = &echo{heard: make(chan struct{})}
		if b.echoes == nil {
			b.echoes = map[auth.Slot]*echo{}
		}
		b.echoes[slot] = e
	}
	e.waiting++
	return e.heard, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if e.waiting--; e.waiting == 0 && b.echoes[slot] == e {
			delete(b.echoes, slot)
		}
	}
}

// echoed ends the waiting.
func (b *belief) echoed(slot auth.Slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.echoes[slot]; e != nil {
		close(e.heard)
		delete(b.echoes, slot)
	}
}

// hears reports whether announcements are heard.
func (b *belief) hears() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.deaf
}
