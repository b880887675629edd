package google

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// leeway is how far the clocks of the issuer and of this machine may differ.
	leeway = 30 * time.Second

	maxSubject = 255 // OpenID Connect Core 1.0, section 2
	maxEmail   = 320 // 64 for the local part, 255 for the domain

	// Google's tokens name their issuer with or without the scheme.
	googleIssuer      = "https://accounts.google.com"
	googleIssuerShort = "accounts.google.com"
	// googleUserStores and the id of a project name the issuer of its user store.
	googleUserStores = "https://securetoken.google.com/"
)

// claims is what is read of a token's payload.
type claims struct {
	Issuer        string   `json:"iss"`
	Audience      audience `json:"aud"`
	Authorized    *string  `json:"azp"`
	Expires       *date    `json:"exp"`
	NotBefore     *date    `json:"nbf"`
	IssuedAt      *date    `json:"iat"`
	Nonce         string   `json:"nonce"`
	Subject       string   `json:"sub"`
	Email         string   `json:"email"`
	EmailVerified any      `json:"email_verified"`
	HostedDomain  string   `json:"hd"`
	Name          string   `json:"name"`
	Picture       string   `json:"picture"`

	// These two only a user store has.
	AuthTime *date    `json:"auth_time"`
	Firebase firebase `json:"firebase"`
}

// readClaims reads strictly: a name given twice or in another case could mean
// one thing here and another to the next reader.
func readClaims(payload []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, refuse("The claims of the ID token cannot be read.").Because(err)
	}
	return c, nil
}

// audience is one string or a list of them.
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// date is a NumericDate of RFC 7519: seconds, perhaps with a fraction, which
// does not matter here.
type date int64

// UnmarshalJSON refuses what is not a date between 1970 and 9999.
func (d *date) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return err
	}
	if seconds < 0 || seconds > 253402300799 {
		return errors.New("the date is out of range")
	}
	*d = date(seconds)
	return nil
}

func (d *date) at() time.Time { return time.Unix(int64(*d), 0) }

// rules is what must be true of the claims.
type rules struct {
	issuer    string
	audiences []string
	domains   []string
	now       func() time.Time
	// userStore adds the rules of userstore.go.
	userStore bool
}

// check returns the first rule that c breaks.
func (r rules) check(c claims, nonce string) error {
	if c.Issuer != r.issuer && (r.issuer != googleIssuer || c.Issuer != googleIssuerShort) {
		return refuse("The ID token comes from another issuer.")
	}
	if err := r.checkAudience(c); err != nil {
		return err
	}
	if err := r.checkTime(c); err != nil {
		return err
	}
	if nonce != "" && subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1 {
		return refuse("The ID token does not carry the nonce of this sign-in.")
	}
	if r.userStore {
		if err := r.checkUserStore(c); err != nil {
			return err
		}
	}
	return r.checkPerson(c)
}

func (r rules) checkAudience(c claims) error {
	ours := func(id string) bool { return slices.Contains(r.audiences, id) }
	switch {
	case !slices.ContainsFunc(c.Audience, ours):
		return refuse("The ID token is for another application.")
	case c.Authorized == nil && len(c.Audience) > 1:
		return refuse("The ID token is for several applications and does not say which one asked for it.")
	case c.Authorized != nil && !ours(*c.Authorized):
		return refuse("The ID token was asked for by another application.")
	}
	return nil
}

func (r rules) checkTime(c claims) error {
	now := r.now()
	switch {
	case c.Expires == nil:
		return refuse("The ID token does not say when it expires.")
	case !now.Before(c.Expires.at().Add(leeway)):
		return refuse("The ID token has expired.")
	case c.IssuedAt == nil:
		return refuse("The ID token does not say when it was issued.")
	case c.IssuedAt.at().After(now.Add(leeway)):
		return refuse("The ID token was issued in the future.")
	case c.NotBefore != nil && c.NotBefore.at().After(now.Add(leeway)):
		return refuse("The ID token is not valid yet.")
	}
	return nil
}

func (r rules) checkPerson(c claims) error {
	strange := func(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }
	verified, _ := c.EmailVerified.(bool)
	switch {
	case c.Subject == "" || len(c.Subject) > maxSubject || strings.ContainsFunc(c.Subject, strange):
		return refuse("The ID token does not name its subject in 1 to %d ASCII characters.", maxSubject)
	case c.Email == "":
		return refuse("The ID token has no e-mail address; ask Google for the scope email.")
	case !plausible(c.Email):
		return refuse("The e-mail address in the ID token is not one.")
	case !verified:
		return problem.New(problem.EmailNotVerified, "Google has not verified the e-mail address of this account.")
	case len(r.domains) > 0 && !slices.Contains(r.domains, c.HostedDomain):
		return problem.New(problem.DomainNotAllowed, "Accounts of this domain may not sign in here.")
	}
	return nil
}

// plausible keeps out what would break a mail header, a log line or a column.
// Whether the address works only a message to it could tell.
func plausible(email string) bool {
	at := strings.LastIndexByte(email, '@')
	broken := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	return len(email) <= maxEmail && at > 0 && at < len(email)-1 && !strings.ContainsFunc(email, broken)
}
