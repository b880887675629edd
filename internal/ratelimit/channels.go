package ratelimit

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

const (
	// checkChannelsTimeout bounds the check of the channels, publishInterval is the time
	// between two of its messages.
	checkChannelsTimeout, publishInterval = 2 * time.Second, 20 * time.Millisecond
)

// checkChannels returns nil if a message that is published arrives at a subscription. An
// ACL can withhold both commands, and the channels: since Redis 7 by default.
func checkChannels(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, checkChannelsTimeout)
	defer cancel()
	channel := KeyOf("doctor", "changes")
	publish := func() rueidis.Completed { return client.B().Publish().Channel(channel).Message("").Build() }
	if client.Mode() == rueidis.ClientModeCluster {
		publish = func() rueidis.Completed { return client.B().Spublish().Channel(channel).Message("").Build() }
	}
	arrived, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- subscribe(ctx, client, channel, func(string) {
			select {
			case arrived <- struct{}{}:
			default:
			}
		})
	}()
	for {
		if err := client.Do(ctx, publish()).Error(); err != nil {
			return err
		}
		select {
		case <-arrived:
			return nil
		case err := <-ended:
			if err == nil {
				err = errors.New("the subscription ended")
			}
			return err
		case <-time.After(publishInterval):
		}
	}
}
