package e2e

import (
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// saved is what a developer keeps from one start to the next.
type saved struct{ Database, Issuer string }

// save reads it from the banner.
func (d *devServer) save() saved {
	d.t.Helper()
	return saved{
		Database: d.waitForOutput(&d.out, `(?m)^ +database +psql "(postgres://\S+)"`)[1],
		Issuer:   d.waitForOutput(&d.out, `(?m)^ +issuer +(http://\S+) `)[1],
	}
}

func TestDev_TokensCookiesAndConnectionsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(publicDir(t), "data")
	_, port, _ := strings.Cut(freeAddress(t), ":")
	options := programOptions{args: []string{"--data", dir, "--port", port}}
	first := startDev(t, options)
	before := first.save()

	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	signIn := first.waitForOutput(&first.out, `(?m)^ +sign in +(http\S+)$`)[1]
	page, err := browser.Get(signIn)
	must(t, err)
	must(t, page.Body.Close())
	chosen := page.Request.URL
	query := chosen.Query()
	query.Set("login_hint", "carol@example.org") // as the form of the page sends it
	chosen.RawQuery = query.Encode()
	done, err := browser.Get(chosen.String())
	must(t, err)
	must(t, done.Body.Close())
	if done.Request.URL.Path != "/" {
		t.Fatalf("the sign-in of another address ends at %s with %s", done.Request.URL, done.Status)
	}
	first.signal(syscall.SIGINT)
	first.wantStopped(dir)

	second := startDev(t, options)
	if diff := cmp.Diff(before, second.save()); diff != "" {
		t.Errorf("after the restart (-want +got):\n%s", diff)
	}
	get(t, second.URL+"/api/v1/users/me", first.token).want(http.StatusOK)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, second.URL+"/api/v1/auth/refresh", strings.NewReader("{}"))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	refreshed, err := browser.Do(r)
	must(t, err)
	must(t, refreshed.Body.Close())
	if refreshed.StatusCode != http.StatusOK {
		t.Errorf("the cookie of the first start is answered %s", refreshed.Status)
	}
	second.signal(syscall.SIGINT)
	second.wantStopped(dir)
}

func TestDev_StoresTheTokenForScripts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(publicDir(t), "data")
	must(t, os.Mkdir(dir, 0o755))
	file := filepath.Join(dir, "token")
	must(t, os.WriteFile(file, []byte("an older one\n"), 0o644))
	d := startDev(t, programOptions{args: []string{"--data", dir}})
	text, err := os.ReadFile(file)
	must(t, err)
	if string(text) != d.token+"\n" {
		t.Errorf("%s contains %q, the banner has %q", file, text, d.token)
	}
	for _, name := range []string{"token", "secret.key", "jwt.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", name, info.Mode())
		}
	}
	export := d.waitForOutput(&d.out, `(?m)^ +(export API=\S+ TOKEN=\S+)$`)[1]
	out := runShell(t, export+`; curl -sS -H "Authorization: Bearer $TOKEN" "$API/users/me"`)
	wantAll(t, out, `"email":"ann@example.com"`)
	d.signal(syscall.SIGINT)
	d.wantStopped(dir)
}

func TestDev_BannerFollowsTheSettings(t *testing.T) {
	t.Parallel()
	d := startDev(t, programOptions{args: []string{"--data", filepath.Join(publicDir(t), "data")}, env: []string{
		"JWT_ACCESS_TOKEN_EXPIRES=90", "RATELIMIT_DEFAULT=7/second", "ADMIN_EMAILS=ben@example.com",
	}})
	wantAll(t, d.out.String(), "valid for 1m30s", "7/second", "ben@example.com (admin)", d.URL+"/docs")
	wantNone(t, d.out.String(), "admin@example.com (admin)")

	other := startDev(t, programOptions{args: []string{"--data", filepath.Join(publicDir(t), "data")}, env: []string{"RATELIMIT_ENABLED=false"}})
	wantAll(t, other.out.String(), "valid for 1h", "no rate limits", "admin@example.com (admin)")
	other.waitForOutput(&other.logs, `(?m)^\d\d:\d\d:\d\d POST /api/v1/auth/login 200 (<1|\d+)ms$`)
}

// Front ends in development are served from any port of this machine.
func TestDev_AllowsPagesOfThisMachine(t *testing.T) {
	t.Parallel()
	d := startDev(t, programOptions{args: []string{"--data", filepath.Join(publicDir(t), "data")}})
	for origin, allowed := range map[string]bool{
		"http://localhost:5173": true, "http://127.0.0.1:3000": true, "http://localhost": true,
		"http://localhost.example.com": false, "https://app.example.com": false,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+"/api/v1/projects", http.NoBody)
		must(t, err)
		r.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, res.Body.Close())
		if got := res.Header.Get("Access-Control-Allow-Origin"); (got == origin) != allowed {
			t.Errorf("a page of %s gets Access-Control-Allow-Origin %q", origin, got)
		}
	}
}

func TestDev_OpensTheBrowser(t *testing.T) {
	t.Parallel()
	dir := publicDir(t)
	opened := filepath.Join(dir, "opened")
	for _, name := range []string{"xdg-open", "open"} { // Linux, macOS
		script := "#!/bin/sh\necho \"$1\" > " + opened + ".new && mv " + opened + ".new " + opened + "\n"
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700))
	}
	d := startDev(t, programOptions{
		args: []string{"--data", filepath.Join(dir, "data"), "--open"}, env: []string{"PATH=" + dir + ":" + os.Getenv("PATH")},
	})
	waitUntil(t, "a browser is opened", func() bool {
		address, err := os.ReadFile(opened)
		return err == nil && string(address) == d.link()+"\n"
	})
}
