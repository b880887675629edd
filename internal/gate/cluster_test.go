package gate

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

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// newCluster is a Redis Cluster of three nodes without replicas.
func newCluster(t *testing.T) (nodes []*redisserver.Server, clients []rueidis.Client) {
	t.Helper()
	var buses []string
	for range 3 {
		bus, err := redisserver.FreePort(t.Context())
		must(t, err)
		buses = append(buses, strconv.Itoa(bus))
		nodes = append(nodes, newServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", strconv.Itoa(bus)))
		option := rueidis.MustParseURL(nodes[len(nodes)-1].URL())
		option.DisableCache, option.ForceSingleClient = true, true
		client, err := rueidis.NewClient(option)
		must(t, err)
		t.Cleanup(client.Close)
		clients = append(clients, client)
	}
	ask := func(node int, words ...string) string {
		answer, err := clients[node].Do(t.Context(), clients[node].B().Arbitrary(words...).Build()).ToString()
		must(t, err)
		return answer
	}
	for n := range nodes {
		const slots = 16384
		ask(n, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(n*slots/3), strconv.Itoa((n+1)*slots/3-1))
		host, port, err := net.SplitHostPort(nodes[n].Address)
		must(t, err)
		ask(0, "CLUSTER", "MEET", host, port, buses[n])
	}
	for n := range nodes {
		await(t, "the cluster is one", func() bool {
			info := ask(n, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return nodes, clients
}

func TestAClusterServesAsWell(t *testing.T) {
	t.Parallel()
	nodes, clients := newCluster(t)
	replicas := []*Redis{patient(t, nodes[0].URL()), patient(t, nodes[1].URL())}
	rates := []auth.Rate{rate("default", 10, time.Hour), rate("refresh", 5, time.Hour), rate("login", 7, time.Hour)}
	var passed atomic.Int64
	var running sync.WaitGroup
	for slot := range 60 {
		for n := range 8 {
			running.Go(func() {
				if enter(t, replicas[n%2], auth.Slot(fmt.Sprintf("198.51.100.%d", slot)), rates...).Allowed() {
					passed.Add(1)
				}
			})
		}
	}
	running.Wait()
	if got := passed.Load(); got != 60*5 {
		t.Errorf("%d requests of 60 slots passed, want 5 each", got)
	}
	for n, replica := range replicas {
		if got := replica.turns.Load(); got != 1 {
			t.Errorf("replica %d lost Redis meanwhile: turn %d", n, got)
		}
	}
	for n, client := range clients {
		keys, err := client.Do(t.Context(), client.B().Dbsize().Build()).AsInt64()
		must(t, err)
		if keys < 15 {
			t.Errorf("node %d has %d of 180 keys: what is one slot's does not lie in one place", n, keys)
		}
	}

	nodes[2].Kill()
	for slot := range 60 { // those of the other nodes, too: the cluster is not whole
		if got := allowed(t, replicas[0], 9, auth.Slot(fmt.Sprintf("203.0.113.%d", slot)), rates...); got > 10 || got < 5 {
			t.Errorf("%d requests passed while a node was dead, want 5 or what two counts let pass", got)
		}
	}
	must(t, nodes[2].Restart(t.Context()))
	await(t, "the cluster is back", func() bool {
		return enter(t, replicas[0], "ann", rates...).Standings != nil && here(replicas[0].turns.Load())
	})
}
