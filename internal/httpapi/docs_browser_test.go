package httpapi_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// newChromium starts a headless Chromium for this test. Without one installed
// the test is skipped, but not in CI, where the skip would go unnoticed.
func newChromium(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		const reason = "no Chromium is installed to look at the pages with: apt-get install chromium"
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	// Its directory is new and empty. The package removes it.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.WindowSize(1440, 900), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	return ctx
}

// browserErrors collects what a page must not do: log an error, throw, violate
// its policy (which the browser logs), request another host, or request what
// does not exist.
type browserErrors struct {
	host string
	// signedOut is true if the page may find that the browser has no session.
	signedOut bool

	mu  sync.Mutex
	all []string
	// requests counts requests, so that a test that observes none fails.
	requests int
}

func (c *browserErrors) record(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	complain := func(format string, args ...any) { c.all = append(c.all, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complain("exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, arg := range e.Args {
				complain("console: %s %s", arg.Value, arg.Description)
			}
		}
	case *log.EventEntryAdded:
		noSession := c.signedOut && e.Entry.Source == log.EntrySourceNetwork && strings.HasSuffix(e.Entry.URL, "/auth/refresh")
		if !noSession && (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) {
			complain("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		c.requests++
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Host != c.host {
			complain("asked another host: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		noSession := c.signedOut && strings.HasSuffix(e.Response.URL, "/auth/refresh")
		if e.Response.Status >= 400 && !noSession {
			complain("asked for what is not there: %s answered %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		complain("a request failed: %s %s", e.ErrorText, e.BlockedReason)
	}
}

func (c *browserErrors) check(t *testing.T, page string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, complaint := range c.all {
		t.Errorf("%s: %s", page, complaint)
	}
	if c.requests == 0 {
		t.Errorf("%s: no request was observed", page)
	}
	c.all, c.requests = nil, 0
}

// cutSamples counts the code samples of createProject whose end is out of sight, and
// fails without any sample.
const cutSamples = `(() => {
	const samples = [...document.querySelectorAll('section[id$="tag/projects/POST/projects"] pre')]
	if (samples.length < 2) throw new Error(samples.length + ' samples')
	return samples.filter((s) => s.scrollWidth > s.parentElement.clientWidth || s.offsetWidth > s.parentElement.clientWidth).length
})()`

func TestDocs_PagesInBrowser(t *testing.T) {
	t.Parallel()
	ctx := newChromium(t)
	server := testkit.Start(t)
	seen := &browserErrors{host: strings.TrimPrefix(server.URL, "http://"), signedOut: true}
	if err := chromedp.Listen(ctx, seen.record); err != nil {
		t.Fatalf("start the browser: %v", err)
	}

	const (
		group     = chromedp.CSS(`a[href="#tag/projects"]`)
		link      = chromedp.CSS(`a[href="#tag/projects/POST/projects"]`)
		operation = chromedp.CSS(`section[id$="tag/projects/POST/projects"]`)
		example   = `//section[contains(@id, "tag/projects/POST/projects")]//*[contains(text(), "Customers see and pay their invoices.")]`
	)
	err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/docs"), chromedp.Click(group), chromedp.Click(link), chromedp.WaitVisible(example))
	if err != nil {
		seen.check(t, "/docs")
		t.Fatalf("/docs does not show the example of createProject: %v", err)
	}
	reference, err := chromedp.Run(ctx, chromedp.Text(operation))
	if err != nil {
		t.Error(err)
	}
	for _, part := range []string{"Create a project", "Idempotency-Key", `"title": "Invoice portal"`, "project_limit_reached"} {
		if !strings.Contains(reference, part) {
			t.Errorf("/docs does not show %s of createProject: %s", part, reference)
		}
	}
	// On a narrow screen, too.
	for _, width := range []int64{1280, 360} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
			t.Fatal(err)
		}
		cut, err := chromedp.Run(ctx, chromedp.Evaluate[int](cutSamples))
		if err != nil || cut != 0 {
			t.Errorf("/docs cuts %d samples at the right when it is %d wide: %v", cut, width, err)
		}
	}
	seen.check(t, "/docs")

	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/problems/validation_failed")); err != nil {
		t.Error(err)
	}
	problem, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil || !strings.Contains(problem, "Validation failed") || !strings.Contains(problem, "What to do") {
		t.Errorf("/problems/validation_failed says %q: %v", problem, err)
	}
	seen.check(t, "/problems/validation_failed")
}
