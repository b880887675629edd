package redisserver

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

var shared = sync.OnceValues(startShared)

// startShared is the Redis that tests share: that of TEST_REDIS_URL, which `make test`
// sets; without it, as under a plain `go test`, one that ends with this process.
func startShared() (string, error) {
	if given := os.Getenv("TEST_REDIS_URL"); given != "" {
		return given, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "codegenapp-tests-redis-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }() // Only the log is there, which the server has open.
	server, err := Start(ctx, dir)
	if err != nil {
		return "", err
	}
	return server.URL(), nil
}

// NewDatabase returns the URL of an empty database for one test, in the Redis that tests
// of all processes share. The first database holds the counter of databases. Without Redis
// the error is ErrNoProgram.
func NewDatabase(ctx context.Context) (string, error) {
	from, err := shared()
	if err != nil {
		return "", err
	}
	option, err := rueidis.ParseURL(from)
	if err != nil {
		return "", err
	}
	database, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	option.DisableCache, option.ForceSingleClient, option.PipelineMultiplex = true, true, -1
	client, err := rueidis.NewClient(option)
	if err != nil {
		return "", err
	}
	defer client.Close()
	setting, err := client.Do(ctx, client.B().ConfigGet().Parameter("databases").Build()).AsStrMap()
	if err != nil {
		return "", err
	}
	databases, err := strconv.ParseInt(setting["databases"], 10, 64)
	if err != nil || databases < 2 {
		return "", fmt.Errorf("%q databases: %w", setting["databases"], err)
	}
	taken, err := client.Do(ctx, client.B().Incr().Key("codegenapp:tests:databases").Build()).AsInt64()
	if err != nil {
		return "", err
	}
	number := strconv.FormatInt(1+taken%(databases-1), 10)
	for _, answer := range client.DoMulti(ctx, client.B().Arbitrary("SELECT", number).Build(), client.B().Flushdb().Build()) {
		if err := answer.Error(); err != nil {
			return "", err
		}
	}
	database.Path = "/" + number
	return database.String(), nil
}
