package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// canary is in all that users send in these tests. It must appear neither in a log nor in
// a problem.
const canary = "Kanarienvogel"

func TestLog_HoldsNoUserContent(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL)).waitReady() // at DEBUG
	w := &logInspector{t: t, server: s, secrets: []string{canary, secretKey, jwtSecret, password(t, db.Service)}}

	w.token = w.signIn(google)
	var made project
	w.send("POST", "/projects", `{"title":"`+canary+`","description":"`+canary+`"}`, 201).decode(&made)
	at := "/projects/" + made.ID
	var spec struct{ ID string }
	w.send("POST", at+"/specs", `{"content":"`+canary+`"}`, 201).decode(&spec)
	w.send("POST", "/specs/"+spec.ID+"/items", `{"content":"`+canary+`"}`, 201)

	// A problem does not repeat the rejected input.
	w.problem("POST", "/projects", `{"title":{"`+canary+`":"`+canary+`"}}`, 422)
	w.problem("POST", "/projects", `{"title":"`+strings.Repeat(canary, 20)+`"}`, 422)
	w.problem("POST", "/projects", `{"title":"`+canary+`\u0000"}`, 422)
	w.problem("PATCH", at, `{"title":null,"description":["`+canary+`"]}`, 422)
	w.problem("POST", "/projects", `{"title":"`+canary, 400)
	w.problem("POST", "/projects", `{"title":"`+canary+`"} "`+canary+`"`, 400)
	w.problem("POST", "/projects", "\""+canary+"\xff\"", 400)
	w.problem("POST", "/projects", `{"title":"`+strings.Repeat(canary, 100_000)+`"}`, 413)
	w.problem("GET", "/projects?page_size="+canary, "", 400)
	w.problem("GET", "/projects?page_token="+canary, "", 400)
	w.problem("GET", "/projects?order_by="+canary, "", 400)
	w.problem("POST", "/auth/login", `{"id_token":"`+canary+"."+canary+"."+canary+`"}`, 401)
	w.problem("POST", "/auth/login", `{"id_token":"`+w.idTokens[0]+`"}`, 401) // used before
	w.problem("POST", "/auth/login", `{"id_token":"`+w.forged(google)+`"}`, 401)
	w.problem("GET", "/projects", "", 401, "Authorization", "Bearer "+w.token+canary)
	w.problem("GET", "/projects", "", 401, "Authorization", canary+" "+canary)
	w.problem("PUT", at, `{"title":"`+canary+`"}`, 400, "If-Match", canary)

	// PostgreSQL's messages and details print values and rows.
	makeDatabaseEcho(t, db)
	w.problem("POST", "/projects", `{"title":"`+canary+`!","description":"`+canary+`"}`, 500)
	w.problem("POST", "/projects", `{"title":"`+canary+`?","description":"`+canary+`"}`, 500)
	s.waitForOutput(&s.logs, "e2e_no_birds") // operators find the cause by the name of the constraint
	s.waitForOutput(&s.logs, "SQLSTATE P0001")

	// The database connection breaks during a write, and a lock times out.
	release := lockTables(t, db)
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		waitForBlocked(t, db)
		terminateConnections(t, db)
	}()
	w.problem("POST", "/projects", `{"title":"`+canary+`","description":"`+canary+`"}`, 503)
	<-cut
	w.problem("PATCH", at, `{"title":"`+canary+` again"}`, 503)
	release()

	s.signal(syscall.SIGTERM)
	s.wantExit(0)
	w.verify()
}

// makeDatabaseEcho makes the database raise errors that contain the row, for titles with a
// certain end: as a constraint violation and without one.
func makeDatabaseEcho(t *testing.T, db testkit.Database) {
	t.Helper()
	super := connect(t, db.Super)
	t.Cleanup(func() { execute(t, super, `DROP FUNCTION e2e_tattle() CASCADE`) })
	execute(t, super, `
CREATE FUNCTION e2e_tattle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.title LIKE '%!' THEN
        RAISE EXCEPTION USING MESSAGE = 'not this: ' || NEW.title, DETAIL = 'Failing row contains ' || NEW, HINT = NEW.title,
            ERRCODE = 'check_violation', CONSTRAINT = 'e2e_no_birds', COLUMN = NEW.title, TABLE = NEW.title;
    ELSIF NEW.title LIKE '%?' THEN
        RAISE EXCEPTION USING MESSAGE = 'not this: ' || NEW.title, DETAIL = 'Failing row contains ' || NEW, HINT = NEW.title;
    END IF;
    RETURN NEW;
END
$$`)
	execute(t, super, `CREATE TRIGGER e2e_tattle BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION e2e_tattle()`)
}

