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
	// canary is part of everything that users write and clients send in this
	// test.
	canary = "Kanarienvogel"
	// echoed is part of what the contract returns to the client: names of
	// parameters and fields, and paths.
	echoed = "Papageienfeder"
)

// canaryFixture is a server whose secrets and user data are all known. They
// may appear only in the response that they are meant for.
type canaryFixture struct {
	t   *testing.T
	s   *testkit.Server
	log *logBuffer
	// secrets maps each secret to its description.
	secrets map[string]string
	// sent counts the requests.
	sent int
}

// newCanaryFixture starts a server whose every secret is known.
func newCanaryFixture(t *testing.T, collector *testkit.Collector) *canaryFixture {
	t.Helper()
	x := &canaryFixture{t: t, log: &logBuffer{}, secrets: map[string]string{canary: "the canary"}}
	pair := newKeyPair(t, "Ed25519")
	for line := range strings.Lines(pair.private) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
			x.secrets[line] = "the key file"
		}
	}
	redis, err := url.Parse(testkit.NewRedis(t))
	if err != nil {
		t.Fatal(err)
	}
	redis.User = url.UserPassword("Redis"+canary, "PasswordOfRedis")
	x.s = testkit.StartLogging(t, x.log, withAdmin, keySettings{file: pair.private}.set, func(s *server.Settings) {
		s.LogFormat, s.SingleReplica = "json", false
		s.RedisURL = server.Secret(redis.String()) // the password is wrong
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
				x.secrets[secret] = what
			}
		}
	})
	return x
}

// addToken adds a token to the secrets. A part of a token is as secret as the
// whole.
func (x *canaryFixture) addToken(what, token string) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		parts = parts[1:] // the header is the same for every token
	}
	for _, part := range parts {
		if len(part) >= 16 {
			x.secrets[part] = what
		}
	}
}

// signIn signs in a user whose every claim is a canary.
func (x *canaryFixture) signIn(email string) *testkit.Client {
	x.t.Helper()
	token := idToken(x.t, x.s, issuer.Claims{Email: email, Name: canary, Picture: "https://" + canary + ".example/", Subject: canary + email})
	x.addToken("an ID token", token)
	var g loginResponse
	x.s.Anonymous(x.t).Post(loginPath, map[string]any{"id_token": token}, canaryHeaders...).Want(200).Decode(&g)
	x.addToken("an access token", g.AccessToken)
	x.addToken("a refresh token", g.RefreshToken)
	c := withToken(x.t, x.s, g.AccessToken)
	c.RefreshToken, c.Session, c.User = g.RefreshToken, g.SessionID, g.User.ID
	x.secrets[email] = "an e-mail"
	return c
}

// canaryHeaders are headers that clients may send with any request.
var canaryHeaders = []string{
	"User-Agent", canary, "Referer", "https://" + canary + ".example/", "Cookie", canary + "=" + canary, "X-Forwarded-For", canary,
	"Traceparent", sampled, "Tracestate", "canary=" + canary, "Baggage", "canary=" + canary, "X-Cloud-Trace-Context", canary,
}

// leaks are the secrets that a text contains.
func (x *canaryFixture) leaks(text string) (found []string) {
	for secret, what := range x.secrets {
		if strings.Contains(text, secret) {
			found = append(found, what+" "+secret)
		}
	}
	if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) && !strings.Contains(text, canary) {
		found = append(found, "the canary in other letters")
	}
	return found
}

// request sends a request and checks the response for leaks if it is an error.
func (x *canaryFixture) request(c *testkit.Client, method, path string, body any, headers ...string) *testkit.Response {
	x.t.Helper()
	x.sent++
	a := c.Do(method, path, body, append(headers, canaryHeaders...)...)
	if a.Status < 400 {
		return a
	}
	shown := a.Body
	var problem map[string]any
	if err := json.Unmarshal(a.Body, &problem); err == nil {
		delete(problem, "current") // the owner's own resource
		shown, _ = json.Marshal(problem)
	}
	for _, found := range append(x.leaks(string(shown)), x.leaks(formatHeader(a))...) {
		x.t.Errorf("%s %s, status %d, reveals %s: %s", method, path, a.Status, found, a.Body)
	}
	for _, of := range []string{"SQLSTATE", "goroutine ", ".go:", "pgx", "pgconn", "postgres:", "SELECT"} {
		if bytes.Contains(a.Body, []byte(of)) {
			x.t.Errorf("%s %s, status %d, reveals internals: %s", method, path, a.Status, a.Body)
		}
	}
	return a
}

func formatHeader(a *testkit.Response) string {
	var b strings.Builder
	h := a.Header.Clone()
	h.Del("Set-Cookie") // browsers need it
	_ = h.Write(&b)
	return b.String()
}

func TestIsolation_NoUserDataInLogsMetricsTraces(t *testing.T) {
	t.Parallel()
	collector := testkit.NewCollector(t)
	x := newCanaryFixture(t, collector)
	w := newCanaryRequests(x)
	for _, route := range allRoutes(t) {
		w.sendEveryVariant(route)
	}
	w.loginByCode()
	w.readPages()
	w.breakRows()
	w.sendToFailingDatabase(false)
	w.breakSessions()
	w.sendToFailingDatabase(true)

	metrics := x.s.Anonymous(t).Get("/metrics").Want(200)
	x.s.Stop()
	x.checkOutputs(string(metrics.Body), collector)
}

// checkOutputs checks the log, the metrics and the traces.
func (x *canaryFixture) checkOutputs(metrics string, collector *testkit.Collector) {
	x.t.Helper()
	x.secrets[echoed] = "a name that a caller chose"
	requests := 0
	for line := range strings.Lines(x.log.String()) {
		for _, found := range x.leaks(line) {
			x.t.Errorf("the log reveals %s: %s", found, line)
		}
		if strings.Contains(line, `"message":"request"`) {
			requests++
		}
	}
	traces := collector.Text()
	for where, text := range map[string]string{"/metrics": metrics, "the traces": traces} {
		for _, found := range x.leaks(text) {
			x.t.Errorf("%s reveal %s", where, found)
		}
	}
	// Make sure that the outputs contain what was tried.
	if requests < x.sent {
		x.t.Errorf("%d requests have %d log lines", x.sent, requests)
	}
	for _, message := range []string{"SQLSTATE P0001", "Redis responds with an error", `"severity":"ERROR"`} {
		if !strings.Contains(x.log.String(), message) {
			x.t.Errorf("the log has no %q, so the failure did not happen", message)
		}
	}
	if !strings.Contains(metrics, `route="/api/v1/specs/{id}/items/reorder"`) || !strings.Contains(traces, "PUT /api/v1/specs/{id}/items/reorder") ||
		!strings.Contains(traces, "P0001") {
		x.t.Error("metrics or traces are incomplete")
	}
}
