package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// selector is a PromQL selector: a metric with label matchers.
var selector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})?`)

// promqlKeywords are words of PromQL in places where a metric could be.
var promqlKeywords = strings.Fields("by and or unless on ignoring bool offset")

// selectors are all selectors of an expression. A function is followed by a bracket, and
// labels for grouping are in brackets after by and on.
func selectors(expr string) (all []string) {
	expr = regexp.MustCompile(`\b(by|on)\s*\([^)]*\)`).ReplaceAllString(expr, "")
	expr = regexp.MustCompile(`\[[^]]*\]|offset \w+`).ReplaceAllString(expr, "")
	for _, at := range selector.FindAllStringSubmatchIndex(expr, -1) {
		name, rest := expr[at[2]:at[3]], strings.TrimLeft(expr[at[1]:], " \n")
		number := at[0] > 0 && strings.ContainsRune("0123456789.", rune(expr[at[0]-1])) // 1e15
		if !number && !strings.HasPrefix(rest, "(") && !strings.Contains(" "+strings.Join(promqlKeywords, " ")+" ", " "+name+" ") {
			all = append(all, expr[at[0]:at[1]])
		}
	}
	return all
}

func TestMonitoring_SelectorsAreParsed(t *testing.T) {
	t.Parallel()
	const expr = `histogram_quantile(0.99, sum by (le, job) (rate(a_bucket{job="b",route!~"/c.*|/d"}[5m]))) / on (job) sum(x:y:rate5m offset 1d) > 0.5 * z < 1e15 and absent(up{job="b"})`
	got := strings.Join(selectors(expr), " ")
	if want := `a_bucket{job="b",route!~"/c.*|/d"} x:y:rate5m z up{job="b"}`; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

// A renamed metric leaves a panel empty and an alert silent, unnoticed until it is needed.
func TestMonitoring_EveryQueryFindsData(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	way, databaseURL := newProxy(t, db.Service)
	way.open()
	metrics := freeAddress(t)
	s := serve(t, serveEnv(databaseURL, google.URL, "METRICS_ADDR="+metrics, "REDIS_URL="+testkit.NewRedis(t), "GOMEMLIMIT=512MiB",
		"RATELIMIT_ENABLED=true", "RATELIMIT_DEFAULT=100000/minute", "RATELIMIT_AUTH=4/minute")).waitReady()
	w := startPrometheus(t, metrics)

	token := s.generateTraffic(google, w)
	way.cut()
	waitUntil(t, "it is recorded that requests fail", func() bool {
		send(t, http.MethodPost, s.URL+"/api/v1/projects", token, `{"title":"Lost"}`).want(http.StatusServiceUnavailable)
		return w.resultCount(`namespace_job:requests_bad:ratio_rate5m > 0`) > 0 && w.resultCount(`rate(problems_total{code="unavailable"}[1m])`) > 0
	})

	rules := w.rules()
	for _, q := range append(rules, panels(t)...) {
		for _, wanted := range selectors(q.expr) {
			if w.resultCount(wanted) == 0 {
				t.Errorf("%s uses %s, which does not exist", q.where, wanted)
			}
		}
		if !q.alert && w.resultCount(q.expr) == 0 {
			t.Errorf("%s finds nothing: %s", q.where, q.expr)
		}
	}
	for _, q := range rules {
		if !q.alert && w.resultCount(q.where) == 0 {
			t.Errorf("%s is not recorded", q.where)
		}
	}
}

// generateTraffic sends requests for all metrics, and returns the access token of a live
// session.
func (s *server) generateTraffic(google *testkit.Issuer, w *prometheus) (token string) {
	s.t.Helper()
	api := s.URL + "/api/v1"
	idToken, err := google.IDToken(issuer.Claims{Email: "ann@example.com"})
	must(s.t, err)
	var grant struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	post := func(path, token, body string) *response { return send(s.t, http.MethodPost, api+path, token, body) }
	post("/auth/login", "", `{"id_token":"`+idToken+`"}`).want(http.StatusOK).decode(&grant)
	post("/auth/login", "", `{"id_token":"`+idToken+`x"}`).want(http.StatusUnauthorized)
	refresh := `{"refresh_token":"` + grant.RefreshToken + `"}`
	post("/auth/refresh", "", refresh).want(http.StatusOK)
	waitUntil(s.t, "the refresh token is old", func() bool { return post("/auth/refresh", "", refresh).Status == http.StatusUnauthorized })
	token = s.signIn(google, "bob@example.com")
	waitUntil(s.t, "sign-ins are limited", func() bool { return post("/auth/login", "", `{"id_token":"x"}`).Status == http.StatusTooManyRequests })

	var made project
	post("/projects", token, `{"title":"Watched"}`).want(http.StatusCreated).decode(&made)
	get(s.t, api+"/projects", "").want(http.StatusUnauthorized)
	get(s.t, api+"/projects?limit=x", token)
	get(s.t, s.URL+"/nothing", token).want(http.StatusNotFound)
	get(s.t, api+"/users/me/export", token).want(http.StatusOK)
	waitUntil(s.t, "reads are kept", func() bool {
		get(s.t, api+"/projects/"+made.ID, token).want(http.StatusOK)
		return w.resultCount(`rate(cache_requests_total{result="hit"}[1m]) > 0`) > 0
	})
	return token
}
