package ratelimit

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// newCluster is a Redis Cluster of three nodes without replicas.
func newCluster(t *testing.T) (nodes []*redisserver.Server, clients []rueidis.Client) {
	t.Helper()
	var buses []string
	for range 3 {
		bus, err := redisserver.FreePort(t.Context())
		check(t, err)
		buses = append(buses, strconv.Itoa(bus))
		nodes = append(nodes, newServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", strconv.Itoa(bus)))
		option := rueidis.MustParseURL(nodes[len(nodes)-1].URL())
		option.DisableCache, option.ForceSingleClient = true, true
		client, err := rueidis.NewClient(option)
		check(t, err)
		t.Cleanup(client.Close)
		clients = append(clients, client)
	}
	ask := func(node int, words ...string) string {
		answer, err := clients[node].Do(t.Context(), clients[node].B().Arbitrary(words...).Build()).ToString()
		check(t, err)
		return answer
	}
	for n := range nodes {
		const slots = 16384
		ask(n, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(n*slots/3), strconv.Itoa((n+1)*slots/3-1))
		host, port, err := net.SplitHostPort(nodes[n].Address)
		check(t, err)
		ask(0, "CLUSTER", "MEET", host, port, buses[n])
	}
	for n := range nodes {
		await(t, "the cluster is complete", func() bool {
			info := ask(n, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return nodes, clients
}

func TestRedis_ClusterServesAsWell(t *testing.T) {
	t.Parallel()
	nodes, clients := newCluster(t)
	replicas := []*Redis{connected(t, nodes[0].URL()), connected(t, nodes[1].URL())}
	rates := []Rate{rate("default", 10, time.Hour), rate("refresh", 5, time.Hour), rate("login", 7, time.Hour)}
	var passed atomic.Int64
	var running sync.WaitGroup
	for host := range 60 {
		for n := range 8 {
			running.Go(func() {
				if allow(t, replicas[n%2], Key(fmt.Sprintf("198.51.100.%d", host)), rates...).Allowed() {
					passed.Add(1)
				}
			})
		}
	}
	running.Wait()
	if got := passed.Load(); got != 60*5 {
		t.Errorf("%d requests of 60 keys were allowed, want 5 each", got)
	}
	for n, replica := range replicas {
		if got := replica.breaker.epoch.Load(); got != 1 {
			t.Errorf("replica %d lost Redis meanwhile: epoch %d", n, got)
		}
	}
	for n, client := range clients {
		keys, err := client.Do(t.Context(), client.B().Dbsize().Build()).AsInt64()
		check(t, err)
		if keys < 15 {
			t.Errorf("node %d has %d of 180 keys: the limits of one key are not on one node", n, keys)
		}
	}

	nodes[2].Kill()
	for host := range 60 { // those of the other nodes, too: the cluster is incomplete
		if got := allowed(t, replicas[0], 9, Key(fmt.Sprintf("203.0.113.%d", host)), rates...); got > 10 || got < 5 {
			t.Errorf("%d requests were allowed while a node was down, want 5 or what two counts allow", got)
		}
	}
	check(t, nodes[2].Restart(t.Context()))
	await(t, "the cluster is back", func() bool {
		return allow(t, replicas[0], "ann", rates...) != nil && closed(replicas[0])
	})
}
