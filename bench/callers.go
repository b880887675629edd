package main

import (
	"bytes"
	"math/rand/v2"
	"strconv"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// repeatCaller repeats one request.
type repeatCaller struct {
	request []byte
	want    load.Want
}

func (c *repeatCaller) Next(b []byte, _ *load.Response) ([]byte, load.Want) {
	return append(b, c.request...), c.want
}

// randomReader reads random specifications.
type randomReader struct {
	specs  []*specTarget
	chance *rand.Rand
	do     action
}

func (c *randomReader) Next(b []byte, _ *load.Response) ([]byte, load.Want) {
	return c.do(b, c.specs[c.chance.IntN(len(c.specs))])
}

// writer goes through specifications that no other caller changes.
type writer struct {
	specs []*specTarget
	do    action
	// version is the one that the action raises, and the next one has to send. It is
	// nil if an action sends no version.
	version func(*specTarget) *int64
	turn    int
	at      *specTarget
}

func (c *writer) Next(b []byte, last *load.Response) ([]byte, load.Want) {
	c.updateVersion(last)
	return c.next(b)
}

func (c *writer) next(b []byte) ([]byte, load.Want) {
	c.at = c.specs[c.turn%len(c.specs)]
	c.turn++
	return c.do(b, c.at)
}

// updateVersion takes the version from the last response.
func (c *writer) updateVersion(last *load.Response) {
	if c.version == nil || c.at == nil || last == nil {
		return
	}
	number, _, _ := bytes.Cut(bytes.Trim(last.ETag, `"`), []byte("-")) // the tag of an item has its place, too
	if version, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		*c.version(c.at) = version
	}
}

// The versions that actions raise.
func specVersion(s *specTarget) *int64 { return &s.version }
func itemVersion(s *specTarget) *int64 { return &s.itemVersion }

// mixedCaller reads nine times and writes once: of ten requests six read a
// specification, two a list, one a specification with its items; every other
// write changes a specification, and the rest create items in others.
type mixedCaller struct {
	readers    [9]*randomReader
	writers    [2]*writer
	turn       int
	lastWriter *writer
}

func (c *mixedCaller) Next(b []byte, last *load.Response) ([]byte, load.Want) {
	if c.lastWriter != nil {
		c.lastWriter.updateVersion(last)
		c.lastWriter = nil
	}
	n := c.turn % (len(c.readers) + 1)
	c.turn++
	if n < len(c.readers) {
		return c.readers[n].Next(b, last)
	}
	c.lastWriter = c.writers[c.turn/(len(c.readers)+1)%len(c.writers)]
	return c.lastWriter.next(b)
}

// sameReaders send the same request about one specification.
func sameReaders(w *dataset, connections int, do action) []load.Caller {
	request, want := do(nil, w.specs[0])
	return newCallers(connections, func(int) load.Caller { return &repeatCaller{request, want} })
}

// randomReaders read all specifications of the users.
func randomReaders(w *dataset, connections int, do action) []load.Caller {
	return newCallers(connections, func(n int) load.Caller { return newRandomReader(w, n, do) })
}

func newRandomReader(w *dataset, n int, do action) *randomReader {
	return &randomReader{w.specs, rand.New(rand.NewPCG(uint64(n), 1)), do} //nolint:gosec // reproducible on purpose
}

// writers have a share of the targets each.
func writers(spots []*specTarget, connections int, do action, version func(*specTarget) *int64) []load.Caller {
	return newCallers(connections, func(n int) load.Caller { return newWriter(spots, n, connections, do, version) })
}

// newWriter has the nth of the shares.
func newWriter(spots []*specTarget, n, shares int, do action, version func(*specTarget) *int64) *writer {
	c := &writer{do: do, version: version}
	for at := n % len(spots); at < len(spots); at += shares {
		c.specs = append(c.specs, spots[at])
	}
	return c
}

func mixedCallers(w *dataset, connections int) []load.Caller {
	return newCallers(connections, func(n int) load.Caller {
		c := &mixedCaller{turn: n, writers: [2]*writer{
			newWriter(w.specs, 2*n, 2*connections, w.api.patch, specVersion), newWriter(w.specs, 2*n+1, 2*connections, w.api.createItem, nil),
		}}
		for k := range c.readers {
			do := w.api.read
			switch k {
			case 3, 7:
				do = w.api.readList
			case 5:
				do = w.api.readWithItems
			}
			c.readers[k] = newRandomReader(w, n, do)
		}
		return c
	})
}

func newCallers(connections int, caller func(n int) load.Caller) []load.Caller {
	callers := make([]load.Caller, connections)
	for n := range callers {
		callers[n] = caller(n)
	}
	return callers
}

// emptyProjects are the users' empty projects, as targets.
func (w *dataset) emptyProjects() []*specTarget {
	var spots []*specTarget
	for n := range seed.EmptyProjects {
		for _, m := range w.users {
			spots = append(spots, &specTarget{user: m, project: seed.EmptyProjectOf(m.number, n).String()})
		}
	}
	return spots
}
