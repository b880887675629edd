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
	// leeway is the accepted difference between the clocks of the issuer and of this
	// machine.
	leeway = 30 * time.Second

	maxSubject = 255 // OpenID Connect Core 1.0, section 2
	maxEmail   = 320 // 64 for the local part, 255 for the domain

	// Google's tokens contain their issuer with or without the scheme.
	googleIssuer      = "https://accounts.google.com"
	googleIssuerShort = "accounts.google.com"
	// googleUserStores followed by a project ID is the issuer of its user store.
	googleUserStores = "https://securetoken.google.com/"
)

// claims are the claims of a token that are used.
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

	// Only a user store has these two.
	AuthTime *date    `json:"auth_time"`
	Firebase firebase `json:"firebase"`
}

// readClaims parses strictly: other programs could interpret duplicate names, or names
// in another case, differently.
func readClaims(payload []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, reject("The claims of the ID token cannot be read.").Because(err)
	}
	return c, nil
}

// audience is one string or a list of them.
type audience []string

// UnmarshalJSON accepts both forms.
func (a *audience) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(text, &(*a)[0])
	}
	var list []*string
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	for _, one := range list {
		if one == nil {
			return errors.New("an audience is null")
		}
		*a = append(*a, *one)
	}
	return nil
}

// date is a NumericDate of RFC 7519: seconds, whose fraction is ignored.
type date int64

// UnmarshalJSON accepts dates between 1970 and 9999.
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

// rules are the rules for the claims of one issuer.
type rules struct {
	issuer    string
	audiences []string
	domains   []string
	now       func() time.Time
	// userStore adds the rules of checkUserStore.
	userStore bool
}

// check returns the first violation of the rules.
func (r rules) check(c claims, nonce string) error {
	if c.Issuer != r.issuer && (r.issuer != googleIssuer || c.Issuer != googleIssuerShort) {
		return reject("The ID token comes from another issuer.")
	}
	if err := r.checkAudience(c); err != nil {
		return err
	}
	if err := r.checkTime(c); err != nil {
		return err
	}
	if nonce != "" && subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1 {
		return reject("The ID token does not contain the nonce of this sign-in.")
	}
	if r.userStore {
		if err := r.checkUserStore(c); err != nil {
			return err
		}
	}
	return r.checkUser(c)
}

// checkAudience checks for which application a token is. Of a single audience, any
// client may have requested it: Google gives an app of Android or iOS a token for the
// web client of the same project, with the app's own client in azp.
func (r rules) checkAudience(c claims) error {
	ours := func(id string) bool { return slices.Contains(r.audiences, id) }
	switch {
	case !slices.ContainsFunc(c.Audience, ours):
		return reject("The ID token is for another application.")
	case len(c.Audience) == 1:
		return nil
	case c.Authorized == nil:
		return reject("The ID token is for several applications and does not say which one requested it.")
	case !ours(*c.Authorized):
		return reject("The ID token was requested by another application.")
	}
	return nil
}

func (r rules) checkTime(c claims) error {
	now := r.now()
	switch {
	case c.Expires == nil:
		return reject("The ID token does not say when it expires.")
	case !now.Before(c.Expires.at().Add(leeway)):
		return reject("The ID token has expired.")
	case c.IssuedAt == nil:
		return reject("The ID token does not say when it was issued.")
	case c.IssuedAt.at().After(now.Add(leeway)):
		return reject("The ID token was issued in the future.")
	case c.NotBefore != nil && c.NotBefore.at().After(now.Add(leeway)):
		return reject("The ID token is not valid yet.")
	}
	return nil
}

func (r rules) checkUser(c claims) error {
	notSubject := func(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }
	verified, _ := c.EmailVerified.(bool)
	switch {
	case c.Subject == "" || len(c.Subject) > maxSubject || strings.ContainsFunc(c.Subject, notSubject):
		return reject("The ID token does not name its subject in 1 to %d ASCII characters.", maxSubject)
	case c.Email == "":
		return reject("The ID token has no e-mail address; request the scope email from Google.")
	case !plausible(c.Email):
		return reject("The e-mail address in the ID token is not valid.")
	case !verified:
		return problem.New(problem.EmailNotVerified, "Google has not verified the e-mail address of this account.")
	case len(r.domains) > 0 && !slices.Contains(r.domains, c.HostedDomain):
		return problem.New(problem.DomainNotAllowed, "Accounts of this domain may not sign in.")
	}
	return nil
}

// plausible rejects what would break a mail header, a log line or a column. Only a
// message could verify that the address works.
func plausible(email string) bool {
	at := strings.LastIndexByte(email, '@')
	forbidden := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	return len(email) <= maxEmail && at > 0 && at < len(email)-1 && !strings.ContainsFunc(email, forbidden)
}

// maxUserID is the maximum length of a subject in a user store.
const maxUserID = 128

// firebase is the additional claim of a user store about a sign-in.
type firebase struct {
	Tenant string `json:"tenant"`
}

// checkUserStore checks the rules that apply only to tokens of a user store. It returns
// the first violation.
func (r rules) checkUserStore(c claims) error {
	switch {
	case c.AuthTime == nil:
		return reject("The ID token does not say when its user signed in.")
	case c.AuthTime.at().After(r.now().Add(leeway)):
		return reject("The sign-in of the ID token is in the future.")
	case c.Firebase.Tenant != "":
		// Two tenants of one project may have the same subject for two people.
		return reject("The ID token belongs to a tenant of the project; only users of the project itself may sign in.")
	case len(c.Subject) > maxUserID:
		return reject("The ID token does not name its subject in 1 to %d characters.", maxUserID)
	case c.Email == "":
		return reject("The ID token has no e-mail address; anonymous and phone accounts cannot sign in.")
	case len(r.domains) > 0:
		// Nothing in such a token proves a Workspace domain: anyone may use an address of
		// the domain, and a claim hd was added by the project.
		return problem.New(problem.DomainNotAllowed, "Only accounts of certain Google Workspace domains may sign in; accounts of a user store have no domain.")
	}
	return nil
}
