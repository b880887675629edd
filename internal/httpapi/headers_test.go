package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// everywhere are the headers of every answer over plain HTTP.
var everywhere = map[string]string{
	"X-Content-Type-Options":    "nosniff",
	"Referrer-Policy":           "no-referrer",
	"X-Frame-Options":           "DENY",
	"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
	"Strict-Transport-Security": "",
	"Server":                    "",
	"X-Powered-By":              "",
}

// chosen are those of the headers that everywhere speaks of.
func chosen(h http.Header) map[string]string {
	got := map[string]string{}
	for name := range everywhere {
		got[name] = strings.Join(h.Values(name), "|")
	}
	return got
}

func TestEveryAnswerHasTheHeadersOfTheContract(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	p, gone := newProject(ann, "Invoices"), newProject(ann, "Gone")
	const read = "private, no-cache"
	for name, tc := range map[string]struct {
		caller       *testkit.Client
		method, path string
		body         any
		headers      []string
		want         int
		cache        string // where the contract speaks of it
	}{
		"200 of a read":             {ann, "GET", p.path(), nil, nil, 200, read},
		"200 of a list":             {ann, "GET", projectsPath, nil, nil, 200, read},
		"200 of HEAD":               {ann, "HEAD", p.path(), nil, nil, 200, read},
		"201":                       {ann, "POST", projectsPath, titled("x"), nil, 201, ""},
		"204 of DELETE":             {ann, "DELETE", gone.path(), nil, nil, 204, ""},
		"204 of OPTIONS":            {ann, "OPTIONS", p.path(), nil, nil, 204, ""},
		"304":                       {ann, "GET", p.path(), nil, []string{"If-None-Match", "*"}, 304, read},
		"400":                       {ann, "GET", projectsPath + "?x=1", nil, nil, 400, read},
		"401":                       {s.Anonymous(t), "GET", projectsPath, nil, nil, 401, ""},
		"401 of a sign-in":          {s.Anonymous(t), "POST", loginPath, `{"id_token": "x"}`, nil, 401, ""},
		"404 of a project":          {ann, "GET", projectsPath + "/" + uuid.NewString(), nil, nil, 404, read},
		"404 of a route":            {s.Anonymous(t), "GET", "/nothing", nil, nil, 404, ""},
		"405":                       {s.Anonymous(t), "PUT", projectsPath, nil, nil, 405, ""},
		"412":                       {ann, "PATCH", p.path(), titled("x"), []string{"If-Match", `"9"`}, 412, ""},
		"413":                       {ann, "POST", projectsPath, padded(mebibyte + 1), nil, 413, ""},
		"415":                       {ann, "POST", projectsPath, "x", []string{"Content-Type", "text/plain"}, 415, ""},
		"422":                       {ann, "POST", projectsPath, "{}", nil, 422, ""},
		"200 of health":             {s.Anonymous(t), "GET", "/health", nil, nil, 200, "no-store"},
		"200 of the contract, JSON": {s.Anonymous(t), "GET", "/api/v1/openapi.json", nil, nil, 200, "public, max-age=60"},
		"200 of the contract, YAML": {s.Anonymous(t), "GET", "/api/v1/openapi.yaml", nil, nil, 200, "public, max-age=60"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tc.caller.WithT(t)
			answer := c.Do(tc.method, tc.path, tc.body, append([]string{"X-Request-Id", "the-same"}, tc.headers...)...).Want(tc.want)
			if diff := cmp.Diff(everywhere, chosen(answer.Header)); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if got := answer.Header.Values("X-Request-Id"); len(got) != 1 || got[0] != "the-same" {
				t.Errorf("X-Request-Id = %q", got)
			}
			if got := answer.Header.Get("Cache-Control"); tc.cache != "" && got != tc.cache {
				t.Errorf("Cache-Control = %q, want %q", got, tc.cache)
			}
			if tc.want < 400 || tc.method == "HEAD" {
				return
			}
			var problem testkit.Problem
			answer.Decode(&problem)
			path, _, _ := strings.Cut(tc.path, "?")
			want := testkit.Problem{
				Type: "/problems/" + problem.Code, Title: problem.Title, Detail: problem.Detail, Instance: path, Code: problem.Code,
				Status: tc.want, RequestID: "the-same", Errors: problem.Errors, Current: problem.Current,
			}
			if diff := cmp.Diff(want, problem); diff != "" || problem.Title == "" || problem.Detail == "" || problem.Code == "" {
				t.Errorf("problem %s (-want +got):\n%s", answer.Body, diff)
			}
			if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type = %s", got)
			}
		})
	}
}

func TestARequestIdIsTakenOverOrMade(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct {
		given string
		taken bool
	}{
		"a UUID":                {uuid.NewString(), true},
		"one character":         {"x", true},
		"every kind of sign":    {"Az09._-", true},
		"64 characters":         {strings.Repeat("a", 64), true},
		"65 characters":         {strings.Repeat("a", 65), false},
		"nothing":               {"", false},
		"a blank":               {"a b", false},
		"a slash":               {"a/b", false},
		"a quote":               {`a"b`, false},
		"markup":                {"<script>", false},
		"a comma":               {"a,b", false},
		"a letter beyond ASCII": {"ä", false},
		"a tab":                 {"a\tb", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for range 2 {
				answer := s.Anonymous(t).Get(projectsPath, "X-Request-Id", tc.given)
				problem := answer.WantProblem(401, "token_missing")
				got := answer.Header.Get("X-Request-Id")
				if problem.RequestID != got {
					t.Errorf("the header says %s, the problem %s", got, problem.RequestID)
				}
				if taken := got == tc.given; taken != tc.taken {
					t.Errorf("X-Request-Id %q became %q", tc.given, got)
				}
				if id, err := uuid.Parse(got); !tc.taken && (err != nil || id.String() != got || seen[got]) {
					t.Errorf("a made X-Request-Id is %q", got)
				}
				seen[got] = true
			}
		})
	}
}

func TestInstanceIsThePathAsItWasSent(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for sent, want := range map[string]string{
		"/nothing?x=1":            "/nothing",
		"/a%20b":                  "/a%20b",
		"/%3Cscript%3E":           "/%3Cscript%3E",
		projectsPath + "/%7Bx%7D": projectsPath + "/%7Bx%7D",
		projectsPath + "/a%2Fb":   projectsPath + "/a%2Fb",
		projectsPath + "?x=1":     projectsPath,
	} {
		var problem testkit.Problem
		ann.Get(sent).Decode(&problem)
		if problem.Instance != want {
			t.Errorf("instance of %s = %q", sent, problem.Instance)
		}
	}
}
