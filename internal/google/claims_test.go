package google_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/google"
)

func TestClaimsThatDoNotHinder(t *testing.T) {
	t.Parallel()
	w := start(t)
	at := func(d time.Duration) int64 { return epoch.Add(d).Unix() }
	for name, c := range map[string]issuer.Claims{
		"the second client":                        {Audience: otherClientID},
		"the audience as a list of one":            {Extra: map[string]any{"aud": []string{clientID}}},
		"several audiences with one of ours asked": {Extra: map[string]any{"aud": []string{"x", clientID}, "azp": clientID}},
		"asked for by another client of ours":      {Extra: map[string]any{"azp": otherClientID}},
		"expired within the leeway":                {Extra: map[string]any{"exp": at(-29 * time.Second)}},
		"issued ahead within the leeway":           {Extra: map[string]any{"iat": at(30 * time.Second)}},
		"valid from now, within the leeway":        {Extra: map[string]any{"nbf": at(30 * time.Second)}},
		"a date with a fraction":                   {Extra: map[string]any{"exp": float64(at(time.Hour)) + 0.5}},
		"a nonce that nobody asked for":            {Nonce: "n-0S6"},
		"a hosted domain that nobody asked for":    {HostedDomain: "example.org"},
		"a subject of 255 characters":              {Subject: strings.Repeat("7", 255)},
		"an e-mail address of 320 bytes":           {Email: strings.Repeat("a", 308) + "@example.com"},
		"claims of others":                         {Extra: map[string]any{"https://example.com/x": map[string]any{"y": 1}}},
		"no type in the header":                    {OmitHeader: []string{"typ"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := w.Verify(t.Context(), w.token(t, c), ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClaimsThatRefuse(t *testing.T) {
	t.Parallel()
	w := start(t, func(cfg *google.Config) { cfg.HostedDomains = []string{"Example.COM", "example.net"} })
	at := func(d time.Duration) int64 { return epoch.Add(d).Unix() }
	const invalid = fault.GoogleTokenInvalid
	for name, tc := range map[string]struct {
		claim any // the value under the claim name, omitted when nil
		of    string
		also  map[string]any
		nonce string
		code  fault.Code
		want  string
	}{
		"another issuer":                      {of: "iss", claim: "https://canary.example.com", code: invalid, want: "comes from another issuer"},
		"an issuer but for a slash":           {of: "iss", claim: w.url + "/", code: invalid, want: "comes from another issuer"},
		"Google's short name for another":     {of: "iss", claim: "accounts.google.com", code: invalid, want: "comes from another issuer"},
		"no issuer":                           {of: "iss", code: invalid, want: "comes from another issuer"},
		"another audience":                    {of: "aud", claim: "canary", code: invalid, want: "is for another application"},
		"an audience in another case":         {of: "aud", claim: strings.ToUpper(clientID), code: invalid, want: "is for another application"},
		"no audience":                         {of: "aud", code: invalid, want: "is for another application"},
		"an empty list of audiences":          {of: "aud", claim: []string{}, code: invalid, want: "is for another application"},
		"an audience that is no text":         {of: "aud", claim: 42, code: invalid, want: "claims of the ID token cannot be read"},
		"several audiences, nobody asked":     {of: "aud", claim: []string{clientID, "canary"}, code: invalid, want: "does not say which one asked"},
		"asked for by another application":    {of: "azp", claim: "canary", code: invalid, want: "asked for by another application"},
		"asked for by nobody in words":        {of: "azp", claim: "", code: invalid, want: "asked for by another application"},
		"expired beyond the leeway":           {of: "exp", claim: at(-30 * time.Second), code: invalid, want: "has expired"},
		"no expiry":                           {of: "exp", code: invalid, want: "when it expires"},
		"an expiry as text":                   {of: "exp", claim: "1900000000", code: invalid, want: "claims of the ID token cannot be read"},
		"an expiry beyond all calendars":      {of: "exp", claim: 1e300, code: invalid, want: "claims of the ID token cannot be read"},
		"an expiry before all calendars":      {of: "exp", claim: -1, code: invalid, want: "claims of the ID token cannot be read"},
		"issued in the future":                {of: "iat", claim: at(31 * time.Second), code: invalid, want: "issued in the future"},
		"no time of issue":                    {of: "iat", code: invalid, want: "when it was issued"},
		"not valid yet":                       {of: "nbf", claim: at(31 * time.Second), code: invalid, want: "not valid yet"},
		"another nonce":                       {of: "nonce", claim: "canary", nonce: "n-0S6", code: invalid, want: "nonce of this sign-in"},
		"no nonce":                            {of: "nonce", nonce: "n-0S6", code: invalid, want: "nonce of this sign-in"},
		"no subject":                          {of: "sub", code: invalid, want: "name its subject"},
		"an empty subject":                    {of: "sub", claim: "", code: invalid, want: "name its subject"},
		"a subject of 256 characters":         {of: "sub", claim: strings.Repeat("7", 256), code: invalid, want: "name its subject"},
		"a subject that is not ASCII":         {of: "sub", claim: "canäry", code: invalid, want: "name its subject"},
		"a subject with a line break":         {of: "sub", claim: "canary\n", code: invalid, want: "name its subject"},
		"no e-mail address":                   {of: "email", code: invalid, want: "has no e-mail address"},
		"an empty e-mail address":             {of: "email", claim: "", code: invalid, want: "has no e-mail address"},
		"an e-mail address without @":         {of: "email", claim: "canary", code: invalid, want: "is not one"},
		"an e-mail address without a person":  {of: "email", claim: "@canary.example.com", code: invalid, want: "is not one"},
		"an e-mail address without a domain":  {of: "email", claim: "canary@", code: invalid, want: "is not one"},
		"an e-mail address with a line break": {of: "email", claim: "canary@example.com\r\nBcc: x@example.com", code: invalid, want: "is not one"},
		"an e-mail address of 321 bytes":      {of: "email", claim: strings.Repeat("a", 309) + "@example.com", code: invalid, want: "is not one"},
		"an e-mail address not verified":      {of: "email_verified", claim: false, code: fault.EmailNotVerified, want: "not verified"},
		"verified as text":                    {of: "email_verified", claim: "true", code: fault.EmailNotVerified, want: "not verified"},
		"verified as a number":                {of: "email_verified", claim: 1, code: fault.EmailNotVerified, want: "not verified"},
		"verified as an object":               {of: "email_verified", claim: map[string]any{"true": true}, code: fault.EmailNotVerified, want: "not verified"},
		"nothing about verification":          {of: "email_verified", code: fault.EmailNotVerified, want: "not verified"},
		"another hosted domain":               {of: "hd", claim: "canary.example.com", code: fault.DomainNotAllowed, want: "domain may not sign in"},
		"no hosted domain":                    {of: "hd", code: fault.DomainNotAllowed, want: "domain may not sign in"},
		"the issuer in another case":          {of: "iss", also: map[string]any{"ISS": w.url}, code: invalid, want: "comes from another issuer"},
		"the e-mail address in another case":  {of: "email", also: map[string]any{"Email": "canary@example.com"}, code: invalid, want: "has no e-mail address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := issuer.Claims{HostedDomain: "example.com", Extra: map[string]any{}}
			maps.Copy(c.Extra, tc.also)
			if tc.claim == nil {
				c.Omit = []string{tc.of}
			} else {
				c.Extra[tc.of] = tc.claim
			}
			_, err := w.Verify(t.Context(), w.token(t, c), tc.nonce)
			f := wantFault(t, err, tc.code, name)
			if !strings.Contains(f.Detail, tc.want) {
				t.Errorf("the detail is %q, want it to say %q", f.Detail, tc.want)
			}
			if strings.Contains(f.Detail, "canary") {
				t.Errorf("the detail repeats what the token says: %q", f.Detail)
			}
		})
	}
}

func TestHostedDomainsDoNotDependOnCaseOfTheSetting(t *testing.T) {
	t.Parallel()
	w := start(t, func(cfg *google.Config) { cfg.HostedDomains = []string{"Example.COM"} })
	if _, err := w.Verify(t.Context(), w.token(t, issuer.Claims{HostedDomain: "example.com"}), ""); err != nil {
		t.Error(err)
	}
}

func TestWithoutClientIDsNothingIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t, func(cfg *google.Config) { cfg.ClientIDs = nil })
	w.refuses(t, fault.GoogleTokenInvalid, "without client ids")
}
