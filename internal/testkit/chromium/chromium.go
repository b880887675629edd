// Package chromium runs the installed Chromium in tests of pages.
package chromium

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
)

// New starts a headless Chromium for this test. Without one installed
// the test is skipped, but not in CI, where the skip would go unnoticed.
func New(t *testing.T) context.Context {
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
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
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

// Errors collects what a page must not do: log an error, throw, violate
// its policy (which the browser logs), request another host, or request what
// does not exist.
type Errors struct {
	// Host is the only one that the page may request.
	Host string
	// SignedOut is true if the page may find that the browser has no session.
	SignedOut bool

	mu  sync.Mutex
	all []string
	// requests counts requests, so that a test that observes none fails.
	requests int
}

// Record records an event of the browser: chromedp.Listen(ctx, errors.Record).
func (c *Errors) Record(event any) {
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
		noSession := c.SignedOut && e.Entry.Source == log.EntrySourceNetwork && strings.HasSuffix(e.Entry.URL, "/auth/refresh")
		if !noSession && (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) {
			complain("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		c.requests++
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Host != c.Host {
			complain("asked another host: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		noSession := c.SignedOut && strings.HasSuffix(e.Response.URL, "/auth/refresh")
		if e.Response.Status >= 400 && !noSession {
			complain("asked for what is not there: %s answered %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		complain("a request failed: %s %s", e.ErrorText, e.BlockedReason)
	}
}

// Check fails the test if the page has done any of it, and begins anew.
func (c *Errors) Check(t *testing.T, page string) {
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
