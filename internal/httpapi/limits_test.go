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

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// limited lets a server hold its callers to these rates an hour, which are in no
// danger of growing during a test.
func limited(requests, logins, refreshes int) func(*server.Settings) {
	return func(s *server.Settings) {
		s.RateLimitEnabled = true
		s.RateLimitDefault = auth.Rate{Requests: requests, Per: time.Hour}
		s.RateLimitAuth = auth.Rate{Requests: logins, Per: time.Hour}
		s.RateLimitRefresh = auth.Rate{Requests: refreshes, Per: time.Hour}
	}
}

// limitHeaders are those of the headers about limits that an answer has.
func limitHeaders(a *testkit.Response) map[string]string {
	got := map[string]string{}
	for _, name := range []string{"RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
		if values := a.Header.Values(name); len(values) > 0 {
			got[name] = strings.Join(values, "|")
		}
	}
	return got
}

// remaining is how many requests are left, as the answer tells; -1 if it does
// not.
func remaining(a *testkit.Response) int {
	n, err := strconv.Atoi(a.Header.Get("X-RateLimit-Remaining"))
	if err != nil {
		return -1
	}
	return n
}

func TestAUserHasABudget(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(5, 10, 5))
	ann, ben := s.SignUp(t), s.SignUp(t)
	for want := 4; want >= 0; want-- {
		if got := remaining(ann.Get(projectsPath).Want(200)); got != want {
			t.Errorf("%d requests remain, want %d", got, want)
		}
	}
	for range 3 {
		refused := ann.Get(projectsPath)
		problem := refused.WantProblem(429, "rate_limited")
		after, err := strconv.Atoi(refused.Header.Get("Retry-After"))
		if err != nil || after < 700 || after > 720 {
			t.Errorf("Retry-After = %q, want the 720 s that a request needs to grow", refused.Header.Get("Retry-After"))
		}
		if problem.Detail == "" || problem.Title != "Too many requests" || problem.Status != 429 {
			t.Errorf("problem %+v", problem)
		}
	}
	// One budget for all that a user does, by whatever session and method.
	ann.Post(projectsPath, titled("x")).WantProblem(429, "rate_limited")
	s.SignIn(t, "person-1@example.com").Get("/api/v1/users/me").WantProblem(429, "rate_limited")
	if got := remaining(ben.Get(projectsPath).Want(200)); got != 4 {
		t.Errorf("somebody else has %d requests left, want 4", got)
	}
	if got := remaining(s.Anonymous(t).Get("/api/v1/openapi.json").Want(200)); got != 4 {
		t.Errorf("the address has %d requests left, want 4", got)
	}
}

func TestAnAnswerTellsHowTheBudgetStands(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(100, 10, 30))
	ann := s.SignUp(t)
	began := time.Now()
	got := limitHeaders(ann.Get(projectsPath).Want(200))
	reset, err := strconv.ParseInt(got["X-RateLimit-Reset"], 10, 64)
	if whole := began.Add(36 * time.Second).Unix(); err != nil || reset < whole || reset > whole+5 {
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
	// A refresh is paid by two, and the older headers speak of the scarcer.
	answer := s.Anonymous(t).Post(refreshPath, map[string]any{"refresh_token": ann.RefreshToken}).Want(200)
	got = limitHeaders(answer)
	delete(got, "X-RateLimit-Reset")
	want = map[string]string{
		"RateLimit-Policy": `"default";q=100;w=3600, "refresh";q=30;w=3600`, "RateLimit": `"default";r=99;t=36, "refresh";r=29;t=120`,
		"X-RateLimit-Limit": "30", "X-RateLimit-Remaining": "29",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers of a refresh (-want +got):\n%s", diff)
	}
}

