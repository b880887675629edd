package ratelimit

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

const (
	// resubscribeDelay is the time between a lost subscription and the next attempt,
	// rejectedDelay that after Redis has rejected one: an ACL seldom changes.
	resubscribeDelay, rejectedDelay = 250 * time.Millisecond, 30 * time.Second
	// unsubscribeTimeout bounds the end of a subscription.
	unsubscribeTimeout = time.Second
)

// Subscribe calls received with each message that scripts publish on a channel, until ctx
// is done. The channel has the name that KeyOf returns; in a cluster it is a sharded one.
// Messages that are sent while the connection is lost are lost, too. The function must
// return at once: replies to other calls wait for it.
func (r *Redis) Subscribe(ctx context.Context, channel string, received func(message string)) {
	for ctx.Err() == nil {
		delay := resubscribeDelay
		if client := r.client.Load(); client != nil {
			err := subscribe(ctx, *client, channel, received)
			if _, rejected := rueidis.IsRedisErr(err); rejected {
				delay = rejectedDelay
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

func subscribe(ctx context.Context, client rueidis.Client, channel string, received func(string)) error {
	begin, end := client.B().Subscribe().Channel(channel).Build(), client.B().Unsubscribe().Channel(channel).Build()
	if client.Mode() == rueidis.ClientModeCluster {
		begin, end = client.B().Ssubscribe().Channel(channel).Build(), client.B().Sunsubscribe().Channel(channel).Build()
	}
	err := client.Receive(ctx, begin, func(m rueidis.PubSubMessage) { received(m.Message) })
	if ctx.Err() != nil { // otherwise the connection is lost, and the subscription with it
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), unsubscribeTimeout)
		defer cancel()
		_ = client.Do(ending, end).Error() // the messages have no receiver any more
	}
	return err
}
