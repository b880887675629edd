package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/chromium"
)

// sentRequest is a request that a page has sent.
type sentRequest struct {
	operation string
	query     string
	headers   []string // their names in lower case
	body      string
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
			path, query, _ := strings.Cut(path, "?")
			sent := sentRequest{operation: e.Request.Method + " " + path, query: query, headers: names}
			for _, part := range e.Request.PostDataEntries {
				sent.body += string(part.Bytes)
			}
			s.all[e.RequestID] = sent
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

// sendFromReference sends the prefilled request of an operation, which goes to a path, and
// returns it.
func sendFromReference(ctx context.Context, t *testing.T, sent *sentRequests, operation, sentTo string) sentRequest {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	err := chromedp.Do(ctx,
		chromedp.Click(`//section[contains(@id, "/`+method+path+`")]//button[contains(., "Test Request")]`),
		chromedp.Click(`(//button[contains(., "Send `+strings.ToLower(method)+` request")])[1]`))
	if err != nil {
		t.Fatalf("send %s from the reference: %v", operation, err)
	}
	for tick := time.NewTicker(10 * time.Millisecond); len(sent.of(method+" "+sentTo)) == 0; <-tick.C {
		if ctx.Err() != nil {
			t.Fatalf("%s is not answered", operation)
		}
	}
	return sent.of(method + " " + sentTo)[0]
}

// The session of the browser is the one of the reference, until the user signs out.
func TestDocs_ReferenceUsesTheSessionOfTheBrowser(t *testing.T) {
	t.Parallel()
	ctx := chromium.New(t)
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
	created := sendFromReference(ctx, t, sent, "POST /projects", "/projects")
	if created.status != http.StatusCreated || !slices.Contains(created.headers, "authorization") {
		t.Errorf("the prefilled creation is %+v", created)
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

// A prefilled request has no condition, key, filter or position that the user did not
// choose. The ids are examples, so most of
// these requests get 404.
func TestDocs_ReferenceSendsOnlyWhatIsMeant(t *testing.T) {
	t.Parallel()
	ctx := chromium.New(t)
	server := testkit.Start(t)
	sent := &sentRequests{all: map[network.RequestID]sentRequest{}}
	if err := chromedp.Listen(ctx, sent.record); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/docs"), chromedp.Click(`//p[@id="session"]/a`), chromedp.Click(`//ul//a`), signedInAs(""))
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	const (
		specification = "/specs/01a2043e-6e8b-7c3d-9a41-5b0e27d683c1"
		item          = "/items/01a2043e-6e8b-7c3d-9a41-5b0e27d683d2"
	)
	for n, tc := range []struct{ tag, operation, path, query, body string }{
		{tag: "projects", operation: "POST /projects", body: `{"title":"Invoice portal","description":"Customers see and pay their invoices."}`},
		{tag: "items", operation: "POST /specs/{id}/items", path: specification + "/items", body: `{"content":"Refunds above 500 need a second person."}`},
		{tag: "items", operation: "PATCH /items/{id}", path: item, body: `{"content":"Refunds above 500 need a second person."}`},
		{tag: "items", operation: "PUT /items/{id}", path: item, body: `{"content":"Refunds above 500 need a second person."}`},
		{tag: "specifications", operation: "GET /specs/{id}", path: specification},
		{tag: "search", operation: "GET /search", query: "q=refund+%22within+a+day%22+-invoice&page_size=50"},
		{tag: "sessions", operation: "POST /auth/logout", body: "{}"},
	} {
		method, path, _ := strings.Cut(tc.operation, " ")
		page := server.URL + "/docs?" + strconv.Itoa(n) + "#tag/" + tc.tag + "/" + method + path
		if err := chromedp.Do(ctx, chromedp.Navigate(page), signedInAs("")); err != nil {
			t.Fatalf("open %s: %v", page, err)
		}
		got := sendFromReference(ctx, t, sent, tc.operation, cmp.Or(tc.path, path))
		if got.query != tc.query || compact(got.body) != tc.body {
			t.Errorf("%s sends %q, %s", tc.operation, got.query, got.body)
		}
		for _, header := range []string{"idempotency-key", "if-match", "if-none-match"} {
			if slices.Contains(got.headers, header) {
				t.Errorf("%s sends an example of %s", tc.operation, header)
			}
		}
	}
}

// compact is JSON without white space between its tokens.
func compact(text string) string {
	var out bytes.Buffer
	if json.Compact(&out, []byte(text)) != nil {
		return text
	}
	return out.String()
}
