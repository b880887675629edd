package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// connectTimeout bounds a connection attempt, which no request waits for.
	connectTimeout = time.Second
	// probeInterval is how often an open breaker tries whether Redis responds.
	probeInterval = 100 * time.Millisecond
	// maxMultiplex is the power of two of connections to a node. More than four bring
	// nothing, since each carries the calls of many requests at once.
	maxMultiplex = 2
	// absentAfter is the number of timeouts without any reply after which Redis counts as
	// absent.
	absentAfter = 4
	// bufferBytes are for each connection and direction; the messages are small.
	bufferBytes = 32 << 10
)

// breaker is a circuit breaker, closed while Redis responds.
//
// Its epoch counts the changes, and is odd while the breaker is closed. A caller
// trips the epoch that it has seen: an outage that many calls meet is one, and a late
// failure of one outage does not count for the next.
type breaker struct{ epoch atomic.Uint64 }

func (b *breaker) closed() (epoch uint64, closed bool) {
	epoch = b.epoch.Load()
	return epoch, epoch%2 == 1
}

// Stats is what the connection has done since it was opened.
type Stats struct {
	// Closed is whether the circuit breaker is closed: calls go to Redis.
	Closed bool
	// Outages counts how often the breaker opened, Timeouts the calls without a reply
	// in time. A single timeout is no outage.
	Outages, Timeouts uint64
	// ByRedis counts the requests that Redis served, ByProcess those that this
	// process served without it.
	ByRedis, ByProcess uint64
}

// Stats returns what the connection has done.
func (r *Redis) Stats() Stats {
	epoch, closed := r.breaker.closed()
	return Stats{Closed: closed, Outages: epoch / 2, Timeouts: r.timeouts.Load(), ByRedis: r.byRedis.Load(), ByProcess: r.byProcess.Load()}
}

var errURL = errors.New("is not a Redis URL: redis://user:password@host:6379/0, or rediss:// for TLS")

// CheckURL returns nil if the URL can be that of a Redis. Its error is the rest of a
// sentence that begins with the name of the setting. It contains nothing of the URL.
func CheckURL(u string) error {
	_, err := clientOption(Config{URL: u})
	return err
}

func clientOption(c Config) (rueidis.ClientOption, error) {
	u, err := url.Parse(strings.TrimSpace(c.URL))
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
		return rueidis.ClientOption{}, errURL
	}
	// The number of the database may be followed by a slash, and be left out.
	u.Path = strings.TrimRight(u.Path, "/")
	option, err := rueidis.ParseURL(u.String())
	if err != nil {
		return option, errURL // the parser's text repeats parts of the URL
	}
	if c.CAFile != "" && option.TLSConfig != nil {
		trusted, err := newAuthorities(c.CAFile)
		if err != nil {
			return option, fmt.Errorf("the file of Redis's authorities %w", err)
		}
		option.TLSConfig = trusted.config()
	}
	// Requests share the connections, a power of two of them. Zero would leave the
	// number to the library.
	option.PipelineMultiplex = -1
	if c.MaxConnections > 1 {
		option.PipelineMultiplex = min(bits.Len(uint(c.MaxConnections))-1, maxMultiplex)
	}
	option.ReadBufferEachConn, option.WriteBufferEachConn = bufferBytes, bufferBytes
	option.Dialer.Timeout = connectTimeout
	// A connection on which nothing arrives is closed after this time.
	option.ConnWriteTimeout = connectTimeout
	// By default a call hangs while Redis is down.
	option.DisableRetry = true
	// Each connection has a reader, which notices at once that it is closed, and
	// which reads the reply to a call that has timed out.
	option.AlwaysPipelining = true
	option.DisableCache = true
	return option, nil
}

// probeLoop connects, and closes the breaker when Redis responds again.
func (r *Redis) probeLoop(ctx context.Context, option rueidis.ClientOption) {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	reported := false
	for ctx.Err() == nil {
		if epoch, closed := r.breaker.closed(); !closed {
			err := r.probe(ctx, option)
			switch {
			case ctx.Err() != nil:
			case err == nil:
				r.unanswered.Store(0)
				r.breaker.epoch.Add(1)
				r.config.Log.InfoContext(ctx, "Redis responds")
			case epoch == 0 && !reported: // it never responded, so no call has reported it
				reported = true
				r.reportOutage(ctx, err)
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// probe connects if there is no client yet, and does what a request does, for the key
// that failed. A PING would succeed also at a Redis that is full, read-only, or of
// which another node is down. The first call may take longer: it may have to connect.
func (r *Redis) probe(ctx context.Context, option rueidis.ClientOption) error {
	if r.client.Load() == nil {
		client, err := rueidis.NewClient(option)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		r.client.Store(&client)
	}
	for _, timeout := range []time.Duration{max(connectTimeout, r.config.Timeout), r.config.Timeout} {
		_, keys, args := r.probeCall()
		if _, err := r.call(ctx, timeout, r.script, keys, args); err != nil {
			return err
		}
	}
	return nil
}

// probeCall charges a limit that no request has.
func (r *Redis) probeCall() (key Key, keys, args []string) {
	key = "probe"
	if failed := r.failed.Load(); failed != nil {
		key = *failed
	}
	keys, args = Arguments(key, []Rate{{Name: "probe", Requests: maxRequests, Per: time.Second}})
	return key, keys, args
}

// callFailed notes that a call failed which began at a time. A call without a reply in time
// opens the breaker only if no other call has had a reply for absentAfter timeouts: on a
// busy machine, single replies are late. Every other error opens it at once.
func (r *Redis) callFailed(ctx context.Context, epoch uint64, key Key, began time.Time, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		r.timeouts.Add(1)
		r.unanswered.CompareAndSwap(0, began.UnixNano())
		first := r.unanswered.Load()
		if first != 0 && time.Since(time.Unix(0, first)) < absentAfter*r.config.Timeout {
			return
		}
	}
	r.trip(ctx, epoch, key, err)
}

// trip opens the breaker, unless that has happened since epoch.
func (r *Redis) trip(ctx context.Context, epoch uint64, key Key, err error) {
	r.failed.Store(&key)
	if r.breaker.epoch.CompareAndSwap(epoch, epoch+1) {
		r.reportOutage(ctx, err)
	}
}

func (r *Redis) reportOutage(ctx context.Context, err error) {
	if _, rejected := errors.AsType[*rueidis.RedisError](err); rejected { // WRONGPASS, NOPERM, OOM …
		r.config.Log.WarnContext(ctx, "Redis responds with an error: each replica counts by itself, and no response is cached", "error", err)
		return
	}
	r.config.Log.WarnContext(ctx, "Redis does not respond: each replica counts by itself, and no response is cached", "error", err)
}

// Check returns nil while Redis responds.
func (r *Redis) Check(ctx context.Context) error {
	key, keys, args := r.probeCall()
	_, err := r.execWithin(ctx, r.config.Timeout, r.script, key, keys, args)
	return err
}
