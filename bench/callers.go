package main

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// contract is the path prefix of the operations.
const contract = "/api/v1"

// appendRequest writes a request. Extra is header lines, each with its end.
func appendRequest(b []byte, method, path string, u *user, extra string, body []byte) []byte {
	b = append(append(append(append(b, method...), ' '), contract...), path...)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\n"...)
	b = append(append(b, u.credentials...), extra...)
	if body != nil {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// action writes one kind of request about a specification.
type action func(b []byte, s *specTarget) ([]byte, load.Want)

// The reads.

func readSpecification(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/specs/"+s.id, s.user, "", nil), load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id), Suffix: []byte("}")}
}

func readWithItems(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/specs/"+s.id+"?include=items", s.user, "", nil),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id), Suffix: []byte("}]}")}
}

func readList(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/projects/"+s.project+"/specs?page_size=20", s.user, "", nil),
		load.Want{Status: 200, Prefix: []byte(`{"specifications":[{"id":"` + s.first), Suffix: []byte(`"}`)}
}

func readUnchanged(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/specs/"+s.id, s.user, `If-None-Match: "`+strconv.FormatInt(s.version, 10)+"\"\r\n", nil), load.Want{Status: 304}
}

// The writes.

func patch(b []byte, s *specTarget) ([]byte, load.Want) {
	version := strconv.FormatInt(s.version, 10)
	body := []byte(`{"content":"Revision ` + version + filler + `"}`)
	return appendRequest(b, http.MethodPatch, "/specs/"+s.id, s.user, "If-Match: \""+version+"\"\r\n", body),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id)}
}

// patchItem changes the first item.
func patchItem(b []byte, s *specTarget) ([]byte, load.Want) {
	version := strconv.FormatInt(s.itemVersion, 10)
	return appendRequest(b, http.MethodPatch, "/items/"+s.items[0], s.user, "If-Match: \""+version+"\"\r\n", []byte(`{"content":"Point `+version+filler+`"}`)),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.items[0])}
}

// rotate puts the first item last.
func rotate(b []byte, s *specTarget) ([]byte, load.Want) {
	s.items = append(s.items[1:], s.items[0])
	body := []byte(`{"item_ids":["`)
	for n, item := range s.items {
		if n > 0 {
			body = append(body, `","`...)
		}
		body = append(body, item...)
	}
	body = append(body, `"]}`...)
	return appendRequest(b, http.MethodPut, "/specs/"+s.id+"/items/reorder", s.user, `If-Match: "`+strconv.FormatInt(s.version, 10)+"\"\r\n", body),
		load.Want{Status: 200, Prefix: []byte(`{"items":[{"id":"` + s.items[0])}
}

func createItem(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPost, "/specs/"+s.id+"/items", s.user, "", []byte(`{"content":"Refunds above 500 need a second person, who is not the first."}`)),
		load.Want{Status: 201, Prefix: []byte(`{"id":"`)}
}

// createSpecification creates one in the project of the target.
func createSpecification(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPost, "/projects/"+s.project+"/specs", s.user, "", []byte(`{"title":"Refunds","content":"Created`+filler+`"}`)),
		load.Want{Status: 201, Prefix: []byte(`{"id":"`)}
}

// filler brings a content to a usual length.
var filler = string(bytes.Repeat([]byte(" and so on"), 38))

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
			newWriter(w.specs, 2*n, 2*connections, patch, specVersion), newWriter(w.specs, 2*n+1, 2*connections, createItem, nil),
		}}
		for k := range c.readers {
			do := readSpecification
			switch k {
			case 3, 7:
				do = readList
			case 5:
				do = readWithItems
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