// logInspector records secrets that were sent, and searches for them in the server's output.
type logInspector struct {
	t        *testing.T
	server   *server
	token    string
	idTokens []string
	secrets  []string
	requests []string
}

// signIn signs in a user whose every claim is the canary.
func (w *logInspector) signIn(google *testkit.Issuer) string {
	w.t.Helper()
	idToken, err := google.IDToken(issuer.Claims{Email: canary + "@" + canary + ".example", Name: canary, Subject: canary})
	must(w.t, err)
	w.idTokens = append(w.idTokens, idToken)
	var grant struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	w.send("POST", "/auth/login", `{"id_token":"`+idToken+`"}`, 200).decode(&grant)
	// Parts of a token are secrets like the whole.
	for _, token := range []string{idToken, grant.AccessToken} {
		w.secrets = append(w.secrets, strings.Split(token, ".")[1:]...)
	}
	w.secrets = append(w.secrets, grant.RefreshToken)
	return grant.AccessToken
}

// forged is an ID token whose claims do not match its signature.
func (w *logInspector) forged(google *testkit.Issuer) string {
	w.t.Helper()
	idToken, err := google.IDToken(issuer.Claims{Email: canary + "@example.com", Audience: canary, Header: map[string]any{"kid": canary}})
	must(w.t, err)
	w.secrets = append(w.secrets, strings.Split(idToken, ".")[1])
	return idToken
}

func (w *logInspector) send(method, path, body string, status int, headers ...string) *response {
	w.t.Helper()
	id := fmt.Sprintf("e2e-%d", len(w.requests)+1)
	w.requests = append(w.requests, id)
	headers = append([]string{"X-Request-Id", id, "User-Agent", canary}, headers...)
	a := send(w.t, method, w.server.URL+"/api/v1"+path, w.token, body, headers...)
	if a.Status != status {
		w.t.Errorf("%s %s answered %d, want %d: %s", method, path, a.Status, status, a.Body)
	}
	return a
}

// problem sends a request that is rejected, and checks the problem document.
func (w *logInspector) problem(method, path, body string, status int, headers ...string) {
	w.t.Helper()
	a := w.send(method, path, body, status, headers...)
	said := fmt.Sprint(a.Header, a.Body)
	for _, secret := range append(w.secrets, "SQLSTATE", "goroutine ", ".go:", "pgx", "pgconn", "postgres:") {
		if strings.Contains(said, secret) {
			w.t.Errorf("the problem of %s %.40s has %q in it: %s", method, path, secret, said)
		}
	}
}

// verify reads the whole log: every line has the right form, each request has one line,
// and no line has a secret.
func (w *logInspector) verify() {
	w.t.Helper()
	lines := map[string]int{}
	for line := range strings.Lines(w.server.logs.String()) {
		lines[readLine(w.t, line)]++
		for _, secret := range w.secrets {
			if strings.Contains(line, secret) {
				w.t.Errorf("the log has %q in it: %s", secret, line)
			}
		}
	}
	for _, id := range w.requests {
		if lines[id] != 1 {
			w.t.Errorf("the request %s has %d lines, want one", id, lines[id])
		}
	}
}

// readLine checks the form of a line, and returns its request ID.
func readLine(t *testing.T, text string) string {
	t.Helper()
	var line struct {
		Severity  string
		Message   string
		Time      time.Time
		RequestID string `json:"request_id"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	if err := d.Decode(&line); err != nil || d.More() {
		t.Errorf("a line is not one JSON object: %v: %s", err, text)
		return ""
	}
	switch line.Severity {
	case "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL":
	default:
		t.Errorf("a line has the severity %q: %s", line.Severity, text)
	}
	if line.Message == "" || time.Since(line.Time).Abs() > time.Hour {
		t.Errorf("a line has no message or no true time: %s", text)
	}
	if line.Message != "request" {
		return ""
	}
	return line.RequestID
}

// Malformed HTTP must not get into the log either.
func TestLog_HoldsNothingOfMalformedRequests(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1"))
	for _, bytes := range []string{
		"GET /" + canary + " " + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: " + canary + "\r\n" + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat(canary, 20_000) + "\r\n\r\n",
		"\x16\x03\x01" + canary + "\r\n\r\n",
		"GET /api/v1/" + canary + "?token=" + canary + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		must(t, err)
		_, err = conn.Write([]byte(bytes))
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(waitTimeout)))
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Errorf("%.30q got no answer: %v", bytes, err)
		}
		must(t, conn.Close())
	}
	get(t, s.URL+"/health/live", "").want(http.StatusOK)
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
	for line := range strings.Lines(s.logs.String()) {
		readLine(t, line)
	}
	wantNone(t, s.logs.String(), canary)
}
