package main

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// contract is where the operations begin.
const contract = "/api/v1"

// appendRequest writes a request. Extra is header lines, each with its end.
func appendRequest(b []byte, method, path string, who *member, extra string, body []byte) []byte {
	b = append(append(append(append(b, method...), ' '), contract...), path...)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\n"...)
	b = append(append(b, who.credentials...), extra...)
	if body != nil {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// action is one sort of request about a specification.
type action func(b []byte, s *spot) ([]byte, load.Want)

// The reads.

func readSpecification(b []byte, s *spot) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/specs/"+s.id, s.member, "", nil), load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id), Suffix: []byte("}")}
}

func readWithItems(b []byte, s *spot) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/specs/"+s.id+"?include=items", s.member, "", nil),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id), Suffix: []byte("}]}")}
}

func readList(b []byte, s *spot) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/projects/"+s.project+"/specs?page_size=20", s.member, "", nil),
		load.Want{Status: 200, Prefix: []byte(`{"specifications":[{"id":"` + s.first), Suffix: []byte(`"}`)}
}

func readUnchanged(b []byte, s *spot) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, "/specs/"+s.id, s.member, `If-None-Match: "`+strconv.FormatInt(s.version, 10)+"\"\r\n", nil), load.Want{Status: 304}
}

// The writes.

func patch(b []byte, s *spot) ([]byte, load.Want) {
	version := strconv.FormatInt(s.version, 10)
	body := []byte(`{"content":"Revision ` + version + filler + `"}`)
	return appendRequest(b, http.MethodPatch, "/specs/"+s.id, s.member, "If-Match: \""+version+"\"\r\n", body),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id)}
}

// rotate puts the first item last.
func rotate(b []byte, s *spot) ([]byte, load.Want) {
	s.items = append(s.items[1:], s.items[0])
	body := []byte(`{"item_ids":["`)
	for n, item := range s.items {
		if n > 0 {
			body = append(body, `","`...)
		}
		body = append(body, item...)
	}
	body = append(body, `"]}`...)
	return appendRequest(b, http.MethodPut, "/specs/"+s.id+"/items/reorder", s.member, `If-Match: "`+strconv.FormatInt(s.version, 10)+"\"\r\n", body),
		load.Want{Status: 200, Prefix: []byte(`{"items":[{"id":"` + s.items[0])}
}

func createItem(b []byte, s *spot) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPost, "/specs/"+s.id+"/items", s.member, "", []byte(`{"content":"Refunds above 500 need a second person, who is not the first."}`)),
		load.Want{Status: 201, Prefix: []byte(`{"id":"`)}
}

// createSpecification makes one in the project of the spot.
func createSpecification(b []byte, s *spot) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPost, "/projects/"+s.project+"/specs", s.member, "", []byte(`{"title":"Refunds","content":"Created`+filler+`"}`)),
		load.Want{Status: 201, Prefix: []byte(`{"id":"`)}
}

// filler brings a content to a usual length.
var filler = string(bytes.Repeat([]byte(" and so on"), 38))

// still asks the same again and again.
type still struct {
	request []byte
	want    load.Want
}

func (c *still) Next(b []byte, _ *load.Answer) ([]byte, load.Want) {
	return append(b, c.request...), c.want
}

// stroller reads here and there.
type stroller struct {
	spots  []*spot
	chance *rand.Rand
	do     action
}

func (c *stroller) Next(b []byte, _ *load.Answer) ([]byte, load.Want) {
	return c.do(b, c.spots[c.chance.IntN(len(c.spots))])
}

// worker goes through spots that nobody else changes.
type worker struct {
	spots []*spot
	do    action
	// changes is true if the action raises the version that the next one has to
	// know.
	changes bool
	turn    int
	at      *spot
}

func (c *worker) Next(b []byte, last *load.Answer) ([]byte, load.Want) {
	c.learn(last)
	return c.ask(b)
}

func (c *worker) ask(b []byte) ([]byte, load.Want) {
	c.at = c.spots[c.turn%len(c.spots)]
	c.turn++
	return c.do(b, c.at)
}

// learn takes the version out of the answer to what was asked.
func (c *worker) learn(last *load.Answer) {
	if !c.changes || c.at == nil || last == nil {
		return
	}
	if version, err := strconv.ParseInt(string(bytes.Trim(last.ETag, `"`)), 10, 64); err == nil {
		c.at.version = version
	}
}

// mixer reads nine times and writes once: of ten requests six read a
// specification, two a list, one a specification with its items; every other
// write changes a specification, and the rest create items in others.
type mixer struct {
	readers [9]*stroller
	writers [2]*worker
	turn    int
	wrote   *worker
}

func (c *mixer) Next(b []byte, last *load.Answer) ([]byte, load.Want) {
	if c.wrote != nil {
		c.wrote.learn(last)
		c.wrote = nil
	}
	n := c.turn % (len(c.readers) + 1)
	c.turn++
	if n < len(c.readers) {
		return c.readers[n].Next(b, last)
	}
	c.wrote = c.writers[c.turn/(len(c.readers)+1)%len(c.writers)]
	return c.wrote.ask(b)
}

// everybody asks the same about one specification.
func everybody(w *world, connections int, do action) []load.Caller {
	request, want := do(nil, w.spots[0])
	return each(connections, func(int) load.Caller { return &still{request, want} })
}

// strollers read all over the members' specifications.
func strollers(w *world, connections int, do action) []load.Caller {
	return each(connections, func(n int) load.Caller { return newStroller(w, n, do) })
}

func newStroller(w *world, n int, do action) *stroller {
	return &stroller{w.spots, rand.New(rand.NewPCG(uint64(n), 1)), do} //nolint:gosec // everybody strolls alike, on purpose
}

// workers have a share of the spots each.
func workers(spots []*spot, connections int, do action, changes bool) []load.Caller {
	return each(connections, func(n int) load.Caller { return newWorker(spots, n, connections, do, changes) })
}

// newWorker has the nth of so many shares.
func newWorker(spots []*spot, n, shares int, do action, changes bool) *worker {
	c := &worker{do: do, changes: changes}
	for at := n % len(spots); at < len(spots); at += shares {
		c.spots = append(c.spots, spots[at])
	}
	return c
}

func mixers(w *world, connections int) []load.Caller {
	return each(connections, func(n int) load.Caller {
		c := &mixer{turn: n, writers: [2]*worker{
			newWorker(w.spots, 2*n, 2*connections, patch, true), newWorker(w.spots, 2*n+1, 2*connections, createItem, false),
		}}
		for k := range c.readers {
			do := readSpecification
			switch k {
			case 3, 7:
				do = readList
			case 5:
				do = readWithItems
			}
			c.readers[k] = newStroller(w, n, do)
		}
		return c
	})
}

func each(connections int, caller func(n int) load.Caller) []load.Caller {
	callers := make([]load.Caller, connections)
	for n := range callers {
		callers[n] = caller(n)
	}
	return callers
}

// spares are the members' empty projects, as spots.
func (w *world) spares() []*spot {
	var spots []*spot
	for n := range seed.Spares {
		for _, m := range w.members {
			spots = append(spots, &spot{member: m, project: seed.SpareOf(m.u, n).String()})
		}
	}
	return spots
}
