package httpapi_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// withRateLimits sets limits of an hour, so that no capacity returns during a
// test.
func withRateLimits(requests, logins, refreshes int) func(*server.Settings) {
	return func(s *server.Settings) {
		s.RateLimitEnabled = true
		s.RateLimitDefault = ratelimit.Rate{Requests: requests, Per: time.Hour}
		s.RateLimitAuth = ratelimit.Rate{Requests: logins, Per: time.Hour}
		s.RateLimitRefresh = ratelimit.Rate{Requests: refreshes, Per: time.Hour}
	}
}

// rateLimitHeaders are the headers of a response about rate limits.
func rateLimitHeaders(a *testkit.Response) map[string]string {
	got := map[string]string{}
	for _, name := range []string{"RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
		if values := a.Header.Values(name); len(values) > 0 {
			got[name] = strings.Join(values, "|")
		}
	}
	return got
}

// remainingRequests is the number of remaining requests that the response
// reports; -1 if it reports none.
func remainingRequests(a *testkit.Response) int {
	n, err := strconv.Atoi(a.Header.Get("X-RateLimit-Remaining"))
	if err != nil {
		return -1
	}
	return n
}

func TestRateLimit_IsPerUser(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(5, 10, 5))
	ann, ben := s.SignUp(t), s.SignUp(t)
	for want := 4; want >= 0; want-- {
		if got := remainingRequests(ann.Get(projectsPath).Want(200)); got != want {
			t.Errorf("%d requests remain, want %d", got, want)
		}
	}
	for range 3 {
		rejected := ann.Get(projectsPath)
		problem := rejected.WantProblem(429, "rate_limited")
		after, err := strconv.Atoi(rejected.Header.Get("Retry-After"))
		if err != nil || after < 700 || after > 720 {
			t.Errorf("Retry-After = %q, want the 720 s until the next request", rejected.Header.Get("Retry-After"))
		}
		if problem.Detail == "" || problem.Title != "Too many requests" || problem.Status != 429 {
			t.Errorf("problem %+v", problem)
		}
	}
	// One limit covers all requests of a user, whatever session and method.
	ann.Post(projectsPath, withTitle("x")).WantProblem(429, "rate_limited")
	s.SignIn(t, "user-1@example.com").Get("/api/v1/users/me").WantProblem(429, "rate_limited")
	if got := remainingRequests(ben.Get(projectsPath).Want(200)); got != 4 {
		t.Errorf("another user has %d requests left, want 4", got)
	}
	if got := remainingRequests(s.Anonymous(t).Get("/api/v1/openapi.json").Want(200)); got != 4 {
		t.Errorf("the address has %d requests left, want 4", got)
	}
}

func TestRateLimit_HeadersReportState(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(100, 10, 30))
	ann := s.SignUp(t)
	began := time.Now()
	got := rateLimitHeaders(ann.Get(projectsPath).Want(200))
	reset, err := strconv.ParseInt(got["X-RateLimit-Reset"], 10, 64)
	// Below, the 36 s are those of one request; the server adds them when it responds.
	if whole := began.Add(36 * time.Second).Unix(); err != nil || reset < whole || reset > time.Now().Add(37*time.Second).Unix() {
		t.Errorf("X-RateLimit-Reset = %s, want %d", got["X-RateLimit-Reset"], whole)
	}
	delete(got, "X-RateLimit-Reset")
	want := map[string]string{
		"RateLimit-Policy": `"default";q=100;w=3600`, "RateLimit": `"default";r=99;t=36`,
		"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	// A refresh consumes two limits. The older headers report the scarcer one.
	answer := s.Anonymous(t).Post(refreshPath, map[string]any{"refresh_token": ann.RefreshToken}).Want(200)
	got = rateLimitHeaders(answer)
	delete(got, "X-RateLimit-Reset")
	want = map[string]string{
		"RateLimit-Policy": `"default";q=100;w=3600, "refresh";q=30;w=3600`, "RateLimit": `"default";r=99;t=36, "refresh";r=29;t=120`,
		"X-RateLimit-Limit": "30", "X-RateLimit-Remaining": "29",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers of a refresh (-want +got):\n%s", diff)
	}
}

