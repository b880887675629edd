package e2e

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A user opens the sign-in address of the banner, chooses Ann on the page that stands
// in for Google, and is signed in, by either host name of this machine.
func TestDev_SignsABrowserIn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(publicDir(t), "data")
	d := startDev(t, programOptions{args: []string{"--data", dir}})
	begin := d.waitForOutput(&d.out, `(?m)^ +sign in +(http\S+)$`)[1]
	for _, host := range []string{"127.0.0.1", "localhost"} {
		jar, err := cookiejar.New(nil)
		must(t, err)
		browser := &http.Client{Jar: jar}
		open := func(method, address, body string) (*http.Response, string) {
			r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
			must(t, err)
			r.Header.Set("Accept", "text/html,*/*;q=0.8")
			if method == http.MethodPost {
				r.Header.Set("Content-Type", "application/json")
			}
			res, err := browser.Do(r)
			must(t, err)
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			must(t, err)
			return res, string(text)
		}
		at, page := open(http.MethodGet, strings.Replace(begin, "localhost", host, 1), "")
		_, link, found := strings.Cut(page, `<a href="`)
		link, _, _ = strings.Cut(link, `"`)
		if !found {
			t.Fatalf("%s answered %s: %s", at.Request.URL, at.Status, page)
		}
		chosen, err := at.Request.URL.Parse(html.UnescapeString(link))
		must(t, err)
		server := strings.Replace(d.URL, "localhost", host, 1)
		if done, _ := open(http.MethodGet, chosen.String(), ""); done.StatusCode != http.StatusOK || done.Request.URL.String() != server+"/" {
			t.Errorf("the browser ends at %s with %s", done.Request.URL, done.Status)
		}
		if _, pair := open(http.MethodPost, server+"/api/v1/auth/refresh", "{}"); !strings.Contains(pair, `"email":"ann@example.com"`) {
			t.Errorf("the refresh is answered %s", pair)
		}
		if left, text := open(http.MethodPost, server+"/api/v1/auth/logout", "{}"); left.StatusCode != http.StatusNoContent {
			t.Errorf("the logout is answered %s: %s", left.Status, text)
		}
	}
	d.signal(syscall.SIGINT)
	d.wantStopped(dir)
}
