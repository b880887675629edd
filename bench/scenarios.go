package main

import "github.com/codegenapp/codegenapp/bench/load"

// scenario is one sort of work, and who does it in turns.
type scenario struct {
	key, title string
	// callers make the requests.
	callers func(w *world, connections int) []load.Caller
	// writes is true if rows are changed.
	writes bool
	// script is what pgbench runs; none where PostgreSQL has no part in it.
	script   string
	entrants []entrant
	aims     []aim
}

// entrant is somebody who does the work: servers that share the connections, or
// pgbench.
type entrant struct {
	label string
	// peer is the option by which it can be left out; empty for codegenapp.
	peer    string
	servers []variant
	// confined is for pgbench: under row-level security, in a transaction.
	confined bool
}

// aim is what codegenapp is to reach: at most so many times what another costs,
// or that the other costs at least so many times more.
type aim struct {
	against     string
	most, least float64
}

const (
	us        = "codegenapp"
	usLimited = "codegenapp, counting rates"
	usInside  = "codegenapp, no Redis"
	hand      = "by hand"
	plainHTTP = "bare net/http"
	sqlPlain  = "pgbench"
	sqlWalled = "pgbench, row-level security"
	inFlask   = "Flask"
)

// twoReplicas is said of a scenario that has them.
const twoReplicas = ", two replicas"

// of is a single server of somebody.
func of(label, peer string, s variant) entrant {
	return entrant{label: label, peer: peer, servers: []variant{s}}
}

// withReplicas is so many servers that are set alike.
func withReplicas(label, peer string, s variant, n int) entrant {
	e := entrant{label: label, peer: peer}
	for s.replica = range n {
		e.servers = append(e.servers, s)
	}
	return e
}

// scenarios is all of them, in the order of the tables.
func scenarios() []scenario {
	return append(cachedScenarios(), append(readScenarios(), writeScenarios()...)...)
}

// cachedScenarios ask for what was asked before.
func cachedScenarios() []scenario {
	asProcess := []entrant{
		of(us, "", variant{program: codegenapp}),
		of(usLimited, "limits", variant{program: codegenapp, limits: true}),
		of(hand, "hand", variant{program: byHand}),
		of(plainHTTP, "bare", variant{program: bare}),
		of(inFlask, "flask", variant{program: flask}),
	}
	return []scenario{
		{
			key: "cached-read", title: "cached read, gate in the process", entrants: asProcess,
			callers: func(w *world, n int) []load.Caller { return everybody(w, n, readSpecification) },
			aims:    []aim{{against: plainHTTP, most: 2}, {against: inFlask, least: 40}},
		},
		{
			key: "cached-read-redis", title: "cached read, gate in Redis" + twoReplicas,
			callers: func(w *world, n int) []load.Caller { return everybody(w, n, readSpecification) },
			entrants: []entrant{
				withReplicas(us, "", variant{program: codegenapp, redis: true}, 2),
				withReplicas(usLimited, "limits", variant{program: codegenapp, redis: true, limits: true}, 2),
				withReplicas(hand, "hand", variant{program: byHand, redis: true}, 2),
				of(plainHTTP, "bare", variant{program: bare}),
			},
			aims: []aim{{against: plainHTTP, most: 4}},
		},
		{
			key: "conditional-read", title: "conditional read, not modified", entrants: asProcess,
			callers: func(w *world, n int) []load.Caller { return everybody(w, n, readUnchanged) },
		},
	}
}

// database is who does what needs PostgreSQL.
func database(uncached bool) []entrant {
	return []entrant{
		of(us, "", variant{program: codegenapp, redis: true, uncached: uncached}),
		of(hand, "hand", variant{program: byHand, redis: true, asProduct: true, uncached: uncached}),
		{label: sqlPlain, peer: "pgbench"},
		{label: sqlWalled, peer: "pgbench", confined: true},
		of(inFlask, "flask", variant{program: flask, uncached: uncached}),
	}
}

// readScenarios read all over the database, and nothing is cached.
func readScenarios() []scenario {
	read := func(do action) func(*world, int) []load.Caller {
		return func(w *world, n int) []load.Caller { return strollers(w, n, do) }
	}
	uncached := func(key, title, script string, do action) scenario {
		return scenario{
			key: key, title: title, script: script, callers: read(do), entrants: database(true),
			aims: []aim{{against: hand, most: 1.15}, {against: inFlask, least: 11}},
		}
	}
	all := []scenario{
		uncached("uncached-read", "uncached read", "read", readSpecification),
		uncached("list", "list of 20", "list", readList),
		uncached("items", "specification with its 9 items", "items", readWithItems),
	}
	all[0].entrants = append(all[0].entrants, of(usInside, "", variant{program: codegenapp, uncached: true}))
	return all
}

func writeScenarios() []scenario {
	write := func(key, title, script string, callers func(*world, int) []load.Caller) scenario {
		return scenario{
			key: key, title: title, script: script, writes: true, entrants: database(false), callers: callers,
			aims: []aim{{against: hand, most: 1.15}, {against: inFlask, least: 5}},
		}
	}
	return []scenario{
		write("create-item", "create an item", "create-item", func(w *world, n int) []load.Caller {
			return workers(w.spots, n, createItem, false)
		}),
		write("create-specification", "create a specification", "create-specification", func(w *world, n int) []load.Caller {
			return workers(w.spares(), n, createSpecification, false)
		}),
		write("update", "update", "update", func(w *world, n int) []load.Caller {
			return workers(w.spots, n, patch, true)
		}),
		write("reorder", "reorder of 9", "reorder", func(w *world, n int) []load.Caller {
			return workers(w.spots, n, rotate, true)
		}),
		{
			key: "mixed", title: "mixed, 90 reads to 10 writes", writes: true, callers: mixers,
			entrants: database(false),
		},
	}
}
