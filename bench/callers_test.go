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

// newDataset is a dataset of a few users, as it is after refresh.
func newDataset(users int) *dataset {
	w := &dataset{userCount: users, step: 1, api: contractAPI}
	for u := 1; u <= users; u++ {
		m := &user{number: u, credentials: []byte("Authorization: Bearer x\r\n")}
		w.users = append(w.users, m)
		for n := range seed.Specifications {
			id := seed.SpecificationOf(u, n)
			w.specs = append(w.specs, &specTarget{
				user: m, specification: id, id: id.String(), project: seed.ProjectOf(u).String(), version: 1, items: []string{"a", "b", "c"},
			})
		}
	}
	return w
}

var (
	target  = regexp.MustCompile(`^(PATCH|POST) /api/v1/specs/([0-9a-f-]+)`)
	ifMatch = regexp.MustCompile(`If-Match: "(\d+)"`)
)

// A server that raises the version with every write rejects a change that does not send
// the current one.
func TestCallers_WritersSendTheCurrentVersion(t *testing.T) {
	t.Parallel()
	w := newDataset(4)
	for name, callers := range map[string][]load.Caller{
		"changes alone":         writers(newDataset(4).specs, 3, patch, specVersion),
		"changes among others":  mixedCallers(w, 3),
		"orders of their items": writers(newDataset(4).specs, 3, rotate, specVersion),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			versions := map[string]int{}
			last := make([]*load.Response, len(callers))
			changes := 0
			for range 400 {
				for n, caller := range callers {
					request, _ := caller.Next(nil, last[n])
					last[n] = &load.Response{Status: 200, ETag: []byte(`"999"`)}
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
						t.Fatalf("the change of %s sends version %s, which is %s", id, given[1], want)
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

func TestCallers_MixedLoadIsNinetyPercentReads(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, caller := range mixedCallers(newDataset(4), 5) {
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

func TestCallers_RotateChangesTheOrder(t *testing.T) {
	t.Parallel()
	s := newDataset(1).specs[0]
	first, _ := rotate(nil, s)
	second, want := rotate(nil, s)
	if !strings.Contains(string(first), `["b","c","a"]`) || !strings.Contains(string(second), `["c","a","b"]`) || !strings.HasSuffix(string(want.Prefix), `"c`) {
		t.Errorf("%s\n%s\n%s", first, second, want.Prefix)
	}
}
