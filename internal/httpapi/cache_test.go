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

// cachedRoutes are the reads whose answers are kept, as routes.go marks them.
func cachedRoutes(t *testing.T) (routes []string) {
	t.Helper()
	text, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"(GET [^"]+)".*, cached`).FindAllStringSubmatch(string(text), -1) {
		routes = append(routes, found[1])
	}
	if len(routes) < 7 || len(routes) != strings.Count(string(text), ", cached") {
		t.Fatalf("routes.go caches %v, which is not all", routes)
	}
	return routes
}

// cachedPaths are the paths of all cacheable reads of what a user owns.
func cachedPaths(t *testing.T, own ownedIDs) (paths []string) {
	t.Helper()
	for _, route := range cachedRoutes(t) {
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

// cacheFixtures start servers with each kind of cache. Tests send requests to
// the first two servers, which may be the same one.
var cacheFixtures = map[string]func(t *testing.T, change ...func(*server.Settings)) []*testkit.Server{
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

// visibleResponse is what a client sees of a response, cached or not.
type visibleResponse struct {
	Status int
	Header http.Header
	Body   string
}

func visibleResponseOf(status int, header http.Header, body string) visibleResponse {
	header = header.Clone()
	for name := range header {
		if name == "X-Request-Id" || name == "Date" || strings.HasPrefix(name, "Ratelimit") {
			delete(header, name)
		}
	}
	return visibleResponse{status, header, body}
}

// servedFromCache reports whether a request that was sent over a connection
// was a cache hit. The log line is written a moment after the response.
func servedFromCache(s *testkit.Server, requestID string, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if s.CacheHit(requestID) {
			return true
		}
	}
	return false
}

// variant is one way to read a resource.
type variant struct{ method, condition string }

// send reads over a connection. It also returns the id of the request.
func (v variant) send(c *testkit.Client, path string) (visibleResponse, string) {
	id := fmt.Sprintf("cached-%d", requestCount.Add(1))
	a := c.Do(v.method, path, nil, "If-None-Match", v.condition, "X-Request-Id", id)
	return visibleResponseOf(a.Status, a.Header, string(a.Body)), id
}

// A client cannot distinguish a cached response from another one, whichever
// request filled the cache.
func TestCache_CachedResponseIsByteIdentical(t *testing.T) {
	t.Parallel()
	for name, start := range cacheFixtures {
		s := start(t)[0]
		owner, own := newOwner(t, s)
		for _, path := range cachedPaths(t, own) {
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
					want, _ := v.send(c, path)
					for _, keeper := range variants[:3] {
						forget()
						for cached := false; !cached; {
							_, id := keeper.send(c, path)
							cached = servedFromCache(s, id, 5*time.Millisecond)
						}
						got, id := v.send(c, path)
						if diff := cmp.Diff(want, got); diff != "" || !servedFromCache(s, id, time.Minute) {
							t.Errorf("%v, cached by %v (-uncached +cached):\n%s", v, keeper, diff)
						}
					}
				}
			})
		}
	}
}

// A cached response does not make an invalid request valid: a read with an
// invalid parameter or header is rejected on a hit too.
func TestCache_InvalidRequestIsRejectedDespiteCache(t *testing.T) {
	t.Parallel()
	for name, start := range cacheFixtures {
		s := start(t)[0]
		c, own := newOwner(t, s)
		for _, path := range cachedPaths(t, own) {
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
					if !awaitCached(s, path, c.Token, time.Minute) {
						t.Fatal("it is not cached")
					}
					cached, hit := serve(s, http.MethodGet, path+r.query, c.Token, r.headers...)
					c.WithT(t).Patch(mePath, `{}`).Want(200)
					asked, _ := serve(s, http.MethodGet, path+r.query, c.Token, r.headers...)
					if diff := cmp.Diff(statusAndBody(asked), statusAndBody(cached)); diff != "" || hit {
						t.Errorf("%s with %v, from the cache: %t (-uncached +cached):\n%s", path+r.query, r.headers, hit, diff)
					}
					if r.code == "invalid_parameter" && cached.Code != http.StatusBadRequest {
						t.Errorf("%s got %d", path+r.query, cached.Code)
					}
				}
			})
		}
	}
}

// statusAndBody is the status and body of a response without its request id.
func statusAndBody(a *httptest.ResponseRecorder) string {
	return fmt.Sprint(a.Code, " ", regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(a.Body.String(), ""))
}

// Every route that writes invalidates the cached responses of its caller, or
// of the user that it changes. All reads at each replica then equal those of a
// server without a cache.
func TestCache_EveryWriteInvalidates(t *testing.T) {
	t.Parallel()
	for name, start := range cacheFixtures {
		servers := start(t, withAdmin)
		forgetful := testkit.StartOn(t, servers[0].Database, servers[0].Issuer, withAdmin, func(s *server.Settings) { s.CacheTTL = 0 })
		x := &callerFixture{t: t, s: servers[0], admin: servers[0].SignIn(t, adminEmail)}
		for _, route := range allRoutes(t) {
			if strings.HasPrefix(route, "GET ") {
				continue
			}
			cell := routeCases[route]
			for _, state := range []string{"live", "trashed"} {
				c, own := newOwner(t, x.s)
				id := map[string]map[string]string{"live": own.live, "trashed": own.trashed}[state][cell.names]
				if id == "" && cell.names != "" || state == "trashed" && !cell.trashedToo {
					continue
				}
				if cell.part != "" {
					own.addMember(t, x.s, c)
				}
				paths := cachedPaths(t, own)
				for _, path := range paths {
					fillCaches(t, servers, path, c)
				}
				caller := c
				if cell.permission != "" {
					caller = x.admin
				}
				x.send(caller.At(servers[1]), route, id, cell, own)
				for _, path := range paths {
					want, _ := serve(forgetful, http.MethodGet, path, c.Token)
					for n, s := range slices.Compact(slices.Clone(servers)) {
						got, hit := serve(s, http.MethodGet, path, c.Token)
						if diff := cmp.Diff(statusAndBody(want), statusAndBody(got)); diff != "" {
							t.Errorf("%s: after %s of what is %s, %s at server %d, from the cache: %t (-want +got):\n%s", name, route, state, path, n, hit, diff)
						}
						if cell.anyCaller == 0 && hit && n == 0 && endsCached(route, state, path) {
							t.Errorf("%s: after %s, the cache still serves %s", name, route, path)
						}
					}
				}
			}
		}
	}
}

// endsCached reports whether an operation changes a scope of a path, so that its
// cached response ends: the specification, the project, or the lists.
func endsCached(route, state, path string) bool {
	lists := path == mePath || path == projectsPath || strings.HasPrefix(path, projectsPath+"?")
	ofSpecification := strings.HasPrefix(path, "/api/v1/specs/") || strings.HasPrefix(path, "/api/v1/items/")
	switch _, resource, _ := strings.Cut(route, " /"); {
	case strings.HasPrefix(resource, "tokens"), strings.HasPrefix(resource, "bots"), strings.Contains(route, "/members"), strings.Contains(route, "/invitations"): // which no cached response shows
		return false
	}
	switch route {
	case "POST /projects":
		return lists
	case "POST /projects/{id}/specs":
		return !ofSpecification
	case "POST /specs/{id}/restore":
		return !ofSpecification || state == "live" // what was in the trash is another specification
	case "POST /projects/{id}/restore":
		return lists || state == "live" // what was in the trash is another project
	default:
		return true
	}
}
