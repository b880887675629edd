package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// verify makes the same requests of codegenapp and of everybody else, and
// compares what they answer. Those who are to write the same bytes have to do
// so; of Flask, which puts white space elsewhere, the values are compared.
func (b *bench) verify(ctx context.Context, s scenario, w *world) error {
	want, err := b.answersOf(ctx, s, s.entrants[0], w)
	if err != nil {
		return err
	}
	for _, e := range s.entrants[1:] {
		if len(e.servers) == 0 || e.servers[0].program == bare {
			continue
		}
		got, err := b.answersOf(ctx, s, e, w)
		if err != nil {
			return err
		}
		same := bytes.Equal
		if e.servers[0].program == flask {
			same = sameJSON
		}
		if n, differ := firstDifference(want, got, same); differ {
			return fmt.Errorf("%s: %s does not answer what %s does\n%s\n%s", s.title, e.label, us, want[n], got[n])
		}
	}
	if s.writes {
		return seed.Reset(ctx, w.db.Superuser)
	}
	return nil
}

func firstDifference(want, got [][]byte, same func(a, b []byte) bool) (n int, differ bool) {
	for n := range want {
		if !same(want[n], got[n]) {
			return n, true
		}
	}
	return 0, false
}

// sampled is how many answers are compared: enough that a mixture has shown
// everything.
const sampled = 20

// answersOf are the bodies that one answers, without what a write makes anew.
func (b *bench) answersOf(ctx context.Context, s scenario, e entrant, w *world) ([][]byte, error) {
	if s.writes {
		if err := seed.Reset(ctx, w.db.Superuser); err != nil {
			return nil, err
		}
	}
	if err := w.look(ctx); err != nil {
		return nil, err
	}
	at, err := b.process(ctx, e.servers[0], w.db)
	if err != nil {
		return nil, err
	}
	caller := s.callers(w, b.connections)[0]
	var bodies [][]byte
	var last *load.Answer
	for range sampled {
		answer, err := load.Once(ctx, at.Address, follow{caller, last})
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", s.title, e.label, err)
		}
		last = &answer
		body := token.ReplaceAll(answer.Body, []byte(`"next_page_token":"…"`))
		if s.writes {
			body = settled(body)
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// follow shows a caller the answer that came over another connection.
type follow struct {
	load.Caller

	last *load.Answer
}

func (f follow) Next(b []byte, _ *load.Answer) ([]byte, load.Want) { return f.Caller.Next(b, f.last) }

// token is opaque, and signed with a key of its own.
var token = regexp.MustCompile(`"next_page_token":\s*"[^"]+"`)

// fresh is what differs from one write to the next: ids and times, and what
// counts the writes before.
var fresh = []struct {
	what *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "id"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`), "time"},
	{regexp.MustCompile(`("(?:version|number)":\s*|Revision |Point )\d+`), "${1}0"},
}

// settled is a body without what is fresh in it.
func settled(body []byte) []byte {
	for _, f := range fresh {
		body = f.what.ReplaceAll(body, []byte(f.mask))
	}
	return body
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var first, second any
	if json.Unmarshal(a, &first) != nil || json.Unmarshal(b, &second) != nil {
		return false
	}
	return reflect.DeepEqual(first, second)
}
