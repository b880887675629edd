package httpapi

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

func TestCORS_PreflightNeedsNoBackend(t *testing.T) {
	t.Parallel()
	// Without services and stores: a call to one of them would panic.
	a, h := New(Config{Telemetry: Telemetry{Now: time.Now, Log: slog.New(slog.DiscardHandler)}, Network: Network{Origins: []string{"https://app.example.com"}}})
	paths := map[string]bool{"/nothing": true, "/api/v1/projects/": true, "/api/v1/%ff": true, "/health": true, "/docs": true}
	for _, pattern := range a.order {
		_, path, _ := strings.Cut(pattern, " ")
		paths[prefix+strings.ReplaceAll(path, "{id}", "0")] = true
	}
	for path := range paths {
		for _, method := range append([]string{"PROPFIND"}, middleware.Methods...) {
			r := httptest.NewRequest(http.MethodOptions, path, http.NoBody)
			r.Header.Set("Origin", "https://app.example.com")
			r.Header.Set("Access-Control-Request-Method", method)
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
			r.Header.Set("Authorization", "Bearer x")
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			if answer.Code != http.StatusNoContent || answer.Body.Len() != 0 || answer.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("the preflight of %s %s got %d %v %s", method, path, answer.Code, answer.Header(), answer.Body)
			}
			if got := answer.Header().Get("Access-Control-Allow-Origin"); got != "https://app.example.com" {
				t.Errorf("the preflight of %s %s allows %q", method, path, got)
			}
		}
	}
}

func TestCORS_PreflightNamesMethodsOfPath(t *testing.T) {
	t.Parallel()
	_, h := New(Config{Telemetry: Telemetry{Now: time.Now, Log: slog.New(slog.DiscardHandler)}, Network: Network{Origins: []string{"https://app.example.com"}}})
	for path, want := range map[string]string{
		"/api/v1/projects":   "GET, HEAD, POST, OPTIONS",
		"/api/v1/projects/0": "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
		"/api/v1/nothing":    "",
	} {
		r := httptest.NewRequest(http.MethodOptions, path, http.NoBody)
		r.Header.Set("Origin", "https://app.example.com")
		r.Header.Set("Access-Control-Request-Method", "DELETE")
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		got := answer.Header()
		if got.Get("Allow") != want || got.Get("Access-Control-Allow-Methods") != "DELETE" || got.Get("Access-Control-Max-Age") != "7200" {
			t.Errorf("the preflight of %s got %v", path, got)
		}
	}
}

func TestCORS_ConfiguredOriginsAreValidated(t *testing.T) {
	t.Parallel()
	const (
		none   = "is not an origin such as https://app.example.com"
		more   = "has more than scheme, host and port: an origin has no path and no slash at its end"
		form   = "is not written as browsers write an origin: lower case, without the usual port, IDNA in ASCII"
		plain  = "is not https://"
		wild   = "has a wildcard for the port, which only http://localhost:* and other origins of this machine may have"
		anyone = "allows every origin; list those that are meant"
	)
	for entry, tc := range map[string]struct{ strict, lax string }{
		"https://app.example.com":       {"", ""},
		"https://app.example.com:8443":  {"", ""},
		"https://xn--bcher-kva.example": {"", ""},
		"https://203.0.113.9":           {"", ""},
		"https://[2001:db8::1]:8443":    {"", ""},
		"http://localhost:5173":         {"", ""},
		"http://127.0.0.1:3000":         {"", ""},
		"http://[::1]:3000":             {"", ""},
		"http://app.localhost":          {"", ""},
		"http://app.example.com":        {plain, ""},
		"http://localhost.example.com":  {plain, ""},
		"http://10.0.0.5:3000":          {plain, ""},
		"*":                             {anyone, ""},
		"null":                          {none, none},
		"app.example.com":               {none, none},
		"localhost:3000":                {none, none},
		"//app.example.com":             {none, none},
		"https://":                      {none, none},
		"ftp://app.example.com":         {none, none},
		"file:///x":                     {none, none},
		"https:/app.example.com":        {none, none},
		"https://app.example.com/":      {more, more},
		"https://app.example.com/path":  {more, more},
		"https://app.example.com?":      {more, more},
		"https://app.example.com?x=1":   {more, more},
		"https://app.example.com#":      {more, more},
		"https://user@app.example.com":  {"has a user in it, which no origin has", "has a user in it, which no origin has"},
		"https://*.example.com":         {"has a wildcard; list each origin", "has a wildcard; list each origin"},
		"https://app.example.com:*":     {wild, wild},
		"http://localhost:*":            {"", ""},
		"https://localhost:*":           {"", ""},
		"http://127.0.0.1:*":            {"", ""},
		"http://[::1]:*":                {"", ""},
		"http://app.localhost:*":        {"", ""},
		"http://localhost:5173:*":       {wild, wild},
		"http://LOCALHOST:*":            {wild, wild},
		"http://localhost/:*":           {wild, wild},
		"http://10.0.0.5:*":             {wild, wild},
		"capacitor://localhost:*":       {wild, wild},
		"*:*":                           {wild, wild},
		"capacitor://localhost":         {"", ""},
		"ionic://localhost":             {"", ""},
		"tauri://localhost":             {"", ""},
		"app://-":                       {"", ""},
		"app://.":                       {"", ""},
		"chrome-extension://nngceckbapebfimnlniiiahkandclblb":  {"", ""},
		"moz-extension://3f4e0a52-1d2c-4f0e-9a41-5b0e27d683d1": {"", ""},
		"vscode-webview://0abc1":                               {"", ""},
		"capacitor://localhost/":                               {more, more},
		"capacitor://":                                         {none, none},
		"capacitor:localhost":                                  {none, none},
		"my app://localhost":                                   {none, none},
		"app://a b":                                            {none, none},
		"javascript://localhost":                               {none, none},
		"data://x":                                             {none, none},
		"blob://x":                                             {none, none},
		"about://blank":                                        {none, none},
		"ws://localhost":                                       {none, none},
		"https://APP.example.com":                              {form, form},
		"HTTPS://app.example.com":                              {form, form},
		"https://app.example.com:443":                          {form, form},
		"https://app.example.com:0":                            {form, form},
		"https://app.example.com:99999":                        {form, form},
		"https://app.example.com.":                             {"", ""}, // a browser takes it for another host
		"https://bücher.example":                               {form, form},
		"https://app example.com":                              {none, none},
		"https://app.example.com, x":                           {none, none},
		"https://2001:db8::1":                                  {none, none},
		"https://[0:0:0:0:0:0:0:1]:8443":                       {form, form},
	} {
		for rules, want := range map[middleware.OriginRules]string{{}: tc.strict, {Any: true, Plain: true}: tc.lax} {
			err := middleware.CheckOrigins([]string{"https://first.example.com", entry}, rules)
			got := ""
			if err != nil {
				got = strings.TrimPrefix(err.Error(), "entry 2 ")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q under %+v (-want +got):\n%s", entry, rules, diff)
			}
			if err == nil { // and what passes can be allowed
				New(Config{Telemetry: Telemetry{Now: time.Now}, Network: Network{Origins: []string{"https://first.example.com", entry}}})
			}
		}
	}
	err := middleware.CheckOrigins([]string{"x", "https://a.example", "https://b.example/"}, middleware.OriginRules{})
	if err == nil || err.Error() != "entry 1 "+none+"; entry 3 "+more {
		t.Errorf("not all errors are reported: %v", err)
	}
	if err := middleware.CheckOrigins(nil, middleware.OriginRules{}); err != nil {
		t.Errorf("no origins are refused: %v", err)
	}
}
