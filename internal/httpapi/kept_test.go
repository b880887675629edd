package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// keptRoutes are the reads whose answers are kept, as operations.go marks them.
func keptRoutes(t *testing.T) (routes []string) {
	t.Helper()
	text, err := os.ReadFile("operations.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"(GET [^"]+)": \{\s+kept: true`).FindAllStringSubmatch(string(text), -1) {
		routes = append(routes, found[1])
	}
	if len(routes) < 7 || len(routes) != strings.Count(string(text), "kept: true") {
		t.Fatalf("operations.go keeps %v, which is not all", routes)
	}
	return routes
}

// keptReads are paths of all of them about what somebody owns.
func keptReads(t *testing.T, own property) (paths []string) {
	t.Helper()
	for _, route := range keptRoutes(t) {
		path := "/api/v1" + strings.TrimPrefix(route, "GET ")
		named := map[string]string{"/projects/": "project", "/specs/": "specification", "/items/": "item"}
		for of, what := range named {
			if strings.Contains(path, of+"{id}") {
				path = strings.Replace(path, "{id}", own.live[what], 1)
			}
		}
		paths = append(paths, path)
		switch {
		case strings.HasSuffix(path, "/specs"), strings.HasSuffix(path, "/projects"):
			paths = append(paths, path+"?trashed=true", path+"?page_size=1&order_by=title")
		case strings.Contains(path, "/specs/") && !strings.HasSuffix(path, "/items"):
			paths = append(paths, path+"?include=items")
		}
	}
	return paths
}

// gates are servers that keep answers in one way or another; the first two are
// where it is asked, which may be one.
var gates = map[string]func(t *testing.T, change ...func(*server.Settings)) []*testkit.Server{
	"Redis": func(t *testing.T, change ...func(*server.Settings)) []*testkit.Server {
		t.Helper()
		s := testkit.StartShared(t, change...)
		return []*testkit.Server{s, s.Replica(t, change...)}
	},
	"in process": func(t *testing.T, change ...func(*server.Settings)) []*testkit.Server {
		t.Helper()
		s := testkit.Start(t, change...)
		return []*testkit.Server{s, s}
	},
}

// shown is what an answer shows of itself, whoever has answered.
type shown struct {
	Status int
	Header http.Header
	Body   string
}

func show(status int, header http.Header, body string) shown {
	header = header.Clone()
	for name := range header {
		if name == "X-Request-Id" || name == "Date" || strings.HasPrefix(name, "Ratelimit") {
			delete(header, name)
		}
	}
	return shown{status, header, body}
}

// byGate reports whether the gate has answered what was asked over a connection. A
// server logs an answer a moment after it has given it.
func byGate(s *testkit.Server, requestID string, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if s.CacheHit(requestID) {
			return true
		}
	}
	return false
}

// variant is one of the ways in which one thing is read.
type variant struct{ method, condition string }

// ask reads over a connection. It tells the id of the request, too.
func (v variant) ask(c *testkit.Client, path string) (shown, string) {
	id := fmt.Sprintf("kept-%d", asked.Add(1))
	a := c.Do(v.method, path, nil, "If-None-Match", v.condition, "X-Request-Id", id)
	return show(a.Status, a.Header, string(a.Body)), id
}

// Nobody can tell from an answer who has given it, whatever was asked when it was
// kept.
func TestWhatAGateAnswersIsTheSameByteForByte(t *testing.T) {
	t.Parallel()
	for name, start := range gates {
		s := start(t)[0]
		owner, own := acquire(t, s)
		for _, path := range keptReads(t, own) {
			t.Run(name+", GET "+path[:strings.LastIndexAny(path, "/?")], func(t *testing.T) {
				c := owner.WithT(t)
				tag := c.Get(path).Want(200).Header.Get("ETag")
				variants := []variant{{"GET", ""}, {"HEAD", ""}, {"GET", "*"}, {"GET", `"other"`}, {"GET", "x"}}
				if tag != "" {
					variants = append(variants, variant{"GET", tag}, variant{"HEAD", tag}, variant{"GET", `"other", ` + tag}, variant{"GET", "W/" + tag})
				}
				forget := func() { c.Patch(mePath, `{}`).Want(200) }
				for _, v := range variants {
					forget()
					want, _ := v.ask(c, path)
					for _, keeper := range variants[:3] {
						forget()
						for kept := false; !kept; {
							_, id := keeper.ask(c, path)
							kept = byGate(s, id, 5*time.Millisecond)
						}
						got, id := v.ask(c, path)
						if diff := cmp.Diff(want, got); diff != "" || !byGate(s, id, 5*time.Second) {
							t.Errorf("%v, kept by %v (-asked +kept):\n%s", v, keeper, diff)
						}
					}
				}
			})
		}
	}
}

// A read may be answered to one who sends another header, and be refused all the
// same.
func TestWhatIsRefusedIsRefusedThoughAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	for name, start := range gates {
		s := start(t)[0]
		c, own := acquire(t, s)
		for _, path := range keptReads(t, own) {
			t.Run(name+", GET "+path[:strings.LastIndexAny(path, "/?")], func(t *testing.T) {
				joint := map[bool]string{false: "?", true: "&"}[strings.Contains(path, "?")]
				for _, r := range []struct {
					query   string
					headers []string
					code    string
				}{
					{joint + "x=1", nil, "invalid_parameter"},
					{joint + "x", nil, "invalid_parameter"},
					{joint + "%zz", nil, "invalid_parameter"},
					{joint + "x=" + strings.Repeat("y", 600), nil, "invalid_parameter"},
					{"", []string{"If-Match", "x"}, "invalid_header"},
					{"", []string{"If-Match", " "}, "invalid_header"},
					{"", []string{"Idempotency-Key", strings.Repeat("x", 300)}, ""},
				} {
					if !keptBy(s, path, c.Token, 20*time.Second) {
						t.Fatal("it is not kept")
					}
					kept, byGate := ask(s, http.MethodGet, path+r.query, c.Token, r.headers...)
					c.WithT(t).Patch(mePath, `{}`).Want(200)
					asked, _ := ask(s, http.MethodGet, path+r.query, c.Token, r.headers...)
					if diff := cmp.Diff(body(asked), body(kept)); diff != "" || byGate {
						t.Errorf("%s with %v, by the gate: %t (-asked +kept):\n%s", path+r.query, r.headers, byGate, diff)
					}
					if r.code == "invalid_parameter" && kept.Code != http.StatusBadRequest {
						t.Errorf("%s is answered %d", path+r.query, kept.Code)
					}
				}
			})
		}
	}
}

// body is status and body of an answer, but for the request's own id.
func body(a *httptest.ResponseRecorder) string {
	return fmt.Sprint(a.Code, " ", regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(a.Body.String(), ""))
}

// Every route that changes anything ends what is kept of its caller, or of whom it
// changes: all reads, at each replica, are then as a server tells them that keeps
// nothing.
func TestEveryChangeEndsWhatIsKept(t *testing.T) {
	t.Parallel()
	for name, start := range gates {
		servers := start(t, withAdmin)
		forgetful := testkit.StartOn(t, servers[0].Database, servers[0].Issuer, withAdmin, func(s *server.Settings) { s.CacheTTL = 0 })
		x := &cast{t: t, s: servers[0], admin: servers[0].SignIn(t, adminEmail)}
		for _, route := range allRoutes(t) {
			if strings.HasPrefix(route, "GET ") {
				continue
			}
			cell := matrix[route]
			for _, state := range []string{"live", "trashed"} {
				c, own := acquire(t, x.s)
				id := map[string]map[string]string{"live": own.live, "trashed": own.trashed}[state][cell.names]
				if id == "" && cell.names != "" || state == "trashed" && !cell.trashedToo {
					continue
				}
				paths := keptReads(t, own)
				for _, path := range paths {
					warmAll(t, servers, path, c)
				}
				caller := c
				if cell.permission != "" {
					caller = x.admin
				}
				x.ask(caller.At(servers[1]), route, id, cell, own)
				for _, path := range paths {
					want, _ := ask(forgetful, http.MethodGet, path, c.Token)
					for n, s := range slices.Compact(slices.Clone(servers)) {
						got, byGate := ask(s, http.MethodGet, path, c.Token)
						if diff := cmp.Diff(body(want), body(got)); diff != "" {
							t.Errorf("%s: after %s of what is %s, %s at server %d, by its gate: %t (-want +got):\n%s", name, route, state, path, n, byGate, diff)
						}
						if cell.always == 0 && byGate && n == 0 {
							t.Errorf("%s: after %s the gate still answers %s", name, route, path)
						}
					}
				}
			}
		}
	}
}
