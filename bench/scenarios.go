package main

import "github.com/codegenapp/codegenapp/bench/load"

// scenario is one kind of load, and the contenders that are measured with it.
type scenario struct {
	key, title string
	// callers make the requests.
	callers func(w *dataset, connections int) []load.Caller
	// writes is true if rows are changed.
	writes bool
	// script is pgbench's script; empty if the scenario does not use PostgreSQL.
	script     string
	contenders []contender
	aims       []aim
}

// contender is what is measured: servers that share the connections, or pgbench.
type contender struct {
	label string
	// peer is the option by which it can be left out; empty for codegenapp.
	peer    string
	servers []variant
	// scoped is for pgbench: under row-level security, in a transaction.
	scoped bool
}

// ofProduct reports whether it is a build of codegenapp.
func (e contender) ofProduct() bool { return e.program() == codegenapp || e.program() == otherBuild }

// program is that of its servers. pgbench runs the statements of the reference.
func (e contender) program() string {
	if len(e.servers) == 0 {
		return byHand
	}
	return e.servers[0].program
}

const (
	product        = "codegenapp"
	productLimited = "codegenapp, rate limits on"
	productNoRedis = "codegenapp, no Redis"
	handWritten    = "hand-written"
	handLimited    = "hand-written, rate limits on"
	handUncached   = "hand-written, no cache"
	plainHTTP      = "bare net/http"
	pgbenchPlain   = "pgbench"
	pgbenchRLS     = "pgbench, row-level security"
	flaskLabel     = "Flask"
	fastifyLabel   = "Fastify"
	pocketLabel    = "PocketBase"
)

// twoReplicas is the suffix of the titles of scenarios with two replicas.
const twoReplicas = ", two replicas"

// singleServer is a contender with one server.
func singleServer(label, peer string, s variant) contender {
	return contender{label: label, peer: peer, servers: []variant{s}}
}

// withReplicas is a contender with n servers of the same settings.
func withReplicas(label, peer string, s variant, n int) contender {
	e := contender{label: label, peer: peer}
	for s.replica = range n {
		e.servers = append(e.servers, s)
	}
	return e
}

// scenarios is all of them, in the order of the tables.
func scenarios() []scenario {
	return append(cachedScenarios(), append(readScenarios(), writeScenarios()...)...)
}

// cachedScenarios repeat requests whose responses are cached.
func cachedScenarios() []scenario {
	asProcess := []contender{
		singleServer(product, "", variant{program: codegenapp}),
		singleServer(productLimited, "limits", variant{program: codegenapp, limits: true}),
		singleServer(handWritten, "hand", variant{program: byHand}),
		singleServer(handLimited, "hand", variant{program: byHand, limits: true}),
		singleServer(plainHTTP, "bare", variant{program: bare}),
		singleServer(flaskLabel, "flask", variant{program: flask}),
	}
	return []scenario{
		{
			key: "cached-read", title: "cached read, cache in the process", contenders: asProcess,
			callers: func(w *dataset, n int) []load.Caller { return sameReaders(w, n, w.api.read) },
			aims:    []aim{atMost(handWritten, 1.6), p99Within(handWritten, 1.3)},
		},
		{
			key: "cached-read-redis", title: "cached read, cache in Redis" + twoReplicas,
			callers: func(w *dataset, n int) []load.Caller { return sameReaders(w, n, w.api.read) },
			contenders: []contender{
				withReplicas(product, "", variant{program: codegenapp, redis: true}, 2),
				withReplicas(productLimited, "limits", variant{program: codegenapp, redis: true, limits: true}, 2),
				withReplicas(handWritten, "hand", variant{program: byHand, redis: true}, 2),
				withReplicas(handLimited, "hand", variant{program: byHand, redis: true, limits: true}, 2),
				singleServer(plainHTTP, "bare", variant{program: bare}),
			},
			aims: []aim{atMost(handWritten, 1.15), p99Within(handWritten, 1.3)},
		},
		{
			key: "conditional-read", title: "conditional read, not modified", contenders: asProcess,
			callers: func(w *dataset, n int) []load.Caller { return sameReaders(w, n, w.api.readUnchanged) },
		},
	}
}

// database are the contenders of scenarios that use PostgreSQL.
func database(uncached bool) []contender {
	return []contender{
		singleServer(product, "", variant{program: codegenapp, redis: true, uncached: uncached}),
		singleServer(handWritten, "hand", variant{program: byHand, redis: true, uncached: uncached}),
		singleServer(fastifyLabel, fastify, variant{program: fastify}),
		singleServer(pocketLabel, pocketBase, variant{program: pocketBase}),
		singleServer(flaskLabel, flask, variant{program: flask, uncached: uncached}),
		{label: pgbenchPlain, peer: "pgbench"},
		{label: pgbenchRLS, peer: "pgbench", scoped: true},
	}
}

// readScenarios read all rows at random, without caching.
func readScenarios() []scenario {
	uncached := func(key, title, script string, do func(*api) action) scenario {
		return scenario{
			key: key, title: title, script: script, contenders: database(true),
			callers: func(w *dataset, n int) []load.Caller { return randomReaders(w, n, do(w.api)) },
			aims:    []aim{atMost(handWritten, 1.15)},
		}
	}
	all := []scenario{
		uncached("uncached-read", "uncached read", "read", func(a *api) action { return a.read }),
		uncached("list", "list of 20", "list", func(a *api) action { return a.readList }),
		uncached("items", "specification with its 9 items", "items", func(a *api) action { return a.readWithItems }),
	}
	all[0].contenders = append(all[0].contenders, singleServer(productNoRedis, "", variant{program: codegenapp, uncached: true}))
	return all
}

func writeScenarios() []scenario {
	write := func(key, title, script string, callers func(*dataset, int) []load.Caller) scenario {
		return scenario{
			key: key, title: title, script: script, writes: true, contenders: database(false), callers: callers,
			aims: []aim{atMost(handWritten, 1.3), cheaperThan(pocketLabel), cheaperThan(fastifyLabel), timesCheaper(flaskLabel, 5)},
		}
	}
	all := []scenario{
		write("create-item", "create an item", "create-item", func(w *dataset, n int) []load.Caller {
			return writers(w.specs, n, w.api.createItem, nil)
		}),
		write("create-specification", "create a specification", "create-specification", func(w *dataset, n int) []load.Caller {
			return writers(w.emptyProjects(), n, w.api.createSpecification, nil)
		}),
		write("update-item", "update an item", "update-item", func(w *dataset, n int) []load.Caller {
			return writers(w.specs, n, w.api.patchItem, itemVersion)
		}),
		write("update", "update a specification", "update", func(w *dataset, n int) []load.Caller {
			return writers(w.specs, n, w.api.patch, specVersion)
		}),
		write("reorder", "reorder of 9", "reorder", func(w *dataset, n int) []load.Caller {
			return writers(w.specs, n, w.api.rotate, specVersion)
		}),
		{
			key: "mixed", title: "mixed, 90 reads to 10 writes", writes: true, callers: mixedCallers,
			contenders: append(database(false), singleServer(handUncached, "hand", variant{program: byHand, uncached: true})),
			aims:       []aim{cheaperThan(handUncached), hitsOver(0.8)},
		},
	}
	for n := range all {
		if all[n].key == "reorder" {
			all[n].aims = []aim{atMost(handWritten, 1.15)}
		}
	}
	return all
}
