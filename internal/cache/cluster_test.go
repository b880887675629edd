package cache

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// newCluster starts a Redis Cluster of three nodes without replicas.
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
	for n := range nodes {
		const slots = 16384
		must(t, do(clients[n], "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(n*slots/3), strconv.Itoa((n+1)*slots/3-1)).Error())
		host, port, err := net.SplitHostPort(nodes[n].Address)
		must(t, err)
		must(t, do(clients[0], "CLUSTER", "MEET", host, port, buses[n]).Error())
	}
	for n := range nodes {
		await(t, "the cluster is complete", func() bool {
			info, err := do(clients[n], "CLUSTER", "INFO").ToString()
			must(t, err)
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return nodes, clients
}

func TestCache_ReplicasOfAClusterSeeEachOthersWrites(t *testing.T) {
	t.Parallel()
	nodes, clients := newCluster(t)
	config := Config{TTL: time.Hour, QuietPeriod: time.Millisecond}
	first, second := newReplica(t, nodes[0].URL(), config), newReplica(t, nodes[1].URL(), config)
	for range 30 {
		q := read("/1")
		storeNow(t, first, q, response("old"))
		storeNow(t, second, q, response("old"))
		_, p, err := second.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}})
		must(t, err)
		if result := first.Lookup(t.Context(), q); result.Response != nil {
			t.Errorf("%s is served while a write is pending", result)
		}
		second.End(p)
		storeNow(t, first, q, response("new"))
	}
	for n, client := range clients {
		keys, err := do(client, "KEYS", "codegenapp:*").AsStrSlice()
		must(t, err)
		if len(keys) < 4 {
			t.Errorf("node %d has %d keys of 30 users", n, len(keys))
		}
		for _, key := range keys { // the bookkeeping and the response of a user are on one node
			user, rest, _ := strings.Cut(key, "}:")
			if number, err := do(client, "EXISTS", user+"}:cache").AsInt64(); !strings.HasPrefix(rest, "rate") && (number != 1 || err != nil) {
				t.Errorf("node %d has %s, and no bookkeeping: %v", n, key, err)
			}
		}
	}
}

// A slot that moves to another node takes the bookkeeping along, which is then that of
// another process.
func TestCache_MovedSlotStartsAnew(t *testing.T) {
	t.Parallel()
	nodes, clients := newCluster(t)
	config := Config{TTL: time.Hour, QuietPeriod: time.Millisecond}
	r, other := newReplica(t, nodes[0].URL(), config), newReplica(t, nodes[0].URL(), config)
	q := read("/1")
	storeNow(t, r, q, response("old"))

	number, err := do(clients[0], "CLUSTER", "KEYSLOT", bookOf(q)).AsInt64()
	must(t, err)
	owner := int(number) * 3 / 16384
	to := (owner + 1) % 3
	id := func(node int) string {
		id, err := do(clients[node], "CLUSTER", "MYID").ToString()
		must(t, err)
		return id
	}
	slot := strconv.FormatInt(number, 10)
	must(t, do(clients[to], "CLUSTER", "SETSLOT", slot, "IMPORTING", id(owner)).Error())
	must(t, do(clients[owner], "CLUSTER", "SETSLOT", slot, "MIGRATING", id(to)).Error())
	host, port, _ := strings.Cut(nodes[to].Address, ":")
	keys, err := do(clients[owner], "CLUSTER", "GETKEYSINSLOT", slot, "100").AsStrSlice()
	must(t, err)
	for _, key := range keys {
		must(t, do(clients[owner], "MIGRATE", host, port, key, "0", "5000").Error())
	}
	for n := range clients {
		must(t, do(clients[n], "CLUSTER", "SETSLOT", slot, "NODE", id(to)).Error())
	}
	await(t, "the write is marked at the other node", func() bool {
		_, p, err := r.Begin(t.Context(), Write{User: q.User, Scopes: []Scope{one}})
		r.End(p)
		return err == nil
	})
	await(t, "the read is looked up at the other node", func() bool {
		result := other.Lookup(t.Context(), q)
		if result.Response != nil {
			t.Errorf("%s is served", result)
		}
		return !result.Generation.IsZero()
	})
	if n, err := do(clients[to], "EXISTS", bookOf(q)).AsInt64(); err != nil || n != 1 {
		t.Errorf("the other node has no bookkeeping: %v", err)
	}
}
