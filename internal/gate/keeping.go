package gate

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// mostKeeping is how many answers may wait to be kept; more are not kept.
	mostKeeping = 256
	// keepWithin is how long keeping may take, for which nobody waits.
	keepWithin = time.Second
	// announceWithin is how long an announcement may take.
	announceWithin = time.Second
	// echoWithin is how long a replica waits to hear its own announcement.
	echoWithin = 100 * time.Millisecond
	// heardFor is how long a user is not believed about after an announcement, beside
	// the time that answers are kept: as long as a mark stands.
	heardFor = 75 * time.Second
)

// keeping is an answer that is to be kept.
type keeping struct {
	entry  auth.Entry
	epoch  auth.Epoch
	answer auth.Answer
}

// Keep implements auth.Gate.
func (r *Redis) Keep(e auth.Entry, epoch auth.Epoch, a auth.Answer) {
	if epoch == "" || len(a.Body) > auth.MostAnswer || !here(r.turns.Load()) {
		return
	}
	select {
	case r.keeping <- keeping{e, epoch, a}:
	default: // it can be asked for again
	}
}

// keepAnswers keeps what waits for it until ctx is done, several at a time.
func (r *Redis) keepAnswers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case k := <-r.keeping:
			waiting := []keeping{k}
			for range min(len(r.keeping), 31) {
				waiting = append(waiting, <-r.keeping)
			}
			r.keepThese(ctx, waiting)
		}
	}
}

// keepThese does not say whether it succeeds: what is not kept is asked for again.
func (r *Redis) keepThese(ctx context.Context, all []keeping) {
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	client := *r.client.Load()
	session := min(r.KeepFor, mostSession).Milliseconds()
	commands := make(rueidis.Commands, 0, 3*len(all))
	for _, k := range all {
		commands = append(commands,
			client.B().Set().Key(answerKey(k.entry)).Value(record(k.entry, k.epoch, k.answer)).PxMilliseconds(r.KeepFor.Milliseconds()).Build(),
			client.B().Set().Key(sessionKey(k.entry)).Value(string(k.epoch)).PxMilliseconds(session).Build(),
			client.B().Pexpire().Key(epochKey(k.entry.Slot)).Milliseconds((2 * r.KeepFor).Milliseconds()).Build(),
		)
	}
	client.DoMulti(ctx, commands...)
}
