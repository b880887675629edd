package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/bench/harness"
	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// cacheReads is what the metrics of codegenapp count: cacheable reads, and those that
// came from the cache.
type cacheReads struct{ all, hits float64 }

// readCacheMetrics adds up the metrics of servers.
func readCacheMetrics(ctx context.Context, addresses []string) (sum cacheReads, err error) {
	for _, address := range addresses {
		one, err := readCacheMetricsOf(ctx, address)
		if err != nil {
			return sum, fmt.Errorf("read the metrics of %s: %w", address, err)
		}
		sum.all, sum.hits = sum.all+one.all, sum.hits+one.hits
	}
	return sum, nil
}

// readCacheMetricsOf reads the metrics of one server.
func readCacheMetricsOf(ctx context.Context, address string) (c cacheReads, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return c, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return c, err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if !strings.HasPrefix(name, "cache_requests_total{") {
			continue
		}
		count, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return c, err
		}
		c.all += count
		if strings.Contains(name, `result="hit"`) {
			c.hits += count
		}
	}
	return c, lines.Err()
}

// shareSince is the share of the reads since then that came from the cache.
func (c cacheReads) shareSince(ctx context.Context, addresses []string) (float64, error) {
	now, err := readCacheMetrics(ctx, addresses)
	if err != nil || now.all == c.all {
		return 0, err
	}
	return (now.hits - c.hits) / (now.all - c.all), nil
}

// cacheTimeout bounds the wait for the cache. With Redis, codegenapp does not trust it for
// 70 seconds after its start, and for ten seconds after the first request of a user.
const cacheTimeout = 2 * time.Minute

// waitForCache waits until reads of all users come from the cache of a server.
func (b *bench) waitForCache(ctx context.Context, p *harness.Process, w *dataset) error {
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	for pass := 0; ; pass++ {
		share, err := cachedShare(ctx, p, w)
		if err != nil || share == 1 {
			return err
		}
		if pass == 1 { // the first one fills an empty cache
			b.logf("  waiting until %s trusts its cache", p.Name)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s caches the responses of all users: %w", p.Name, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// cachedShare reads a specification of each user, and returns the share of responses that
// came from the cache.
func cachedShare(ctx context.Context, p *harness.Process, w *dataset) (float64, error) {
	addresses := []string{p.Address}
	before, err := readCacheMetrics(ctx, addresses)
	if err != nil {
		return 0, err
	}
	for n := 0; n < len(w.specs); n += seed.Specifications {
		request, want := readSpecification(nil, w.specs[n])
		if _, err := load.Once(ctx, p.Address, &repeatCaller{request, want}); err != nil {
			return 0, err
		}
	}
	return before.shareSince(ctx, addresses)
}
