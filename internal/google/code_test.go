package google_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// page is where an attempt begins.
func (w *fixture) page(t *testing.T, of auth.AuthorizationRequest) *url.URL {
	t.Helper()
	address, err := w.AuthCodeURL(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// comeBack signs Ann in on the page of an attempt, and returns her code.
func (w *fixture) comeBack(t *testing.T, of auth.AuthorizationRequest) string {
	t.Helper()
	page := w.page(t, of)
	page.RawQuery += "&login_hint=ann@example.com"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page.String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil || !strings.HasPrefix(back.String(), of.RedirectURI+"?") || back.Query().Get("state") != of.State {
		t.Fatalf("%s leads to %v, %v", page, back, err)
	}
	return back.Query().Get("code")
}

func TestAuthCodeURL_HasStateNonceAndPKCE(t *testing.T) {
	t.Parallel()
	w := start(t)
	page := w.page(t, auth.AuthorizationRequest{
		RedirectURI: redirectURI, State: "st", Nonce: "no", Verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	})
	want := url.Values{
		"client_id": {clientID}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"st"}, "nonce": {"no"}, "prompt": {"select_account"},
		// RFC 7636, appendix B.
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, page.Query()); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	page.RawQuery = ""
	if page.String() != w.url+"/authorize" {
		t.Errorf("the page is %s", page)
	}
}

func TestExchangeCode_CodeIsExchangedOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	of := auth.NewAuthorizationRequest(redirectURI)
	code := w.comeBack(t, of)
	got, err := w.ExchangeCode(t.Context(), code, of)
	if err != nil || got.Email != "ann@example.com" || got.Issuer != w.url || got.Token == [32]byte{} {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = w.ExchangeCode(t.Context(), code, of)
	wantFault(t, err, problem.GoogleTokenInvalid, "a second exchange")
}

func TestExchangeCode_CodeBelongsToItsRequest(t *testing.T) {
	t.Parallel()
	w := start(t)
	other := auth.NewAuthorizationRequest(redirectURI)
	for name, change := range map[string]func(*auth.AuthorizationRequest, *string){
		"another code":     func(_ *auth.AuthorizationRequest, code *string) { *code = "4/another" },
		"no code":          func(_ *auth.AuthorizationRequest, code *string) { *code = "" },
		"another verifier": func(a *auth.AuthorizationRequest, _ *string) { a.Verifier = other.Verifier },
		"no verifier":      func(a *auth.AuthorizationRequest, _ *string) { a.Verifier = "" },
		"the challenge itself": func(a *auth.AuthorizationRequest, _ *string) {
			a.Verifier = w.page(t, *a).Query().Get("code_challenge")
		},
		"another nonce":        func(a *auth.AuthorizationRequest, _ *string) { a.Nonce = other.Nonce },
		"another redirect URI": func(a *auth.AuthorizationRequest, _ *string) { a.RedirectURI += "/" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of := auth.NewAuthorizationRequest(redirectURI)
			code := w.comeBack(t, of)
			change(&of, &code)
			_, err := w.ExchangeCode(t.Context(), code, of)
			wantFault(t, err, problem.GoogleTokenInvalid, name)
		})
	}
}

func TestExchangeCode_IssuerFailures(t *testing.T) {
	t.Parallel()
	oauthError := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "canary"})
		}
	}
	// with is a response whose parts are good but for some.
	with := func(parts map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(parts)
		}
	}
	for name, tc := range map[string]struct {
		handle http.HandlerFunc
		want   problem.Code
	}{
		"a code that it does not know":    {oauthError(400, "invalid_grant"), problem.GoogleTokenInvalid},
		"a request that it does not like": {oauthError(400, "invalid_request"), problem.GoogleTokenInvalid},
		"another redirect URI":            {oauthError(400, "redirect_uri_mismatch"), problem.GoogleTokenInvalid},
		"no client of its own":            {oauthError(401, "invalid_client"), problem.Unavailable},
		"a client that may not":           {oauthError(400, "unauthorized_client"), problem.Unavailable},
		"a failure of its own":            {oauthError(500, "server_error"), problem.Unavailable},
		"a failure without form":          {failing, problem.Unavailable},
		"too many requests":               {oauthError(429, "rate_limit_exceeded"), problem.Unavailable},
		"nothing":                         {body(""), problem.Unavailable},
		"a page":                          {body("<html>canary"), problem.Unavailable},
		"without end":                     {broken["endless"], problem.Unavailable},
		"slowly":                          {broken["slow"], problem.Unavailable},
		"elsewhere":                       {broken["elsewhere"], problem.Unavailable},
		"from around the corner": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/token-elsewhere", http.StatusTemporaryRedirect)
		}, problem.Unavailable},
		"without a token":             {with(map[string]any{"access_token": "x", "token_type": "Bearer"}), problem.GoogleTokenInvalid},
		"with a malformed token":      {with(map[string]any{"access_token": "x", "id_token": "canary"}), problem.GoogleTokenInvalid},
		"with a token that is a list": {with(map[string]any{"access_token": "x", "id_token": []string{"canary"}}), problem.GoogleTokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.accepts(t, "warm")
			w.tokens.replace(func(rw http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm() // otherwise the server does not notice the disconnect
				tc.handle(rw, r)
			})
			w.SetFetchTimeout(300 * time.Millisecond)
			began := time.Now()
			_, err := w.ExchangeCode(t.Context(), "4/code", auth.NewAuthorizationRequest(redirectURI))
			f := wantFault(t, err, tc.want, name)
			if strings.Contains(f.Detail, "canary") || strings.Contains(f.Error(), "canary") && tc.want == problem.Unavailable {
				t.Errorf("the issuer's words are repeated: %v", f)
			}
			if tc.want == problem.Unavailable && f.RetryAfter < time.Second {
				t.Errorf("Retry-After is %s", f.RetryAfter)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if n := w.tokens.count(); n != 1 {
				t.Errorf("the code went out %d times", n)
			}
		})
	}
}

