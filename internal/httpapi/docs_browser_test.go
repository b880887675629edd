package httpapi_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/chromium"
)

// cutSamples counts the code samples of createProject whose end is out of sight, and
// fails without any sample.
const cutSamples = `(() => {
	const samples = [...document.querySelectorAll('section[id$="tag/projects/POST/projects"] pre')]
	if (samples.length < 2) throw new Error(samples.length + ' samples')
	return samples.filter((s) => s.scrollWidth > s.parentElement.clientWidth || s.offsetWidth > s.parentElement.clientWidth).length
})()`

func TestDocs_PagesInBrowser(t *testing.T) {
	t.Parallel()
	ctx := chromium.New(t)
	server := testkit.Start(t)
	seen := &chromium.Errors{Host: strings.TrimPrefix(server.URL, "http://"), SignedOut: true}
	if err := chromedp.Listen(ctx, seen.Record); err != nil {
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
		seen.Check(t, "/docs")
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
	seen.Check(t, "/docs")

	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/problems/validation_failed")); err != nil {
		t.Error(err)
	}
	problem, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil || !strings.Contains(problem, "Validation failed") || !strings.Contains(problem, "What to do") {
		t.Errorf("/problems/validation_failed says %q: %v", problem, err)
	}
	seen.Check(t, "/problems/validation_failed")
}
