package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/chromium"
)

// behindPrefix starts a server, and a proxy that has it below a path. It returns the URL
// of the workspace there.
func behindPrefix(t *testing.T, prefix string) (*testkit.Server, string) {
	t.Helper()
	proxy := httptest.NewUnstartedServer(nil)
	address := "http://" + proxy.Listener.Addr().String() + prefix
	s := testkit.Start(t, public(address))
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Config.Handler = http.StripPrefix(prefix, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	proxy.Start()
	t.Cleanup(proxy.Close)
	return s, address
}

// A person opens a link to a project, signs in, and is at the project: at the root of a
// host, and below a path of it.
func TestWorkspace_SignInReturnsToDeepLink(t *testing.T) {
	t.Parallel()
	root := testkit.Start(t)
	below, address := behindPrefix(t, "/requirements")
	for name, tc := range map[string]struct {
		s   *testkit.Server
		url string
	}{"at the root": {root, root.URL}, "below a prefix": {below, address}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := chromium.New(t)
			ann := tc.s.SignIn(t, "ann@example.com")
			project := newProject(ann, "Invoices")
			link := tc.url + "/p/" + project.ID
			err := chromedp.Do(ctx, chromedp.Navigate(link), chromedp.Click(`//a[.="Sign in with Google"]`), chromedp.Click(`//ul//a[contains(., "Ann")]`),
				chromedp.WaitVisible(`//h1[contains(., "Invoices")]`))
			if err != nil {
				t.Fatalf("sign in from %s: %v", link, err)
			}
			at, err := chromedp.Run(ctx, chromedp.Location())
			if err != nil || at != link {
				t.Errorf("the browser is at %s, not at %s: %v", at, link, err)
			}
			// Neither the sign-in nor the page is lost by a reload.
			seen := &chromium.Errors{Host: hostOf(t, tc.url)}
			if err := chromedp.Listen(ctx, seen.Record); err != nil {
				t.Fatal(err)
			}
			if err := chromedp.Do(ctx, chromedp.Reload(), chromedp.WaitVisible(`//h1[contains(., "Invoices")]`)); err != nil {
				t.Errorf("reload: %v", err)
			}
			seen.Check(t, link)
		})
	}
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ToLower(at.Host)
}
