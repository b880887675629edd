package gate

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// connectWithin is how long a connection may take that nobody waits for.
	connectWithin = time.Second
	// mostShared is the power of two of connections to a node; more than four bring
	// nothing, since each takes the calls of many callers at once.
	mostShared = 2
	// bufferBytes are for each connection and direction; ours are small messages.
	bufferBytes = 32 << 10
)

var (
	errAway   = errors.New("no answer from Redis")
	errAnswer = errors.New("an answer to another question")
	errURL    = errors.New("not a redis:// or rediss:// URL")
)

// ValidURL reports whether a Redis can be meant by the URL.
func ValidURL(url string) bool {
	_, err := optionOf(RedisConfig{URL: url})
	return err == nil
}

func optionOf(c RedisConfig) (rueidis.ClientOption, error) {
	if !strings.HasPrefix(c.URL, "redis://") && !strings.HasPrefix(c.URL, "rediss://") {
		return rueidis.ClientOption{}, errURL
	}
	option, err := rueidis.ParseURL(c.URL)
	if err != nil {
		return option, errURL // the parser's own words repeat parts of it
	}
	// Requests share the connections, a power of two of them. Zero would leave the
	// number to the library.
	option.PipelineMultiplex = -1
	if c.Connections > 1 {
		option.PipelineMultiplex = min(bits.Len(uint(c.Connections))-1, mostShared)
	}
	option.ReadBufferEachConn, option.WriteBufferEachConn = bufferBytes, bufferBytes
	option.Dialer.Timeout = connectWithin
	// A connection on which nothing comes back is closed after this time.
	option.ConnWriteTimeout = connectWithin
	// By default a call hangs while Redis is away.
	option.DisableRetry = true
	// Each connection has a reader of its own, which sees at once when it is cut,
	// and reads the answer to a call that was given up.
	option.AlwaysPipelining = true
	option.DisableCache = true
	return option, nil
}

// keep connects, and sees when a Redis that was away is back.
func (r *Redis) keep(ctx context.Context, option rueidis.ClientOption) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	said := false
	for ctx.Err() == nil {
		if turn := r.turns.Load(); !here(turn) {
			err := r.probe(ctx, option)
			switch {
			case ctx.Err() != nil:
			case err == nil:
				r.turns.Add(1)
				r.Log.InfoContext(ctx, "Redis answers")
			case turn == 0 && !said: // it was never here, so nobody has lost it
				said = true
				r.Log.WarnContext(ctx, "Redis does not answer: each replica counts by itself, and nothing is remembered", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// probe connects if nobody has, and does for the slot that failed what a request
// would do. The first try may take longer, since it may have to connect.
func (r *Redis) probe(ctx context.Context, option rueidis.ClientOption) error {
	if r.client.Load() == nil {
		client, err := rueidis.NewClient(option)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		r.client.Store(&client)
	}
	if _, err := r.ask(ctx, connectWithin, r.probing()); err != nil {
		return err
	}
	_, err := r.ask(ctx, r.wait, r.probing())
	return err
}

// probing spends from a budget that nobody else has.
func (r *Redis) probing() auth.Entry {
	slot := auth.Slot("probe")
	if failed := r.failed.Load(); failed != nil {
		slot = *failed
	}
	return auth.Entry{Slot: slot, Rates: []auth.Rate{{Name: "probe", Requests: 1_000_000, Per: time.Second}}}
}

// lost stops asking Redis. turn is the one that the caller knew: of all who meet
// an outage only one reports it.
func (r *Redis) lost(ctx context.Context, turn uint64, slot auth.Slot, err error) {
	r.failed.Store(&slot)
	if r.turns.CompareAndSwap(turn, turn+1) {
		r.Log.WarnContext(ctx, "Redis does not answer: each replica counts by itself, and nothing is remembered", "error", err)
	}
}

// Check is nil while Redis answers.
func (r *Redis) Check(ctx context.Context) error {
	turn := r.turns.Load()
	if !here(turn) {
		return errAway
	}
	e := r.probing()
	_, err := r.ask(ctx, r.wait, e)
	if err != nil {
		r.lost(ctx, turn, e.Slot, err)
	}
	return err
}
