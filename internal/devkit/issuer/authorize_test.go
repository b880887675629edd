package issuer_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

func TestAuthorize_RedirectURIKeepsItsQuery(t *testing.T) {
	t.Parallel()
	app := start(t).client(t)
	if got := authorize(t, app, oauth2.GenerateVerifier()).Get("from"); got != "google" {
		t.Errorf("the query of the redirect URI became %q", got)
	}
}

// Only a registered redirect URI receives a response, also an error.
func TestAuthorize_UnknownRedirectURIsAreRejected(t *testing.T) {
	t.Parallel()
	app := start(t).client(t)
	for name, change := range map[string]oauth2.AuthCodeOption{
		"another host":              oauth2.SetAuthURLParam("redirect_uri", "https://evil.example.com/callback"),
		"a path below":              oauth2.SetAuthURLParam("redirect_uri", callback+"/x"),
		"the URI of another client": oauth2.SetAuthURLParam("redirect_uri", "com.example.app:/callback"),
		"no redirect_uri":           oauth2.SetAuthURLParam("redirect_uri", ""),
		"an unknown client":         oauth2.SetAuthURLParam("client_id", "nobody"),
		"no client":                 oauth2.SetAuthURLParam("client_id", ""),
	} {
		res := get(t, app.AuthCodeURL("s", change, oauth2.SetAuthURLParam("login_hint", "ann@example.com")))
		if res.status != http.StatusBadRequest || res.location != "" {
			t.Errorf("%s: responded %d to %q, want 400 and no redirect", name, res.status, res.location)
		}
	}
	twice := get(t, app.AuthCodeURL("s")+"&redirect_uri=https://evil.example.com")
	if twice.status != http.StatusBadRequest {
		t.Errorf("a redirect_uri given twice: responded %d, want 400", twice.status)
	}
}

// Programs on the user's own machine listen on whatever port is free.
func TestAuthorize_LoopbackAllowsAnyPort(t *testing.T) {
	t.Parallel()
	for redirectURI, allowed := range map[string]bool{
		"http://127.0.0.1/callback":              true,
		"http://127.0.0.1:49152/callback":        true,
		"http://localhost:5173/callback":         true,
		"http://127.0.0.1:49152/callback/x":      false,
		"http://127.0.0.1:49152/another":         false,
		"http://127.0.0.2:49152/callback":        false,
		"https://127.0.0.1:49152/callback":       false,
		"http://127.0.0.1.example.com/callback":  false,
		"http://user@127.0.0.1:49152/callback":   false,
		"http://127.0.0.1:49152@evil.example/":   false,
		"https://app.example.com:8443/callback?": false,
	} {
		cfg := config(t, "http://localhost:1")
		cfg.Clients[0].RedirectURIs = []string{callback, "http://127.0.0.1/callback", "http://localhost/callback"}
		i, err := issuer.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		response := httptest.NewRecorder()
		i.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/authorize?"+url.Values{
			"client_id": {"web&app"}, "redirect_uri": {redirectURI},
		}.Encode(), http.NoBody))
		if (response.Code == http.StatusFound) != allowed {
			t.Errorf("%s: responded %d", redirectURI, response.Code)
		}
	}
}

// A page that is developed on this machine completes a sign-in at a path of its own.
func TestAuthorize_AnyLoopbackAllowsAnyPath(t *testing.T) {
	t.Parallel()
	cfg := config(t, "http://localhost:1")
	cfg.Clients[0].AnyLoopback = true
	i, err := issuer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for redirectURI, allowed := range map[string]bool{
		"http://localhost:5173/signed-in":      true,
		"http://127.0.0.1:3000/":               true,
		callback:                               true,
		"https://localhost:5173/signed-in":     false,
		"http://localhost.example.com/":        false,
		"http://192.0.2.7:5173/signed-in":      false,
		"":                                     false,
		"https://another.example.com/callback": false,
	} {
		response := httptest.NewRecorder()
		i.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/authorize?"+url.Values{
			"client_id": {"web&app"}, "redirect_uri": {redirectURI},
		}.Encode(), http.NoBody))
		if (response.Code == http.StatusFound) != allowed {
			t.Errorf("%s: responded %d", redirectURI, response.Code)
		}
	}
}