// What the exchange brings is held to the same rules as any token.
func TestExchangeCode_TokenIsVerified(t *testing.T) {
	t.Parallel()
	of := auth.NewAuthorizationRequest(redirectURI)
	for name, tc := range map[string]struct {
		token func(*fixture) string
		want  problem.Code
	}{
		"another audience": {func(w *fixture) string { return w.token(t, issuer.Claims{Audience: "another", Nonce: of.Nonce}) }, problem.GoogleTokenInvalid},
		"another nonce":    {func(w *fixture) string { return w.token(t, issuer.Claims{Nonce: "another"}) }, problem.GoogleTokenInvalid},
		"an unproven address": {func(w *fixture) string {
			return w.token(t, issuer.Claims{Nonce: of.Nonce, Extra: map[string]any{"email_verified": false}})
		}, problem.EmailNotVerified},
		"another domain": {func(w *fixture) string {
			return w.token(t, issuer.Claims{Nonce: of.Nonce, HostedDomain: "example.org"})
		}, problem.DomainNotAllowed},
		"a user store's token": {func(w *fixture) string { raw, _ := w.other.IDToken(issuer.Claims{Nonce: of.Nonce}); return raw }, problem.GoogleTokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, func(cfg *google.Config) { cfg.HostedDomains = []string{"example.com"} })
			raw := tc.token(w)
			w.tokens.replace(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(rw).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": raw})
			})
			_, err := w.ExchangeCode(t.Context(), "4/code", of)
			wantFault(t, err, tc.want, name)
		})
	}
}

func TestExchangeCode_NeedsClientAndEndpoints(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change   func(*google.Config)
		document func(url string) string
	}{
		"no client":                   {func(cfg *google.Config) { cfg.ClientIDs = nil }, nil},
		"no endpoints":                {func(*google.Config) {}, func(url string) string { return discovery(url, url+keysPath) }},
		"endpoints that are not HTTP": {func(*google.Config) {}, func(url string) string { return withEndpoints(url, "javascript:alert(1)", "file:///etc/passwd") }},
		"one endpoint alone":          {func(*google.Config) {}, func(url string) string { return withEndpoints(url, url+"/authorize", "") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, tc.change)
			if tc.document != nil {
				w.discovery.replace(body(tc.document(w.url)))
				w.accepts(t, "where keys are all there is,")
			}
			_, err := w.AuthCodeURL(t.Context(), auth.NewAuthorizationRequest(redirectURI))
			wantNoCodeFlow(t, name, err)
			_, err = w.ExchangeCode(t.Context(), "4/code", auth.NewAuthorizationRequest(redirectURI))
			wantNoCodeFlow(t, name, err)
		})
	}
}

func wantNoCodeFlow(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, auth.ErrNoCodeFlow) {
		t.Errorf("%s: %v, want that codes are not exchanged here", name, err)
	}
}

func withEndpoints(url, page, token string) string {
	return discovery(url, url+keysPath)[:len(discovery(url, url+keysPath))-1] +
		`,"authorization_endpoint":"` + page + `","token_endpoint":"` + token + `"}`
}

func TestExchangeCode_PlainHTTPEndpointsAreIgnored(t *testing.T) {
	t.Parallel()
	w := startAsGoogle(t)
	const plain = "http://accounts.google.com/token"
	w.discovery.replace(body(withEndpoints(w.url, w.url+"/authorize", plain)))
	_, err := w.ExchangeCode(t.Context(), "4/code", auth.NewAuthorizationRequest(redirectURI))
	wantNoCodeFlow(t, "a token endpoint over plain HTTP", err)
}

func TestExchangeCode_IsCancelledWithItsCaller(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.accepts(t, "warm")
	entered := make(chan struct{})
	w.tokens.replace(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // otherwise the server does not notice the disconnect
		close(entered)
		<-r.Context().Done()
	})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-entered
		leave()
	}()
	_, err := w.ExchangeCode(ctx, "4/code", auth.NewAuthorizationRequest(redirectURI))
	wantFault(t, err, problem.Unavailable, "a cancelled caller")
}
