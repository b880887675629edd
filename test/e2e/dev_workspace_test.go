package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/codegenapp/codegenapp/internal/testkit/chromium"
)

// link is the one-time link, the first address of the banner.
func (d *devServer) link() string {
	d.t.Helper()
	return d.waitForOutput(&d.out, `(http\S+)`)[1]
}

// visitor is a client that stores cookies and does not follow redirects.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// visit sends a request as a browser does.
func visit(t *testing.T, by *http.Client, method, address string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(""))
	must(t, err)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if strings.HasSuffix(address, "/auth/refresh") {
		r.Header.Set("Accept", "*/*")
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := by.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res, string(text)
}

func TestDev_LinkSignsOneBrowserInOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(publicDir(t), "data")
	d := startDev(t, programOptions{args: []string{"--data", dir}})
	link := d.link()
	code, ok := strings.CutPrefix(link, d.URL+"/sign-in/")
	if !ok || len(code) < 26 {
		t.Fatalf("the first address is %s", link)
	}
	first, second := visitor(t), visitor(t)
	for _, method := range []string{http.MethodHead, http.MethodPost} { // neither uses the link
		if res, _ := visit(t, first, method, link); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s answered %s", method, res.Status)
		}
	}
	wantGone := func(by *http.Client, address string) {
		t.Helper()
		res, text := visit(t, by, http.MethodGet, address)
		if res.StatusCode != http.StatusGone || !strings.Contains(text, "This link no longer works") || !strings.Contains(text, `href="../api/v1/auth/google?return_to=/"`) {
			t.Errorf("%s answered %s: %s", address, res.Status, text)
		}
		if res.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", address)
		}
	}
	wantGone(first, link[:len(link)-1])
	wantGone(first, link+"x")

	signedIn, _ := visit(t, first, http.MethodGet, link)
	if signedIn.StatusCode != http.StatusSeeOther || signedIn.Header.Get("Location") != "../" || len(signedIn.Cookies()) != 1 {
		t.Fatalf("the link answered %s with %v", signedIn.Status, signedIn.Header)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := signedIn.Header.Get(name); got != want {
			t.Errorf("%s = %s", name, got)
		}
	}
	if _, text := visit(t, first, http.MethodPost, d.URL+"/api/v1/auth/refresh"); !strings.Contains(text, `"email":"ann@example.com"`) {
		t.Errorf("the session of the browser is %s", text)
	}
	// The browser that is signed in may open the link again; no other may.
	if res, _ := visit(t, first, http.MethodGet, link); res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 0 {
		t.Errorf("opened again, the link answered %s with %v", res.Status, res.Header)
	}
	wantGone(second, link)
	if strings.Contains(d.logs.String(), code) || strings.Contains(d.logs.String(), "sign-in") {
		t.Errorf("the log contains the link:\n%s", d.logs.String())
	}
	d.signal(syscall.SIGINT)
	d.wantStopped(dir)
}

// A user opens the printed address, and is signed in at the workspace and at the
// reference, also after a reload.
func TestDev_LinkOpensTheWorkspace(t *testing.T) {
	t.Parallel()
	ctx := chromium.New(t)
	dir := filepath.Join(publicDir(t), "data")
	d := startDev(t, programOptions{args: []string{"--data", dir}})
	link := d.link()
	seen := &chromium.Errors{Host: strings.TrimPrefix(d.URL, "http://")}
	must(t, chromedp.Listen(ctx, seen.Record))
	must(t, chromedp.Do(ctx, chromedp.Navigate(link), chromedp.WaitVisible(`//*[text()[contains(., "Example: library loans")]]`)))
	at, err := chromedp.Run(ctx, chromedp.Location())
	must(t, err)
	if at != d.URL+"/" {
		t.Errorf("the browser is at %s", at)
	}
	history, err := chromedp.Run(ctx, chromedp.NavigationEntries())
	must(t, err)
	for _, entry := range history.Entries {
		if strings.Contains(entry.URL, "sign-in") {
			t.Errorf("the history of the tab has %s", entry.URL)
		}
	}
	must(t, chromedp.Do(ctx, chromedp.Reload(), chromedp.WaitVisible(`//*[text()[contains(., "Example: library loans")]]`)))
	seen.Check(t, "the workspace")
	const signedIn = `//p[@id="session"][contains(., "Signed in as Ann")]`
	must(t, chromedp.Do(ctx, chromedp.Navigate(d.URL+"/docs"), chromedp.WaitVisible(signedIn), chromedp.Reload(), chromedp.WaitVisible(signedIn)))
	seen.Check(t, "/docs")
	d.signal(syscall.SIGINT)
	d.wantStopped(dir)
}

func TestDev_ExampleIsCreatedOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(publicDir(t), "data")
	options := programOptions{args: []string{"--data", dir}}
	first := startDev(t, options)
	found := first.runPrintedCommand()
	if len(found) != 1 || found[0].Title != "Example: library loans" {
		t.Fatalf("a new server has the projects %v", found)
	}
	var specifications struct {
		Specifications []struct {
			ID, Title string
			ItemCount int `json:"item_count"`
		}
	}
	get(t, first.URL+"/api/v1/projects/"+found[0].ID+"/specs", first.token).want(http.StatusOK).decode(&specifications)
	var titles []string
	for _, specification := range specifications.Specifications {
		titles = append(titles, specification.Title)
		if specification.ItemCount < 5 {
			t.Errorf("%s has %d items", specification.Title, specification.ItemCount)
		}
	}
	if want := []string{"How to use this workspace", "Borrowing a book", "Reminders by e-mail"}; !slices.Equal(titles, want) {
		t.Errorf("the example has %q, want %q", titles, want)
	}
	send(t, http.MethodDelete, first.URL+"/api/v1/projects/"+found[0].ID, first.token, "").want(http.StatusNoContent)
	first.signal(syscall.SIGINT)
	first.wantStopped(dir)

	second := startDev(t, options)
	if found := second.runPrintedCommand(); len(found) != 0 {
		t.Errorf("after its deletion, the second start has created %v", found)
	}
	second.signal(syscall.SIGINT)
	second.wantStopped(dir)
}
