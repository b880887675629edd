package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/id"
)

const (
	// notifyChannel carries what replicas cannot report to each other through Redis.
	notifyChannel = "codegenapp_changes"
	notify        = "SELECT pg_notify($1, $2)"
	// relistenDelay is the time between a lost connection and the next attempt.
	relistenDelay = 250 * time.Millisecond
	// roundTripTimeout bounds the wait for a listener's own notification.
	roundTripTimeout = 2 * time.Second
	// quietInterval is the time without a notification after which the listener tests
	// whether it would receive one.
	quietInterval = 15 * time.Second
	// roundTripPayload begins the payload of such a test.
	roundTripPayload = "round trip "
)

// Notify sends a payload of up to 255 bytes to every replica that listens, this one
// too.
func (s *Store) Notify(ctx context.Context, payload string) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Exec(ctx, notify, notifyChannel, payload)
	return translate(err)
}

// Listen passes on the notifications of all replicas, over a connection of its own,
// until ctx is done. It calls listening whenever it begins or ceases to receive them.
//
// A pooler in transaction mode accepts LISTEN and passes nothing on. So the listener
// first sends a notification over another connection, as other replicas do.
func (s *Store) Listen(ctx context.Context, url string, log *slog.Logger, listening func(bool), received func(payload string)) {
	reported := ""
	for ctx.Err() == nil {
		err := s.listen(ctx, url, func() { reported = ""; listening(true) }, received)
		listening(false)
		if ctx.Err() == nil && reported != err.Error() {
			reported = err.Error()
			log.WarnContext(ctx, "notifications of other replicas are not received, so no response is served from Redis", "error", reported)
		}
		select {
		case <-ctx.Done():
		case <-time.After(relistenDelay):
		}
	}
}

// CheckNotify returns nil if a connection receives what another one sends.
func (s *Store) CheckNotify(ctx context.Context, url string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := false
	err := s.listen(ctx, url, func() { ready = true; cancel() }, func(string) {})
	if ready {
		return nil
	}
	return err
}

var errNoRoundTrip = errors.New("notifications are not passed on: DATABASE_DIRECT_URL has to lead to the database of DATABASE_URL, and not through a pooler in transaction mode")

// listen listens over one connection until that fails.
func (s *Store) listen(ctx context.Context, url string, ready func(), received func(payload string)) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("DATABASE_DIRECT_URL %w", urlFault(err))
	}
	setParameters(config, "codegenapp listener")
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return connectFailure(err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // it is not used any more
	}()
	if _, err := setDirect(ctx, conn, nil); err != nil {
		return hideDetail(err)
	}
	if _, err := conn.Exec(ctx, "LISTEN "+notifyChannel); err != nil {
		return hideDetail(err)
	}
	// A connection receives its own notifications even through such a pooler. So the
	// first test goes by another connection; the later ones only test this one.
	if err := roundTrip(ctx, conn, s.Notify, received); err != nil {
		return err
	}
	ready()
	own := func(ctx context.Context, payload string) error {
		_, err := conn.Exec(ctx, notify, notifyChannel, payload)
		return hideDetail(err)
	}
	for {
		if err := receiveUntilQuiet(ctx, conn, quietInterval, received); err != nil {
			return err
		}
		if err := roundTrip(ctx, conn, own, received); err != nil {
			return err
		}
	}
}

// roundTrip sends a notification and waits until it is received.
func roundTrip(ctx context.Context, conn *pgx.Conn, send func(ctx context.Context, payload string) error, received func(payload string)) error {
	payload := roundTripPayload + id.New[Store]().String()
	ctx, cancel := context.WithTimeout(ctx, roundTripTimeout)
	defer cancel()
	if err := send(ctx, payload); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		switch {
		case ctx.Err() != nil:
			return errNoRoundTrip
		case err != nil:
			return hideDetail(err)
		case n.Payload == payload:
			return nil
		default:
			passOn(n.Payload, received)
		}
	}
}

// receiveUntilQuiet passes on notifications until none has come for some time.
func receiveUntilQuiet(ctx context.Context, conn *pgx.Conn, quiet time.Duration, received func(payload string)) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(waiting)
		late := waiting.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("stopped: %w", ctx.Err())
		case err != nil && late && !conn.IsClosed():
			return nil
		case err != nil:
			return hideDetail(err)
		default:
			passOn(n.Payload, received)
		}
	}
}

// passOn passes on a notification, unless it is the test of another replica.
func passOn(payload string, received func(payload string)) {
	if !strings.HasPrefix(payload, roundTripPayload) {
		received(payload)
	}
}
