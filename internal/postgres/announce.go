package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/id"
)

const (
	// channel is where replicas tell each other what they could not tell Redis.
	channel = "codegenapp_changes"
	notify  = "SELECT pg_notify($1, $2)"
	// listenAgain is how long after a lost connection the next is tried.
	listenAgain = 250 * time.Millisecond
	// echoWithin is how long a replica waits to hear itself.
	echoWithin = 2 * time.Second
	// quietFor is how long nothing may be heard before it is tried whether
	// anything would be.
	quietFor = 15 * time.Second
)

// Listen passes on what replicas announce, over a connection of its own, until
// ctx is done. It says whether anything is heard whenever that changes.
//
// A pooler that lends a connection for each transaction takes the request to
// listen and passes nothing on. So whoever listens first says something itself, by
// the way in which others will.
func (s *Store) Listen(ctx context.Context, url string, log *slog.Logger, listening func(bool), heard func(word string)) {
	said := ""
	for ctx.Err() == nil {
		err := s.listen(ctx, url, func() { said = ""; listening(true) }, heard)
		listening(false)
		if ctx.Err() == nil && said != err.Error() {
			said = err.Error()
			log.WarnContext(ctx, "what other replicas announce is not heard, so no answer is taken from Redis", "error", said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

var errNoEcho = errors.New("announcements are not passed on: DATABASE_DIRECT_URL has to lead to the database of DATABASE_URL, past any pooler in transaction mode")

// listen does so over one connection, until that fails.
func (s *Store) listen(ctx context.Context, url string, ready func(), heard func(word string)) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("DATABASE_DIRECT_URL is not a PostgreSQL connection URL") // its own words may repeat the password
	}
	config.RuntimeParams["application_name"] = "codegenapp listener"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnectTimeout = connectTimeout
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return hideDetail(err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // it is not used any more
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return hideDetail(err)
	}
	// What a connection says itself it hears even through such a pooler. So the
	// first word goes by another; the later ones ask only whether this one lives.
	if err := echo(ctx, conn, s.Announce, heard); err != nil {
		return err
	}
	ready()
	myself := func(ctx context.Context, word string) error {
		_, err := conn.Exec(ctx, notify, channel, word)
		return hideDetail(err)
	}
	for {
		if err := hearFor(ctx, conn, quietFor, heard); err != nil {
			return err
		}
		if err := echo(ctx, conn, myself, heard); err != nil {
			return err
		}
	}
}

// echo says something and waits until it is heard.
func echo(ctx context.Context, conn *pgx.Conn, say func(ctx context.Context, word string) error, heard func(word string)) error {
	word := "echo " + id.New[Store]().String()
	ctx, cancel := context.WithTimeout(ctx, echoWithin)
	defer cancel()
	if err := say(ctx, word); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		switch {
		case ctx.Err() != nil:
			return errNoEcho
		case err != nil:
			return hideDetail(err)
		case n.Payload == word:
			return nil
		default:
			pass(n.Payload, heard)
		}
	}
}

// hearFor passes on what is heard, until nothing was for some time.
func hearFor(ctx context.Context, conn *pgx.Conn, quiet time.Duration, heard func(word string)) error {
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
			pass(n.Payload, heard)
		}
	}
}

// pass passes a word on, unless it is another replica's echo.
func pass(word string, heard func(word string)) {
	if len(word) < len("echo ") || word[:len("echo ")] != "echo " {
		heard(word)
	}
}
