package issuer_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestToken_InvalidExchanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(w *fixture, app *oauth2.Config, form url.Values)
		status int
		code   string
	}{
		"another verifier":        {set("code_verifier", oauth2.GenerateVerifier()), 400, "invalid_grant"},
		"no verifier":             {set("code_verifier", ""), 400, "invalid_grant"},
		"another redirect_uri":    {set("redirect_uri", callback+"&x=1"), 400, "invalid_grant"},
		"no redirect_uri":         {set("redirect_uri"), 400, "invalid_grant"},
		"another code":            {set("code", "invented"), 400, "invalid_grant"},
		"no code":                 {set("code"), 400, "invalid_grant"},
		"another grant type":      {set("grant_type", "password"), 400, "unsupported_grant_type"},
		"a parameter given twice": {set("code_verifier", "a", "b"), 400, "invalid_grant"},
		"a wrong secret":          {set("client_secret", "guess"), 401, "invalid_client"},
		"no secret":               {set("client_secret"), 401, "invalid_client"},
		"an unknown client":       {set("client_id", "nobody"), 401, "invalid_client"},
		"another client": {func(_ *fixture, _ *oauth2.Config, form url.Values) {
			form.Set("client_id", "phone")
			form.Del("client_secret")
		}, 400, "invalid_grant"},
		"a code older than a minute": {func(w *fixture, _ *oauth2.Config, _ url.Values) {
			w.now = w.now.Add(time.Minute + time.Second)
		}, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			app, verifier := w.client(t), oauth2.GenerateVerifier()
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {authorize(t, app, verifier).Get("code")},
				"code_verifier": {verifier}, "redirect_uri": {callback},
				"client_id": {app.ClientID}, "client_secret": {app.ClientSecret},
			}
			tc.change(w, app, form)
			status, code := post(t, app.Endpoint.TokenURL, form, nil)
			if status != tc.status || code != tc.code {
				t.Errorf("responded %d %s, want %d %s", status, code, tc.status, tc.code)
			}
		})
	}
}

func set(name string, values ...string) func(*fixture, *oauth2.Config, url.Values) {
	return func(_ *fixture, _ *oauth2.Config, form url.Values) { form[name] = values }
}

// post returns the status and the OAuth error of an exchange.
func post(t *testing.T, at string, form url.Values, change func(*http.Request)) (status int, code string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(req)
	}
	res := do(t, req)
	var response struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(res.body, &response); err != nil {
		t.Fatal(err)
	}
	if res.header.Get("Cache-Control") != "no-store" {
		t.Error("the response may be cached")
	}
	return res.status, response.Error
}

func TestToken_CodeIsExchangedOnce(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"that succeeded": "", "that failed": "wrong verifier"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, verifier := start(t).client(t), oauth2.GenerateVerifier()
			code := authorize(t, app, verifier).Get("code")
			used := verifier
			if first != "" {
				used = oauth2.GenerateVerifier()
			}
			if _, err := app.Exchange(t.Context(), code, oauth2.VerifierOption(used)); (err == nil) != (first == "") {
				t.Fatalf("the first exchange: %v", err)
			}
			if _, err := app.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); err == nil {
				t.Error("the code was exchanged again")
			}
		})
	}
}

func TestToken_ClientAuthentication(t *testing.T) {
	t.Parallel()
	app := start(t).client(t)
	for name, tc := range map[string]struct {
		id, secret string
		form       url.Values
		status     int
		code       string
	}{
		"in header and form": {
			url.QueryEscape(app.ClientID), url.QueryEscape(app.ClientSecret),
			url.Values{"client_secret": {app.ClientSecret}},
			400, "invalid_request",
		},
		"in a header that is broken": {"%zz", "x", nil, 401, "invalid_client"},
	} {
		status, code := post(t, app.Endpoint.TokenURL, tc.form, func(r *http.Request) { r.SetBasicAuth(tc.id, tc.secret) })
		if status != tc.status || code != tc.code {
			t.Errorf("%s: responded %d %s, want %d %s", name, status, code, tc.status, tc.code)
		}
	}
}
