package e2e

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// As docker compose runs it: a server, and the issuer in another process at the same
// address for the browser and for the server.
func TestIssuer_SignsABrowserIn(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	address := strings.Replace(freeAddress(t), "127.0.0.1", "localhost", 1)
	issuer := start(t, programOptions{args: []string{"issuer"}, env: []string{
		"APP_ENV=development", "GOOGLE_CLIENT_ID=local", "GOOGLE_ISSUER_URL=http://" + address,
	}})
	issuer.waitForOutput(&issuer.out, "users sign in at (.*), without")
	backend := serve(t, serveEnv(db.Service, "http://"+address, "GOOGLE_CLIENT_ID=local")).waitReady()
	home := strings.Replace(backend.URL, "127.0.0.1", "localhost", 1)
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	page, err := browser.Get(home + "/api/v1/auth/google?return_to=/docs")
	must(t, err)
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	must(t, err)
	link := regexp.MustCompile(`href="([^"]*ann[^"]*)"`).FindStringSubmatch(string(text))
	if link == nil {
		t.Fatalf("%s offers no account", page.Request.URL)
	}
	target, err := page.Request.URL.Parse(html.UnescapeString(link[1]))
	must(t, err)
	back, err := browser.Get(target.String())
	must(t, err)
	defer back.Body.Close()
	if back.StatusCode != http.StatusOK || back.Request.URL.Path != "/docs" || back.Request.URL.RawQuery != "" {
		t.Fatalf("the browser ended at %s: %d", back.Request.URL, back.StatusCode)
	}
	auth, err := url.Parse(home + "/api/v1/auth/refresh")
	must(t, err)
	if len(jar.Cookies(auth)) == 0 {
		t.Error("the browser has no cookie")
	}
}

func TestIssuer_NeverRunsInProduction(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{
		{"GOOGLE_CLIENT_ID=local", "GOOGLE_ISSUER_URL=http://localhost:1"}, // production is the default
		{"APP_ENV=production", "GOOGLE_CLIENT_ID=local", "GOOGLE_ISSUER_URL=http://localhost:1"},
		{"APP_ENV=staging", "GOOGLE_CLIENT_ID=local", "GOOGLE_ISSUER_URL=http://localhost:1"},
	} {
		p := run(t, programOptions{args: []string{"issuer"}, env: env})
		p.wantExit(2)
		wantAll(t, p.logs.String(), "APP_ENV is not development", "without a password")
	}
}
