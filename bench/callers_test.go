package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/bench/load"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// small is a world of a few users, as it is right after look.
func small(users int) *world {
	w := &world{users: users, step: 1}
	for u := 1; u <= users; u++ {
		m := &member{u: u, credentials: []byte("Authorization: Bearer x\r\n")}
		w.members = append(w.members, m)
		for n := range seed.Specifications {
			id := seed.SpecificationOf(u, n)
			w.spots = append(w.spots, &spot{
				member: m, specification: id, id: id.String(), project: seed.ProjectOf(u).String(), version: 1, items: []string{"a", "b", "c"},
			})
		}
	}
	return w
}

var (
	target  = regexp.MustCompile(`^(PATCH|POST) /api/v1/specs/([0-9a-f-]+)`)
	ifMatch = regexp.MustCompile(`If-Match: "(\d+)"`)
)

// A server that raises the version with every write refuses each change that
// does not know the present one.
func TestChangesKnowTheVersionWhateverElseIsDone(t *testing.T) {
	t.Parallel()
	w := small(4)
	for name, callers := range map[string][]load.Caller{
		"changes alone":         workers(small(4).spots, 3, patch, true),
		"changes among others":  mixers(w, 3),
		"orders of their items": workers(small(4).spots, 3, rotate, true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			versions := map[string]int{}
			last := make([]*load.Answer, len(callers))
			changes := 0
			for range 400 {
				for n, caller := range callers {
					request, _ := caller.Next(nil, last[n])
					last[n] = &load.Answer{Status: 200, ETag: []byte(`"999"`)}
					if at := target.FindSubmatch(request); at != nil {
						versions[string(at[2])]++
					}
					given := ifMatch.FindSubmatch(request)
					if given == nil {
						continue
					}
					changes++
					path := strings.Fields(string(request))[1]
					id := strings.Split(path, "/")[4]
					if strings.HasPrefix(string(request), "PUT") {
						versions[id]++
					}
					if want := strconv.Itoa(versions[id]); string(given[1]) != want {
						t.Fatalf("the change of %s knows version %s, which is %s", id, given[1], want)
					}
					last[n].ETag = fmt.Appendf(nil, `"%d"`, versions[id]+1)
				}
			}
			if changes < 50 {
				t.Errorf("only %d changes", changes)
			}
		})
	}
}

func TestNineOfTenRequestsOfAMixtureRead(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, caller := range mixers(small(4), 5) {
		for range 200 {
			request, _ := caller.Next(nil, nil)
			method, _, _ := strings.Cut(string(request), " ")
			count[method]++
		}
	}
	if count["GET"] != 900 || count["PATCH"] != 50 || count["POST"] != 50 {
		t.Errorf("%v", count)
	}
}

func TestAnOrderIsAlwaysAnotherOne(t *testing.T) {
	t.Parallel()
	s := small(1).spots[0]
	first, _ := rotate(nil, s)
	second, want := rotate(nil, s)
	if !strings.Contains(string(first), `["b","c","a"]`) || !strings.Contains(string(second), `["c","a","b"]`) || !strings.HasSuffix(string(want.Prefix), `"c`) {
		t.Errorf("%s\n%s\n%s", first, second, want.Prefix)
	}
}
