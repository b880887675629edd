package cache

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// call is a call of the script. It takes the ends of its user's writes along.
type call struct {
	user       auth.UserID
	ended      string
	keys, args []string
}

// call returns a call of the script.
func (r *Redis) call(user auth.UserID, rates []ratelimit.Rate, more []string, operation string, operands ...string) call {
	key, ended := userKey(user), r.ends.take(user)
	keys, args := ratelimit.Arguments(key, rates)
	keys = append(append(keys, ratelimit.KeyOf(key, "cache")), more...)
	args = append(args, operation, rand.Text(), microseconds(r.config.QuietPeriod),
		strconv.FormatInt(max(minBookkeepingTTL, 2*r.config.TTL).Milliseconds(), 10), ended, r.trust.nonce)
	return call{user, ended, keys, append(args, operands...)}
}

// work makes the calls that no request waits for, until there are no more.
func (r *Redis) work(ctx context.Context) {
	for {
		select {
		case c, more := <-r.calls:
			if !more {
				return
			}
			r.do(ctx, c)
		case c := <-r.stores:
			r.do(ctx, c)
		}
	}
}

// do makes a call whose failure matters to no request: a response is stored another
// time, and a write ends by its deadline.
func (r *Redis) do(ctx context.Context, c call) {
	_ = r.redis.ExecInBackground(ctx, r.script, userKey(c.user), c.keys, c.args)
}

// exec makes a call that a request waits for. The ends that it took along are sent again
// if it fails.
func (r *Redis) exec(ctx context.Context, c call) ([]rueidis.RedisMessage, error) {
	reply, err := r.redis.Exec(ctx, r.script, userKey(c.user), c.keys, c.args)
	if err != nil {
		r.ends.add(c.user, c.ended)
	}
	return reply, err
}

// execAgain is exec with a longer timeout.
func (r *Redis) execAgain(ctx context.Context, c call) error {
	err := r.redis.ExecAgain(ctx, r.script, userKey(c.user), c.keys, c.args)
	if err != nil {
		r.ends.add(c.user, c.ended)
	}
	return err
}

func userKey(user auth.UserID) ratelimit.Key { return ratelimit.Key(user.String()) }

func resourceKey(q Request) string { return ratelimit.KeyOf(userKey(q.User), format, q.Resource) }

func microseconds(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// resultOf reads the reply to a lookup.
func resultOf(q Request, rates []ratelimit.Rate, reply []rueidis.RedisMessage) (Result, error) {
	decision, err := ratelimit.DecisionOf(rates, reply)
	if err != nil || !decision.Allowed() {
		return Result{Decision: decision}, err
	}
	own := reply[1+len(rates):]
	if len(own) != 4 {
		return Result{}, errReply
	}
	var text [4]string
	for n := range own {
		if text[n], err = own[n].ToString(); err != nil {
			return Result{}, errReply
		}
	}
	count, err := strconv.ParseInt(text[1], 10, 64)
	if err != nil {
		return Result{}, errReply
	}
	at, err := strconv.ParseInt(text[2], 10, 64)
	if err != nil {
		return Result{}, errReply
	}
	result := Result{Decision: decision, Generation: Generation{id: text[0], count: count, at: at}}
	result.Response, result.Scope = parseRecord(text[3], q.Resource)
	return result, nil
}

// parseRecord reads a stored response: a line that the script has read, the resource,
// the ETag, and the body. It returns nil if the record is of another resource.
func parseRecord(record, resource string) (*Response, Scope) {
	head, rest, _ := strings.Cut(record, "\n")
	whose, rest, _ := strings.Cut(rest, "\n")
	etag, body, complete := strings.Cut(rest, "\n")
	fields := strings.Fields(head)
	if !complete || whose != resource || len(fields) != 4 {
		return nil, ""
	}
	return &Response{ETag: etag, Body: []byte(body)}, Scope(fields[1])
}
