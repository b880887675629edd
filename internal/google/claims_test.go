package google_test

import (
	"cmp"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestClaims_AcceptedVariants(t *testing.T) {
	t.Parallel()
	w := start(t)
	for name, c := range map[string]issuer.Claims{
		"the second client":                                   {Audience: otherClientID},
		"the audience as a list of one":                       {Extra: map[string]any{"aud": []string{clientID}}},
		"several audiences, requested by a configured client": {Extra: map[string]any{"aud": []string{"x", clientID}, "azp": clientID}},
		"requested by another configured client":              {Extra: map[string]any{"azp": otherClientID}},
		"requested by an app of the same project":             {Extra: map[string]any{"azp": "android-app.apps.example.test"}},
		"requested by an app, for a list of one audience":     {Extra: map[string]any{"aud": []string{clientID}, "azp": "ios-app.apps.example.test"}},
		"expired within the leeway":                           {Extra: map[string]any{"exp": at(-29 * time.Second)}},
		"issued ahead within the leeway":                      {Extra: map[string]any{"iat": at(30 * time.Second)}},
		"valid from now, within the leeway":                   {Extra: map[string]any{"nbf": at(30 * time.Second)}},
		"a date with a fraction":                              {Extra: map[string]any{"exp": float64(at(time.Hour)) + 0.5}},
		"a nonce that was not requested":                      {Nonce: "n-0S6"},
		"a hosted domain that was not requested":              {HostedDomain: "example.org"},
		"a subject of 255 characters":                         {Subject: strings.Repeat("7", 255)},
		"an e-mail address of 320 bytes":                      {Email: strings.Repeat("a", 308) + "@example.com"},
		"claims of others":                                    {Extra: map[string]any{"https://example.com/x": map[string]any{"y": 1}}},
		"no type in the header":                               {OmitHeader: []string{"typ"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := w.Verify(t.Context(), w.token(t, c), ""); err != nil {
				t.Error(err)
			}
		})
	}
}

// badClaim is a claim that makes a token bad.
type badClaim struct {
	of    string
	claim any // the value under that name, omitted when nil
	also  map[string]any
	nonce string
	code  problem.Code // GoogleTokenInvalid when empty
	want  string
}

// token is a token with the claim, and good but for it.
func (b badClaim) token(t *testing.T, w *fixture) badToken {
	t.Helper()
	c := issuer.Claims{HostedDomain: "example.com", Extra: maps.Clone(b.also)}
	switch {
	case b.claim == nil:
		c.Omit = []string{b.of}
	case c.Extra == nil:
		c.Extra = map[string]any{b.of: b.claim}
	default:
		c.Extra[b.of] = b.claim
	}
	return badToken{raw: w.token(t, c), nonce: b.nonce, code: cmp.Or(b.code, problem.GoogleTokenInvalid), want: b.want}
}

func at(d time.Duration) int64 { return epoch.Add(d).Unix() }

// badClaims are those that no issuer may make.
func badClaims(w *fixture) map[string]badClaim {
	return map[string]badClaim{
		"another issuer":                         {of: "iss", claim: "https://canary.example.com", want: w.unless("comes from another issuer")},
		"an issuer but for a slash":              {of: "iss", claim: w.url + "/", want: w.unless("comes from another issuer")},
		"no issuer":                              {of: "iss", want: w.unless("comes from another issuer")},
		"another audience":                       {of: "aud", claim: "canary", want: "is for another application"},
		"an audience in another case":            {of: "aud", claim: strings.ToUpper(w.audience), want: "is for another application"},
		"no audience":                            {of: "aud", want: "is for another application"},
		"an empty list of audiences":             {of: "aud", claim: []string{}, want: "is for another application"},
		"an audience that is no text":            {of: "aud", claim: 42, want: "claims of the ID token cannot be read"},
		"several audiences without azp":          {of: "aud", claim: []string{w.audience, "canary"}, want: "does not say which one requested"},
		"requested by another of the audiences":  {of: "aud", claim: []string{w.audience, "canary"}, also: map[string]any{"azp": "canary"}, want: "requested by another application"},
		"requested by another, for another":      {of: "aud", claim: "canary", also: map[string]any{"azp": w.audience}, want: "is for another application"},
		"several audiences and an empty azp":     {of: "aud", claim: []string{w.audience, "canary"}, also: map[string]any{"azp": ""}, want: "requested by another application"},
		"an azp that is no text":                 {of: "azp", claim: 42, want: "claims of the ID token cannot be read"},
		"an audience and null":                   {of: "aud", claim: []any{w.audience, nil}, want: "claims of the ID token cannot be read"},
		"null as the audience":                   {of: "aud", claim: []any{nil}, want: "claims of the ID token cannot be read"},
		"expired beyond the leeway":              {of: "exp", claim: at(-30 * time.Second), want: "has expired"},
		"no expiry":                              {of: "exp", want: "when it expires"},
		"an expiry as text":                      {of: "exp", claim: "1900000000", want: "claims of the ID token cannot be read"},
		"an expiry beyond all calendars":         {of: "exp", claim: 1e300, want: "claims of the ID token cannot be read"},
		"an expiry before all calendars":         {of: "exp", claim: -1, want: "claims of the ID token cannot be read"},
		"issued in the future":                   {of: "iat", claim: at(31 * time.Second), want: "issued in the future"},
		"no time of issue":                       {of: "iat", want: "when it was issued"},
		"not valid yet":                          {of: "nbf", claim: at(31 * time.Second), want: "not valid yet"},
		"another nonce":                          {of: "nonce", claim: "canary", nonce: "n-0S6", want: "nonce of this sign-in"},
		"no nonce":                               {of: "nonce", nonce: "n-0S6", want: "nonce of this sign-in"},
		"no subject":                             {of: "sub", want: "name its subject"},
		"an empty subject":                       {of: "sub", claim: "", want: "name its subject"},
		"a subject that is not ASCII":            {of: "sub", claim: "canäry", want: "name its subject"},
		"a subject with a line break":            {of: "sub", claim: "canary\n", want: "name its subject"},
		"no e-mail address":                      {of: "email", want: "has no e-mail address"},
		"an empty e-mail address":                {of: "email", claim: "", want: "has no e-mail address"},
		"an e-mail address without @":            {of: "email", claim: "canary", want: "is not valid"},
		"an e-mail address without a local part": {of: "email", claim: "@canary.example.com", want: "is not valid"},
		"an e-mail address without a domain":     {of: "email", claim: "canary@", want: "is not valid"},
		"an e-mail address with a line break":    {of: "email", claim: "canary@example.com\r\nBcc: x@example.com", want: "is not valid"},
		"an e-mail address of 321 bytes":         {of: "email", claim: strings.Repeat("a", 309) + "@example.com", want: "is not valid"},
		"an e-mail address not verified":         {of: "email_verified", claim: false, code: problem.EmailNotVerified, want: "not verified"},
		"verified as text":                       {of: "email_verified", claim: "true", code: problem.EmailNotVerified, want: "not verified"},
		"verified as a number":                   {of: "email_verified", claim: 1, code: problem.EmailNotVerified, want: "not verified"},
		"verified as an object":                  {of: "email_verified", claim: map[string]any{"true": true}, code: problem.EmailNotVerified, want: "not verified"},
		"nothing about verification":             {of: "email_verified", code: problem.EmailNotVerified, want: "not verified"},
		"the issuer in another case":             {of: "iss", also: map[string]any{"ISS": w.url}, want: w.unless("comes from another issuer")},
		"the e-mail address in another case":     {of: "email", also: map[string]any{"Email": "canary@example.com"}, want: "has no e-mail address"},
	}
}

// badSignInClaims are those of Google Sign-In alone, where only certain domains
// may sign in.
func badSignInClaims() map[string]badClaim {
	return map[string]badClaim{
		"Google's short name for another": {of: "iss", claim: "accounts.google.com", want: "comes from another issuer"},
		"a subject of 256 characters":     {of: "sub", claim: strings.Repeat("7", 256), want: "name its subject"},
		"another hosted domain":           {of: "hd", claim: "canary.example.com", code: problem.DomainNotAllowed, want: "domain may not sign in"},
		"no hosted domain":                {of: "hd", code: problem.DomainNotAllowed, want: "domain may not sign in"},
	}
}

// badUserStoreClaims are those of Identity Platform alone.
func badUserStoreClaims() map[string]badClaim {
	signedInBy := func(provider string) map[string]any {
		return map[string]any{"firebase": map[string]any{"sign_in_provider": provider, "identities": map[string]any{}}}
	}
	return map[string]badClaim{
		"Google's name":                {of: "iss", claim: "https://accounts.google.com", want: "a key that its issuer does not publish"},
		"the store of another project": {of: "iss", claim: "https://securetoken.google.com/another", want: "a key that its issuer does not publish"},
		"a client of the project":      {of: "aud", claim: clientID, want: "is for another application"},
		"no time of the sign-in":       {of: "auth_time", want: "when its user signed in"},
		"a sign-in in the future":      {of: "auth_time", claim: at(31 * time.Second), want: "in the future"},
		"a sign-in at a time as text":  {of: "auth_time", claim: "1900000000", want: "claims of the ID token cannot be read"},
		"a sign-in before all time":    {of: "auth_time", claim: -1, want: "claims of the ID token cannot be read"},
		"a subject of 129 characters":  {of: "sub", claim: strings.Repeat("u", 129), want: "name its subject"},
		"a tenant of the project":      {of: "firebase", claim: map[string]any{"tenant": "canary-1"}, want: "tenant of the project"},
		"a tenant that is a number":    {of: "firebase", claim: map[string]any{"tenant": 1}, want: "claims of the ID token cannot be read"},
		"a sign-in that is no object":  {of: "firebase", claim: "google.com", want: "claims of the ID token cannot be read"},
		"an anonymous account":         {of: "email", also: signedInBy("anonymous"), want: "anonymous and phone accounts"},
		"a phone account":              {of: "email", also: signedInBy("phone"), want: "anonymous and phone accounts"},
		"a password account whose address is not verified": {
			of: "email_verified", claim: false, also: signedInBy("password"), code: problem.EmailNotVerified, want: "not verified",
		},
	}
}

// claimsOf makes the tokens of bad claims.
func claimsOf(t *testing.T, w *fixture, claims ...map[string]badClaim) map[string]badToken {
	t.Helper()
	bad := map[string]badToken{}
	for _, some := range claims {
		for name, claim := range some {
			bad[name] = claim.token(t, w)
		}
	}
	return bad
}

func TestClaims_HostedDomainsIgnoreCase(t *testing.T) {
	t.Parallel()
	w := start(t, func(cfg *google.Config) { cfg.HostedDomains = []string{"Example.COM"} })
	if _, err := w.Verify(t.Context(), w.token(t, issuer.Claims{HostedDomain: "example.com"}), ""); err != nil {
		t.Error(err)
	}
}

func TestClaims_WithoutClientIDsNothingIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t, func(cfg *google.Config) { cfg.ClientIDs = nil })
	w.rejects(t, problem.GoogleTokenInvalid, "without client ids")
}
