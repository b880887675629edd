package httpapi_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// sentRequest is a request that a page has sent.
type sentRequest struct {
	operation string
	headers   []string // their names in lower case
	status    int64
}

// sentRequests records the requests of a page to the API.
type sentRequests struct {
	mu  sync.Mutex
	all map[network.RequestID]sentRequest
}

func (s *sentRequests) record(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if _, path, ok := strings.Cut(e.Request.URL, "/api/v1"); ok {
			names := slices.Collect(maps.Keys(e.Request.Headers))
			for n := range names {
				names[n] = strings.ToLower(names[n])
			}
			s.all[e.RequestID] = sentRequest{operation: e.Request.Method + " " + path, headers: names}
		}
	case *network.EventResponseReceived:
		if sent, ok := s.all[e.RequestID]; ok {
			sent.status = e.Response.Status
			s.all[e.RequestID] = sent
		}
	}
}

func (s *sentRequests) of(operation string) []sentRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []sentRequest
	for _, sent := range s.all {
		if sent.operation == operation && sent.status != 0 {
			found = append(found, sent)
		}
	}
	return found
}

// signedInAs waits until the page shows the user of the session.
func signedInAs(name string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(`//p[@id="session"][contains(., "Signed in as ` + name + `")]`)
}

// createFromReference sends the prefilled creation of a project, and returns it.
func createFromReference(ctx context.Context, t *testing.T, sent *sentRequests) sentRequest {
	t.Helper()
	const operation = "POST /projects"
	err := chromedp.Do(ctx,
		chromedp.Click(`//section[contains(@id, "tag/projects/POST/projects")]//button[contains(., "Test Request")]`),
		chromedp.Click(`(//button[contains(., "Send post request")])[1]`))
	if err != nil {
		t.Fatalf("send %s from the reference: %v", operation, err)
	}
	for tick := time.NewTicker(10 * time.Millisecond); len(sent.of(operation)) == 0; <-tick.C {
		if ctx.Err() != nil {
			t.Fatalf("%s is not answered", operation)
		}
	}
	return sent.of(operation)[0]
}

// The session of the browser is the one of the reference, until the user signs out.
func TestDocs_ReferenceUsesTheSessionOfTheBrowser(t *testing.T) {
	t.Parallel()
	ctx := newChromium(t)
	server := testkit.Start(t)
	sent := &sentRequests{all: map[network.RequestID]sentRequest{}}
	if err := chromedp.Listen(ctx, sent.record); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	// A user signs in by the link of the page.
	err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/docs"), chromedp.Click(`//p[@id="session"]/a`), chromedp.Click(`//ul//a`), signedInAs(""))
	if err != nil {
		t.Fatalf("sign in by the link of /docs: %v", err)
	}
	// Neither the session nor the token is lost by a reload.
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/docs#tag/projects/POST/projects"), chromedp.Reload(), signedInAs("")); err != nil {
		t.Fatalf("reload /docs: %v", err)
	}
	created := createFromReference(ctx, t, sent)
	if created.status != http.StatusCreated || !slices.Contains(created.headers, "authorization") {
		t.Errorf("the prefilled creation is %+v", created)
	}
	for _, condition := range []string{"idempotency-key", "if-match", "if-none-match"} {
		if slices.Contains(created.headers, condition) {
			t.Errorf("the page sends an example of %s", condition)
		}
	}
	err = chromedp.Do(ctx, chromedp.Navigate(server.URL+"/problems"), chromedp.Navigate(server.URL+"/docs"), signedInAs(""),
		chromedp.Click(`//p[@id="session"]/button`), chromedp.WaitVisible(`//p[@id="session"]/a[.="Sign in"]`))
	if err != nil {
		t.Errorf("sign out: %v", err)
	}
	if ended := sent.of("POST /auth/logout"); len(ended) != 1 || ended[0].status != http.StatusNoContent {
		t.Errorf("signing out has sent %v", ended)
	}
}
