package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"

	"github.com/codegenapp/codegenapp/bench/load"
)

// verify sends the same requests to codegenapp and to all other contenders, and compares
// the responses: those of the hand-written server byte for byte, those of Fastify and
// Flask by value, and of PocketBase the ids, numbers, titles and contents.
func (b *bench) verify(ctx context.Context, s scenario, w *dataset) error {
	want, err := b.responsesOf(ctx, s, s.contenders[0], w)
	if err != nil {
		return err
	}
	for _, e := range s.contenders[1:] {
		if len(e.servers) == 0 || e.program() == bare {
			continue
		}
		got, err := b.responsesOf(ctx, s, e, w)
		if err != nil {
			return err
		}
		same := bytes.Equal
		switch e.program() {
		case flask, fastify:
			same = sameJSON
		case pocketBase:
			same = sameContents
		}
		if n, differ := firstDifference(want, got, same); differ {
			return fmt.Errorf("%s: the response of %s differs from that of %s\n%s\n%s", s.title, e.label, product, want[n], got[n])
		}
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

// comparedResponses is the number of compared responses, enough for all requests of the
// mixed scenario.
const comparedResponses = 20

// responsesOf returns the bodies of one contender, with volatile fields masked.
func (b *bench) responsesOf(ctx context.Context, s scenario, e contender, w *dataset) ([][]byte, error) {
	w = w.as(e.program())
	if err := b.restore(ctx, s, e, w); err != nil {
		return nil, err
	}
	at, err := b.process(ctx, e.servers[0], w)
	if err != nil {
		return nil, err
	}
	caller := s.callers(w, b.connections)[0]
	var bodies [][]byte
	var last *load.Response
	for range comparedResponses {
		answer, err := load.Once(ctx, at.Address, continuedCaller{caller, last})
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", s.title, e.label, err)
		}
		last = &answer
		body := token.ReplaceAll(answer.Body, []byte(`"next_page_token":"…"`))
		if s.writes {
			body = maskVolatile(body)
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// continuedCaller passes the caller a response that came over another connection.
type continuedCaller struct {
	load.Caller

	last *load.Response
}

func (f continuedCaller) Next(b []byte, _ *load.Response) ([]byte, load.Want) {
	return f.Caller.Next(b, f.last)
}

// token is opaque, and each server signs it with its own key.
var token = regexp.MustCompile(`"next_page_token":\s*"[^"]+"`)

// volatileFields differ from one write to the next: ids, times, and counters of writes.
var volatileFields = []struct {
	what *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "id"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`), "time"},
	{regexp.MustCompile(`("(?:version|number)":\s*|"ref":\s*"\d+\.|Revision |Point )\d+`), "${1}0"},
}

// sameContents compares what two APIs say of specifications and items, in their order.
// After a reorder, PocketBase shows the specification in front of its items.
func sameContents(a, b []byte) bool {
	first, second := contents(a), contents(b)
	if len(second) == len(first)+1 && bytes.HasPrefix(a, []byte(`{"items":`)) {
		second = second[1:]
	}
	return len(first) > 0 && reflect.DeepEqual(first, second)
}

// contents are the specifications and items of a response: ids, numbers, titles, contents.
func contents(body []byte) []map[string]any {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return nil
	}
	return appendContents(nil, value)
}

func appendContents(all []map[string]any, value any) []map[string]any {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			all = appendContents(all, element)
		}
	case map[string]any:
		if v["content"] != nil {
			all = append(all, map[string]any{"id": v["id"], "number": v["number"], "title": v["title"], "content": v["content"]})
		}
		for _, name := range []string{"specifications", "items", "expand"} {
			all = appendContents(all, v[name])
		}
	}
	return all
}

// maskVolatile masks the volatile fields of a body.
func maskVolatile(body []byte) []byte {
	for _, f := range volatileFields {
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