func TestAuthorize_ErrorsAreSentToTheClient(t *testing.T) {
	t.Parallel()
	app := start(t).client(t)
	good := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(oauth2.GenerateVerifier()), oauth2.SetAuthURLParam("login_hint", "ann@example.com"),
	}
	for name, tc := range map[string]struct{ param, value, want string }{
		"the implicit flow":      {"response_type", "id_token", "unsupported_response_type"},
		"a scope without openid": {"scope", "email", "invalid_scope"},
		"a plain challenge":      {"code_challenge_method", "plain", "invalid_request"},
		"no method":              {"code_challenge_method", "", "invalid_request"},
		"no challenge":           {"code_challenge", "", "invalid_request"},
		"a short challenge":      {"code_challenge", "abc", "invalid_request"},
	} {
		options := slices.Concat(good, []oauth2.AuthCodeOption{oauth2.SetAuthURLParam(tc.param, tc.value)})
		response := back(t, get(t, app.AuthCodeURL("s", options...)), app.RedirectURL)
		if response.Get("error") != tc.want || response.Get("state") != "s" || response.Has("code") {
			t.Errorf("%s: responded %v, want %s", name, response, tc.want)
		}
	}
	response := back(t, get(t, app.AuthCodeURL("s", good...)+"&nonce=a&nonce=b"), app.RedirectURL)
	if response.Get("error") != "invalid_request" || response.Has("code") {
		t.Errorf("a nonce given twice: responded %v", response)
	}
}

func TestAuthorize_PageListsTheUsers(t *testing.T) {
	t.Parallel()
	app, verifier := start(t).client(t), oauth2.GenerateVerifier()
	at := app.AuthCodeURL("st&te", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("login_hint", "unknown@example.com"))
	res := get(t, at)
	if res.status != http.StatusOK {
		t.Fatalf("responded %d, want the page", res.status)
	}
	if policy := res.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("the policy of the page is %q", policy)
	}
	page := string(res.body)
	for _, never := range []string{"<script", "style", "Bob <b>"} {
		if strings.Contains(page, never) {
			t.Errorf("the page contains %q", never)
		}
	}
	_, link, found := strings.Cut(page, `<a href="`)
	link, _, _ = strings.Cut(link, `"`)
	if !found || !strings.Contains(page, "Ann (ann@example.com)") || !strings.Contains(page, "Bob &lt;b&gt; (bob@example.com)") {
		t.Fatalf("the page is:\n%s", page)
	}
	here, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	next, err := here.Parse(html.UnescapeString(link))
	if err != nil {
		t.Fatal(err)
	}
	response := back(t, get(t, next.String()), app.RedirectURL)
	token, err := app.Exchange(t.Context(), response.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil || response.Get("state") != "st&te" || token.Extra("id_token") == nil {
		t.Errorf("the link of the page leads to %v, %v", response, err)
	}
}

func TestAuthorize_AnyUserSignsInByAddress(t *testing.T) {
	t.Parallel()
	cfg := config(t, "http://localhost:1")
	cfg.AnyUser = true
	i, err := issuer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	request := url.Values{
		"client_id": {"web&app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"a<b"},
		"code_challenge_method": {"S256"}, "code_challenge": {strings.Repeat("x", 43)},
	}
	page := httptest.NewRecorder()
	i.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/authorize?"+request.Encode(), http.NoBody))
	for _, part := range []string{"<form>", `type="email" name="login_hint"`, `<input type="hidden" name="state" value="a&lt;b">`} {
		if !strings.Contains(page.Body.String(), part) {
			t.Errorf("the page has no %s:\n%s", part, page.Body)
		}
	}
	if policy := page.Header().Get("Content-Security-Policy"); strings.Contains(policy, "form-action") {
		t.Errorf("the policy %q blocks the redirect after the form", policy)
	}
	for hint, allowed := range map[string]bool{
		"carol@example.org": true, "ann@example.com": true, "CAROL@example.org": true,
		"": false, "carol": false, "Carol <carol@example.org>": false, "carol@example.org, eve@example.org": false,
	} {
		request.Set("login_hint", hint)
		response := httptest.NewRecorder()
		i.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/authorize?"+request.Encode(), http.NoBody))
		if hasCode := strings.Contains(response.Header().Get("Location"), "code="); hasCode != allowed {
			t.Errorf("%q: responded %d to %q", hint, response.Code, response.Header().Get("Location"))
		}
	}
}