// Who pays for what: a user, an address, or nobody.
func TestEveryRequestIsPaidByTheRightBudget(t *testing.T) {
	t.Parallel()
	const user, address, login, nobody = "user", "address", "login", "nobody"
	for name, tc := range map[string]struct {
		method, path string
		headers      []string // beside the token
		signed       bool
		want         int
		pays         string
	}{
		"a read":                         {"GET", projectsPath, nil, true, 200, user},
		"a HEAD":                         {"HEAD", projectsPath, nil, true, 200, user},
		"a 304":                          {"GET", "/api/v1/openapi.json", []string{"If-None-Match", "*"}, true, 304, address},
		"what is not there":              {"GET", projectsPath + "/x", nil, true, 404, user},
		"a bad parameter":                {"GET", projectsPath + "?x=1", nil, true, 400, user},
		"a broken body":                  {"POST", projectsPath, nil, true, 400, user},
		"no token":                       {"GET", projectsPath, nil, false, 401, address},
		"a broken token":                 {"GET", projectsPath, []string{"Authorization", "Bearer x"}, false, 401, address},
		"another scheme":                 {"GET", projectsPath, []string{"Authorization", "Basic eDp4"}, false, 401, address},
		"an unknown path":                {"GET", "/nothing", nil, true, 404, address},
		"another spelling of a path":     {"GET", "/api/v1//projects", nil, true, 404, address},
		"another spelling of health":     {"GET", "/health//live", nil, true, 404, address},
		"a path below health":            {"GET", "/health/nothing", nil, true, 404, address},
		"another method":                 {"PUT", projectsPath, nil, true, 405, address},
		"another method of login":        {"GET", loginPath, nil, false, 405, address},
		"another spelling of login":      {"POST", "/api/v1/auth//login", nil, false, 404, address},
		"another method of health":       {"POST", "/health", nil, false, 405, address},
		"OPTIONS":                        {"OPTIONS", projectsPath, nil, false, 204, address},
		"the contract":                   {"GET", "/api/v1/openapi.json", nil, true, 200, address},
		"the pages":                      {"GET", "/docs", nil, false, 200, address},
		"a problem's page":               {"GET", "/problems/rate_limited", nil, false, 200, address},
		"a login":                        {"POST", loginPath, []string{"Content-Type", "application/json"}, false, 400, login},
		"a login with a token":           {"POST", loginPath, []string{"Content-Type", "application/json"}, true, 400, login},
		"a refresh without a token":      {"POST", refreshPath, []string{"Content-Type", "application/json"}, true, 422, address},
		"a logout":                       {"POST", logoutPath, nil, false, 401, address},
		"health":                         {"GET", "/health", nil, false, 200, nobody},
		"health with a token":            {"GET", "/health/live", nil, true, 200, nobody},
		"health of a part":               {"HEAD", "/health/redis", nil, false, 200, nobody},
		"what browsers ask before":       {"OPTIONS", projectsPath, []string{"Origin", "https://example.com", "Access-Control-Request-Method", "PUT"}, false, 204, nobody},
		"what browsers ask before login": {"OPTIONS", loginPath, []string{"Origin", "https://example.com", "Access-Control-Request-Method", "POST"}, false, 204, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.Start(t, limited(50, 20, 10))
			c := s.SignUp(t)
			if !tc.signed {
				c.Token = ""
			}
			answer := c.Do(tc.method, tc.path, nil, tc.headers...).Want(tc.want)
			want := map[string]int{user: 49, address: 49, login: 18, nobody: -1}[tc.pays]
			if got := remaining(answer); got != want {
				t.Errorf("%d requests remain, want %d", got, want)
			}
			// The second payer is told from the first by what is left afterwards.
			left := map[string]int{user: 50, address: 50, login: 19}
			left[tc.pays]--
			probe := s.SignIn(t, "person-1@example.com") // a login
			left[login]--
			got := map[string]int{
				user:    remaining(probe.Get("/api/v1/users/me").Want(200)) + 1,
				address: remaining(s.Anonymous(t).Get("/nothing").Want(404)) + 1,
				login:   remaining(s.Anonymous(t).Post(loginPath, "{}").Want(422)) + 1,
			}
			delete(left, nobody)
			if diff := cmp.Diff(left, got); diff != "" {
				t.Errorf("what the budgets have left (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignInsOfAnAddressAreFew(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(100, 3, 100))
	ann := s.SignUp(t)
	for range 2 {
		s.Anonymous(t).Post(loginPath, map[string]any{"id_token": "guessed"}).WantProblem(401, "google_token_invalid")
	}
	refused := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": s.IDToken(t, issuer.Claims{Email: "ben@example.com"})})
	refused.WantProblem(429, "rate_limited")
	if got := refused.Header.Get("RateLimit-Policy"); got != `"login";q=3;w=3600` {
		t.Errorf("RateLimit-Policy = %s", got)
	}
	// Other budgets are as they were.
	ann.Get(projectsPath).Want(200)
	s.Anonymous(t).Get("/docs").Want(200)
}

// A body is not read, let alone its token looked up, for a caller who has nothing
// left.
func TestARefusedRequestIsNotRead(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(1, 5, 5))
	ann := s.SignUp(t)
	ann.Get(projectsPath).Want(200)
	// It would be waited for, and the answer would be 408.
	answer := raw(t, s, "POST "+projectsPath+" HTTP/1.1", "Authorization: Bearer "+ann.Token, "Content-Type: application/json", "Content-Length: 1000")
	if answer.Status != 429 {
		t.Errorf("answered %d: %s", answer.Status, answer.Body)
	}
}

func TestASessionIsRefreshedSoOften(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(100, 10, 2))
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
	refused := refresh(pair.RefreshToken)
	refused.WantProblem(429, "rate_limited")
	if got := refused.Header.Get("X-RateLimit-Limit"); got != "2" {
		t.Errorf("X-RateLimit-Limit = %s", got)
	}
	// What was refused has not reached the store: an old token ends the session.
	refresh(ann.RefreshToken).WantProblem(429, "rate_limited")
	ann.Get(projectsPath).Want(200)
	refresh(ben.RefreshToken).Want(200)
	refresh("cgr_x").WantProblem(401, "refresh_token_invalid")
}

// Neither a neighbour behind the same address nor a thief with a token can keep
// somebody from logging out.
func TestALogoutCannotBeHindered(t *testing.T) {
	t.Parallel()
	t.Run("by a neighbour", func(t *testing.T) {
		t.Parallel()
		s := testkit.Start(t, limited(3, 10, 5))
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
		s := testkit.Start(t, limited(3, 10, 5))
		ann := s.SignUp(t)
		for range 5 {
			ann.Get(projectsPath)
		}
		ann.Get(projectsPath).WantProblem(429, "rate_limited")
		ann.Post(logoutPath, nil).Want(204)
	})
}

func TestLimitsMayBeOff(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(1, 1, 1), func(s *server.Settings) { s.RateLimitEnabled = false })
	ann := s.SignUp(t)
	for range 5 {
		answer := ann.Get(projectsPath).Want(200)
		if got := limitHeaders(answer); len(got) > 0 {
			t.Errorf("it tells of limits: %v", got)
		}
		s.SignUp(t)
	}
}

// Both forms are what the parsers of structured fields take.
func TestTheHeadersAreStructuredFields(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, limited(5, 5, 5))
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

func TestReplicasShareTheBudgetOfAUser(t *testing.T) {
	t.Parallel()
	url := testkit.NewRedis(t)
	shared := func(s *server.Settings) { s.RedisURL, s.RedisWait = server.Secret(url), time.Minute }
	first := testkit.StartShared(t, limited(60, 10, 5), shared)
	replicas := []*testkit.Server{first, first.Replica(t, limited(60, 10, 5), shared), first.Replica(t, limited(60, 10, 5), shared)}
	ann := first.SignUp(t)
	for _, s := range replicas {
		awaitRedis(t, s, 200)
	}
	var passed, refused atomic.Int64
	var running sync.WaitGroup
	for n := range 12 {
		running.Go(func() {
			for range 15 {
				switch answer := ann.At(replicas[n%3]).Get("/api/v1/users/me"); answer.Status {
				case http.StatusOK:
					passed.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				default:
					t.Errorf("answered %d: %s", answer.Status, answer.Body)
				}
			}
		})
	}
	running.Wait()
	if passed.Load() != 60 || refused.Load() != 120 {
		t.Errorf("of 180 requests at three replicas %d passed and %d were refused, want 60 and 120", passed.Load(), refused.Load())
	}
}