// Each request consumes the limit of its user, of its address, or none.
func TestRateLimit_RequestConsumesItsLimit(t *testing.T) {
	t.Parallel()
	const user, address, login, none = "user", "address", "login", "none"
	for name, tc := range map[string]struct {
		method, path string
		headers      []string // in addition to the token
		signed       bool
		want         int
		pays         string
	}{
		"a read":                     {"GET", projectsPath, nil, true, 200, user},
		"a HEAD":                     {"HEAD", projectsPath, nil, true, 200, user},
		"a 304":                      {"GET", "/api/v1/openapi.json", []string{"If-None-Match", "*"}, true, 304, address},
		"a missing project":          {"GET", projectsPath + "/x", nil, true, 404, user},
		"a bad parameter":            {"GET", projectsPath + "?x=1", nil, true, 400, user},
		"a broken body":              {"POST", projectsPath, nil, true, 400, user},
		"no token":                   {"GET", projectsPath, nil, false, 401, address},
		"a broken token":             {"GET", projectsPath, []string{"Authorization", "Bearer x"}, false, 401, address},
		"another scheme":             {"GET", projectsPath, []string{"Authorization", "Basic eDp4"}, false, 401, address},
		"an unknown path":            {"GET", "/nothing", nil, true, 404, address},
		"another spelling of a path": {"GET", "/api/v1//projects", nil, true, 404, address},
		"another spelling of health": {"GET", "/health//live", nil, true, 404, address},
		"a path below health":        {"GET", "/health/nothing", nil, true, 404, address},
		"another method":             {"PUT", projectsPath, nil, true, 405, address},
		"another method of login":    {"GET", loginPath, nil, false, 405, address},
		"another spelling of login":  {"POST", "/api/v1/auth//login", nil, false, 404, address},
		"another method of health":   {"POST", "/health", nil, false, 405, address},
		"OPTIONS":                    {"OPTIONS", projectsPath, nil, false, 204, address},
		"the contract":               {"GET", "/api/v1/openapi.json", nil, true, 200, address},
		"the pages":                  {"GET", "/docs", nil, false, 200, address},
		"a problem's page":           {"GET", "/problems/rate_limited", nil, false, 200, address},
		"a login":                    {"POST", loginPath, []string{"Content-Type", "application/json"}, false, 400, login},
		"a login with a token":       {"POST", loginPath, []string{"Content-Type", "application/json"}, true, 400, login},
		"a refresh without a token":  {"POST", refreshPath, []string{"Content-Type", "application/json"}, true, 401, address},
		"a logout":                   {"POST", logoutPath, nil, false, 401, address},
		"health":                     {"GET", "/health", nil, false, 200, none},
		"health with a token":        {"GET", "/health/live", nil, true, 200, none},
		"health of a part":           {"HEAD", "/health/redis", nil, false, 200, none},
		"a preflight":                {"OPTIONS", projectsPath, []string{"Origin", "https://example.com", "Access-Control-Request-Method", "PUT"}, false, 204, none},
		"a preflight of login":       {"OPTIONS", loginPath, []string{"Origin", "https://example.com", "Access-Control-Request-Method", "POST"}, false, 204, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.Start(t, withRateLimits(50, 20, 10))
			c := s.SignUp(t)
			if !tc.signed {
				c.Token = ""
			}
			answer := c.Do(tc.method, tc.path, nil, tc.headers...).Want(tc.want)
			want := map[string]int{user: 49, address: 49, login: 18, none: -1}[tc.pays]
			if got := remainingRequests(answer); got != want {
				t.Errorf("%d requests remain, want %d", got, want)
			}
			// The remaining capacity of all limits shows which one was
			// consumed.
			left := map[string]int{user: 50, address: 50, login: 19}
			left[tc.pays]--
			probe := s.SignIn(t, "user-1@example.com") // a login
			left[login]--
			got := map[string]int{
				user:    remainingRequests(probe.Get("/api/v1/users/me").Want(200)) + 1,
				address: remainingRequests(s.Anonymous(t).Get("/nothing").Want(404)) + 1,
				login:   remainingRequests(s.Anonymous(t).Post(loginPath, "{}").Want(422)) + 1,
			}
			delete(left, none)
			if diff := cmp.Diff(left, got); diff != "" {
				t.Errorf("what the budgets have left (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRateLimit_SignInsPerAddress(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(100, 3, 100))
	ann := s.SignUp(t)
	for range 2 {
		s.Anonymous(t).Post(loginPath, map[string]any{"id_token": "guessed"}).WantProblem(401, "google_token_invalid")
	}
	rejected := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": s.IDToken(t, issuer.Claims{Email: "ben@example.com"})})
	rejected.WantProblem(429, "rate_limited")
	if got := rejected.Header.Get("RateLimit-Policy"); got != `"login";q=3;w=3600` {
		t.Errorf("RateLimit-Policy = %s", got)
	}
	// Other limits are unchanged.
	ann.Get(projectsPath).Want(200)
	s.Anonymous(t).Get("/docs").Want(200)
}

// The body of a rejected request is not read, nor is its token looked up.
func TestRateLimit_RejectedBodyIsNotRead(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(1, 5, 5))
	ann := s.SignUp(t)
	ann.Get(projectsPath).Want(200)
	// Otherwise the server would wait for the body and respond 408.
	answer := sendRaw(t, s, "POST "+projectsPath+" HTTP/1.1", "Authorization: Bearer "+ann.Token, "Content-Type: application/json", "Content-Length: 1000")
	if answer.Status != 429 {
		t.Errorf("got %d: %s", answer.Status, answer.Body)
	}
}

func TestRateLimit_RefreshesPerSession(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(100, 10, 2))
	ann, ben := s.SignUp(t), s.SignUp(t)
	refresh := func(token string) *testkit.Response {
		return s.Anonymous(t).Post(refreshPath, map[string]any{"refresh_token": token})
	}
	var pair struct {
		RefreshToken string `json:"refresh_token"`
	}
	refresh(ann.RefreshToken).Want(200).Decode(&pair)
	newest := pair.RefreshToken
	refresh(newest).Want(200).Decode(&pair)
	rejected := refresh(pair.RefreshToken)
	rejected.WantProblem(429, "rate_limited")
	if got := rejected.Header.Get("X-RateLimit-Limit"); got != "2" {
		t.Errorf("X-RateLimit-Limit = %s", got)
	}
	// A rejected request has not reached the store: an old token would end the
	// session.
	refresh(ann.RefreshToken).WantProblem(429, "rate_limited")
	ann.Get(projectsPath).Want(200)
	refresh(ben.RefreshToken).Want(200)
	refresh("cgr_x").WantProblem(401, "refresh_token_invalid")
}

// Neither another client behind the same address nor a thief with a token can
// block a user's logout.
func TestRateLimit_LogoutIsNotBlockedByOthers(t *testing.T) {
	t.Parallel()
	t.Run("by a neighbour", func(t *testing.T) {
		t.Parallel()
		s := testkit.Start(t, withRateLimits(3, 10, 5))
		ann := s.SignUp(t)
		for range 5 {
			s.Anonymous(t).Get("/nothing")
		}
		s.Anonymous(t).Post(logoutPath, nil).WantProblem(429, "rate_limited")
		ann.Post(logoutPath, nil).Want(204)
		ann.Get(projectsPath).WantProblem(401, "token_revoked")
	})
	t.Run("by a thief", func(t *testing.T) {
		t.Parallel()
		s := testkit.Start(t, withRateLimits(3, 10, 5))
		ann := s.SignUp(t)
		for range 5 {
			ann.Get(projectsPath)
		}
		ann.Get(projectsPath).WantProblem(429, "rate_limited")
		ann.Post(logoutPath, nil).Want(204)
	})
}

func TestRateLimit_CanBeDisabled(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(1, 1, 1), func(s *server.Settings) { s.RateLimitEnabled = false })
	ann := s.SignUp(t)
	for range 5 {
		answer := ann.Get(projectsPath).Want(200)
		if got := rateLimitHeaders(answer); len(got) > 0 {
			t.Errorf("it has rate limit headers: %v", got)
		}
		s.SignUp(t)
	}
}

// Both forms are valid structured fields.
func TestRateLimit_HeadersAreStructuredFields(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withRateLimits(5, 5, 5))
	ann := s.SignUp(t)
	path := newProject(ann, "Invoices").path()
	for _, tag := range []string{"", "*", `"0"`, "*", "", "*", ""} {
		answer := ann.Get(path, "If-None-Match", tag)
		for name, form := range map[string]string{
			"RateLimit-Policy":      `^"[a-z]+";q=[1-9][0-9]*;w=[1-9][0-9]*$`,
			"RateLimit":             `^"[a-z]+";r=[0-9]+;t=[1-9][0-9]*$`,
			"X-RateLimit-Limit":     `^[1-9][0-9]*$`,
			"X-RateLimit-Remaining": `^[0-9]+$`,
			"X-RateLimit-Reset":     `^[1-9][0-9]{9}$`,
		} {
			if got := answer.Header.Values(name); len(got) != 1 || !regexp.MustCompile(form).MatchString(got[0]) {
				t.Errorf("%s = %q", name, got)
			}
		}
		if got := answer.Header.Get("Retry-After") != ""; got != (answer.Status == http.StatusTooManyRequests) {
			t.Errorf("%d with Retry-After: %t", answer.Status, got)
		}
	}
}

