package server_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestSettings_EdgeFaultsAreReported(t *testing.T) {
	t.Parallel()
	development := func(more ...string) []string { return enough(append(more, "APP_ENV=development")...) }
	one, two := testkit.NewCertificate(t, "one"), testkit.NewCertificate(t, "two")
	good := testkit.NewCertificateFiles(t, one)
	missing := filepath.Join(t.TempDir(), "missing")
	ownTLS := func(cert, key string) []string { return enough("TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+key) }
	const (
		unread  = " names a file that cannot be read"
		noPEM   = "TLS_CERT_FILE does not begin with a certificate"
		noMatch = "TLS_KEY_FILE is not the key of the certificate in TLS_CERT_FILE"
		plain   = "REQUIRE_HTTPS is false, but neither"
	)
	for name, tc := range map[string]struct {
		environ []string
		want    []string // how the faults begin
	}{
		"TLS of our own":                         {ownTLS(good.Cert, good.Key), nil},
		"a certificate alone":                    {enough("TLS_CERT_FILE=" + good.Cert), []string{"TLS_KEY_FILE is needed"}},
		"a key alone":                            {enough("TLS_KEY_FILE=" + good.Key), []string{"TLS_CERT_FILE is needed"}},
		"a certificate that is not there":        {ownTLS(missing, good.Key), []string{"TLS_CERT_FILE" + unread}},
		"a key that is not there":                {ownTLS(good.Cert, missing), []string{"TLS_KEY_FILE" + unread}},
		"a directory":                            {ownTLS(t.TempDir(), good.Key), []string{"TLS_CERT_FILE" + unread}},
		"an empty certificate":                   {ownTLS(file(t, ""), good.Key), []string{noPEM}},
		"a key for a certificate":                {ownTLS(good.Key, good.Key), []string{noPEM}},
		"a certificate that is broken":           {ownTLS(file(t, "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"), good.Key), []string{noPEM}},
		"an empty key":                           {ownTLS(good.Cert, file(t, "")), []string{noMatch}},
		"a certificate for a key":                {ownTLS(good.Cert, good.Cert), []string{noMatch}},
		"another key":                            {ownTLS(good.Cert, file(t, string(two.Key))), []string{noMatch}},
		"the same, in development":               {append(ownTLS(good.Cert, file(t, string(two.Key))), "APP_ENV=development"), []string{noMatch}},
		"HTTPS that is yes or no":                {enough("REQUIRE_HTTPS=maybe"), []string{"REQUIRE_HTTPS is not true or false"}},
		"HTTPS that is on":                       {enough("REQUIRE_HTTPS=true"), nil},
		"HTTPS that is off":                      {enough("REQUIRE_HTTPS=false"), []string{plain}},
		"the same by a digit":                    {enough("REQUIRE_HTTPS=0"), []string{plain}},
		"HTTPS that is off behind a proxy":       {enough("REQUIRE_HTTPS=false", "TRUSTED_PROXIES=10.0.0.0/8"), nil},
		"HTTPS that is off with our own TLS":     {append(ownTLS(good.Cert, good.Key), "REQUIRE_HTTPS=false"), nil},
		"HTTPS that is off, in development":      {development("REQUIRE_HTTPS=false"), nil},
		"proxies":                                {enough("TRUSTED_PROXIES=10.0.0.0/8, 2001:db8::/32,192.0.2.7,,::1"), nil},
		"proxies that are not addresses":         {enough("TRUSTED_PROXIES=10.0.0.0/8,proxy.internal,10.0.0.0/40"), []string{"TRUSTED_PROXIES entry 2 is neither an address nor a CIDR such as 10.0.0.0/8; entry 3 is"}},
		"every address as a proxy":               {enough("TRUSTED_PROXIES=0.0.0.0/0"), []string{"TRUSTED_PROXIES trusts every address"}},
		"every IPv6 address as a proxy":          {enough("TRUSTED_PROXIES=10.0.0.0/8,::/0"), []string{"TRUSTED_PROXIES trusts every address"}},
		"every address, in development":          {development("TRUSTED_PROXIES=0.0.0.0/0"), nil},
		"origins":                                {enough("CORS_ORIGINS=https://app.example.com, http://localhost:5173"), nil},
		"origins of app shells, and any port":    {enough("CORS_ORIGINS=capacitor://localhost,app://-,http://localhost:*"), nil},
		"any port of another machine":            {enough("CORS_ORIGINS=http://app.example.com:*"), []string{"CORS_ORIGINS entry 1 has a wildcard for the port"}},
		"a public URL":                           {enough("PUBLIC_URL=https://app.example.com/backend"), nil},
		"a public URL with a query":              {enough("PUBLIC_URL=https://app.example.com/?x"), []string{"PUBLIC_URL has a user, a query or a fragment"}},
		"a public URL without a scheme":          {enough("PUBLIC_URL=app.example.com"), []string{"PUBLIC_URL is not a URL such as https://app.example.com"}},
		"a public URL over plain HTTP":           {enough("PUBLIC_URL=http://app.example.com"), []string{"PUBLIC_URL is not https://"}},
		"the same where HTTPS is not required":   {development("PUBLIC_URL=http://app.example.com"), nil},
		"every origin":                           {enough("CORS_ORIGINS=*"), []string{"CORS_ORIGINS entry 1 allows every origin"}},
		"every origin beside another":            {enough("CORS_ORIGINS=https://app.example.com,*"), []string{"CORS_ORIGINS entry 2 allows every origin"}},
		"every origin, in development":           {development("CORS_ORIGINS=*"), nil},
		"an origin over plain HTTP":              {enough("CORS_ORIGINS=http://app.example.com"), []string{"CORS_ORIGINS entry 1 is not https://"}},
		"the same, in development ":              {development("CORS_ORIGINS=http://app.example.com"), nil},
		"invalid origins":                        {development("CORS_ORIGINS=https://a.example,https://b.example/,null,https://*.c.example"), []string{"CORS_ORIGINS entry 2 has more than scheme, host and port: an origin has no path and no slash at its end; entry 3 is not an origin such as https://app.example.com; entry 4 has a wildcard"}},
		"everything at once, in an unknown mode": {enough("APP_ENV=staging", "CORS_ORIGINS=*", "TRUSTED_PROXIES=x", "REQUIRE_HTTPS=false", "TLS_KEY_FILE=x"), []string{"APP_ENV is not", "TRUSTED_PROXIES entry 1", "CORS_ORIGINS entry 1", "TLS_CERT_FILE is needed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := faults((*server.Settings).ForServe, tc.environ)
			if !slices.EqualFunc(tc.want, got, func(want, got string) bool { return strings.HasPrefix(got, want) }) {
				t.Errorf("the faults differ (-want +got):\n%s", cmp.Diff(tc.want, got))
			}
			for _, fault := range got {
				wantNone(t, "the fault", fault, "BEGIN", good.Cert, good.Key, missing, "proxy.internal", "app.example.com/")
			}
		})
	}
}

// Google's load balancers keep a connection for 600 s, and may use it until then.
func TestServe_IdleTimeoutExceedsLoadBalancers(t *testing.T) {
	t.Parallel()
	if got := (&server.Settings{TrustedProxies: []string{"10.0.0.0/8"}}).IdleTimeout(); got <= 600*time.Second {
		t.Errorf("behind a proxy, a connection is kept for %s", got)
	}
	if got := (&server.Settings{}).IdleTimeout(); got > time.Minute {
		t.Errorf("without proxies, an idle connection is kept for %s", got)
	}
}
