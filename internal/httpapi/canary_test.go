package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	// bird is in whatever users write and callers send in this test.
	bird = "Kanarienvogel"
	// echo is what callers send that the contract says back to them: names of
	// parameters and fields, and paths.
	echo = "Papageienfeder"
)

// canaries is everything that may get out of the server in no way but in the
// answer that it is for.
type canaries struct {
	t   *testing.T
	s   *testkit.Server
	log *logFile
	// secret tells of each what it is.
	secret map[string]string
	// asked is how many requests there were.
	asked int
}

// newCanaries starts a server whose every secret is known.
func newCanaries(t *testing.T, collector *testkit.Collector) *canaries {
	t.Helper()
	x := &canaries{t: t, log: &logFile{}, secret: map[string]string{bird: "the canary"}}
	pair := newKeyPair(t, "Ed25519")
	for line := range strings.Lines(pair.private) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
			x.secret[line] = "the key file"
		}
	}
	redis, err := url.Parse(testkit.NewRedis(t))
	if err != nil {
		t.Fatal(err)
	}
	redis.User = url.UserPassword("Redis"+bird, "PasswordOfRedis")
	x.s = testkit.StartLogging(t, x.log, withAdmin, generation{file: pair.private}.set, func(s *server.Settings) {
		s.LogFormat, s.SingleReplica = "json", false
		s.RedisURL = server.Secret(redis.String()) // which lets nobody in by that password
		s.OTLPEndpoint, s.OTLPHeaders = collector.URL, "authorization=Bearer%20HeaderForTheCollector"
		database, err := url.Parse(string(s.DatabaseURL))
		if err != nil {
			t.Fatal(err)
		}
		password, _ := database.User.Password()
		for what, secret := range map[string]string{
			"DATABASE_URL": password, "REDIS_URL": "PasswordOfRedis", "OTEL_EXPORTER_OTLP_HEADERS": "HeaderForTheCollector",
			"SECRET_KEY": string(s.SecretKey), "JWT_SECRET_KEY": string(s.JWTSecret), "GOOGLE_CLIENT_SECRET": string(s.GoogleClientSecret),
		} {
			if secret != "" {
				x.secret[secret] = what
			}
		}
	})
	return x
}

// token marks a token; the parts of one are as good as the whole.
func (x *canaries) token(what, token string) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		parts = parts[1:] // the head says the same of every token
	}
	for _, part := range parts {
		if len(part) >= 16 {
			x.secret[part] = what
		}
	}
}

// signIn signs in somebody whose every claim is a canary.
func (x *canaries) signIn(email string) *testkit.Client {
	x.t.Helper()
	token := idToken(x.t, x.s, issuer.Claims{Email: email, Name: bird, Picture: "https://" + bird + ".example/", Subject: bird + email})
	x.token("an ID token", token)
	var g grant
	x.s.Anonymous(x.t).Post(loginPath, map[string]any{"id_token": token}, marks...).Want(200).Decode(&g)
	x.token("an access token", g.AccessToken)
	x.token("a refresh token", g.RefreshToken)
	c := withToken(x.t, x.s, g.AccessToken)
	c.RefreshToken, c.Session, c.User = g.RefreshToken, g.SessionID, g.User.ID
	x.secret[email] = "an e-mail"
	return c
}

// marks are headers that callers may send with anything.
var marks = []string{
	"User-Agent", bird, "Referer", "https://" + bird + ".example/", "Cookie", bird + "=" + bird, "X-Forwarded-For", bird,
	"Traceparent", sampled, "Tracestate", "canary=" + bird, "Baggage", "canary=" + bird, "X-Cloud-Trace-Context", bird,
}

// finds are the secrets in a text.
func (x *canaries) finds(text string) (found []string) {
	for secret, what := range x.secret {
		if strings.Contains(text, secret) {
			found = append(found, what+" "+secret)
		}
	}
	if strings.Contains(strings.ToLower(text), strings.ToLower(bird)) && !strings.Contains(text, bird) {
		found = append(found, "the canary in other letters")
	}
	return found
}

// ask makes a request, and looks at how it is refused, if it is.
func (x *canaries) ask(c *testkit.Client, method, path string, body any, headers ...string) *testkit.Response {
	x.t.Helper()
	x.asked++
	a := c.Do(method, path, body, append(headers, marks...)...)
	if a.Status < 400 {
		return a
	}
	shown := a.Body
	var problem map[string]any
	if err := json.Unmarshal(a.Body, &problem); err == nil {
		delete(problem, "current") // the owner's own resource
		shown, _ = json.Marshal(problem)
	}
	for _, found := range append(x.finds(string(shown)), x.finds(mustHeader(a))...) {
		x.t.Errorf("%s %s, answered %d, tells %s: %s", method, path, a.Status, found, a.Body)
	}
	for _, of := range []string{"SQLSTATE", "goroutine ", ".go:", "pgx", "pgconn", "postgres:", "SELECT"} {
		if bytes.Contains(a.Body, []byte(of)) {
			x.t.Errorf("%s %s, answered %d, tells of the inside: %s", method, path, a.Status, a.Body)
		}
	}
	return a
}

func mustHeader(a *testkit.Response) string {
	var b strings.Builder
	h := a.Header.Clone()
	h.Del("Set-Cookie") // which a browser needs
	_ = h.Write(&b)
	return b.String()
}

func TestNothingOfUsersGetsOut(t *testing.T) {
	t.Parallel()
	collector := testkit.NewCollector(t)
	x := newCanaries(t, collector)
	w := newPatrol(x)
	for _, route := range allRoutes(t) {
		w.meet(route)
	}
	w.signInsByCode()
	w.pages()
	w.breakRows()
	w.brokenDown(false)
	w.breakSessions()
	w.brokenDown(true)

	metrics := x.s.Anonymous(t).Get("/metrics").Want(200)
	x.s.Stop()
	x.judge(string(metrics.Body), collector)
}

// judge looks for canaries where operators look.
func (x *canaries) judge(metrics string, collector *testkit.Collector) {
	x.t.Helper()
	x.secret[echo] = "a name that a caller chose"
	requests := 0
	for line := range strings.Lines(x.log.String()) {
		for _, found := range x.finds(line) {
			x.t.Errorf("the log tells %s: %s", found, line)
		}
		if strings.Contains(line, `"message":"request"`) {
			requests++
		}
	}
	traces := collector.Text()
	for where, text := range map[string]string{"/metrics": metrics, "the traces": traces} {
		for _, found := range x.finds(text) {
			x.t.Errorf("%s tell %s", where, found)
		}
	}
	// What was not asked, or not told, was not looked at.
	if requests < x.asked {
		x.t.Errorf("%d requests have %d lines", x.asked, requests)
	}
	for _, told := range []string{"SQLSTATE P0001", "Redis does not answer", `"severity":"ERROR"`} {
		if !strings.Contains(x.log.String(), told) {
			x.t.Errorf("the log does not tell of %q, so it was not tried", told)
		}
	}
	if !strings.Contains(metrics, `route="/api/v1/specs/{id}/items/reorder"`) || !strings.Contains(traces, "PUT /api/v1/specs/{id}/items/reorder") ||
		!strings.Contains(traces, "P0001") {
		x.t.Error("metrics or traces tell too little to be judged")
	}
}
