package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// sendWithin is how long it may take to send words.
const sendWithin = time.Second

// announcer sends words together that come at the same time. PostgreSQL commits
// one transaction with a NOTIFY at a time; with one for each word, a Redis that is
// away under load would take every connection there is.
type announcer struct {
	mu      sync.Mutex
	waiting []word
	sending bool
}

// word is what one caller announces.
type word struct {
	text string
	sent chan error
}

// Announce tells every replica that listens, this one too, a word of up to 255
// bytes. It is on its way when this returns.
func (s *Store) Announce(ctx context.Context, text string) error {
	w := word{text, make(chan error, 1)}
	a := &s.announcer
	a.mu.Lock()
	a.waiting = append(a.waiting, w)
	begin := !a.sending
	a.sending = true
	a.mu.Unlock()
	if begin {
		go s.sendWords(context.WithoutCancel(ctx))
	}
	select {
	case err := <-w.sent:
		return err
	case <-ctx.Done():
		return unavailable(fmt.Errorf("announce: %w", ctx.Err()))
	}
}

// sendWords sends what waits, until nothing does.
func (s *Store) sendWords(ctx context.Context) {
	a := &s.announcer
	for {
		a.mu.Lock()
		words := a.waiting
		a.waiting = nil
		a.sending = len(words) > 0
		a.mu.Unlock()
		if len(words) == 0 {
			return
		}
		err := s.sendTogether(ctx, words)
		for _, w := range words {
			w.sent <- err
		}
	}
}

func (s *Store) sendTogether(ctx context.Context, words []word) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	texts := make([]string, len(words))
	for n, w := range words {
		texts[n] = w.text
	}
	conn, err := s.acquire(ctx, true)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Exec(ctx, "SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", channel, texts)
	return translate(err)
}