func TestRateLimit_IsSharedByReplicas(t *testing.T) {
	t.Parallel()
	url := testkit.NewRedis(t)
	shared := func(s *server.Settings) { s.RedisURL, s.RedisTimeout = server.Secret(url), time.Minute }
	first := testkit.StartShared(t, withRateLimits(60, 10, 5), shared)
	replicas := []*testkit.Server{first, first.Replica(t, withRateLimits(60, 10, 5), shared), first.Replica(t, withRateLimits(60, 10, 5), shared)}
	ann := first.SignUp(t)
	for _, s := range replicas {
		awaitRedisHealth(t, s, 200)
	}
	var passed, rejected atomic.Int64
	var running sync.WaitGroup
	for n := range 12 {
		running.Go(func() {
			for range 15 {
				switch answer := ann.At(replicas[n%3]).Get("/api/v1/users/me"); answer.Status {
				case http.StatusOK:
					passed.Add(1)
				case http.StatusTooManyRequests:
					rejected.Add(1)
				default:
					t.Errorf("got %d: %s", answer.Status, answer.Body)
				}
			}
		})
	}
	running.Wait()
	if passed.Load() != 60 || rejected.Load() != 120 {
		t.Errorf("of 180 requests at three replicas %d passed and %d were rejected, want 60 and 120", passed.Load(), rejected.Load())
	}
}
