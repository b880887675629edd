package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	oneKey     = "gOzQ9vZ1rT5mXc7KpL2wYb8NfE4hJ6sD0aUiRkQe3Vt"
	anotherKey = "Wm3xP8qLz5Rt1Yk9Jv7Hc2Nd4Bf6Sg0AeUiOlKjTrXq"
	thirdKey   = "Tn5vB2kXw9Qe7Ry4Ui1Op8As3Df6Gh0JkLzMcVbNqWt"
)

// enough is what the server needs in production.
func enough(more ...string) []string {
	return append([]string{
		"DATABASE_URL=postgres://service:password@db.internal:5432/codegenapp",
		"SECRET_KEY=" + oneKey, "JWT_SECRET_KEY=" + anotherKey, "GOOGLE_CLIENT_ID=client.apps.googleusercontent.com",
	}, more...)
}

// without is an environment without one of its settings.
func without(environ []string, name string) []string {
	return slices.DeleteFunc(environ, func(set string) bool { return strings.HasPrefix(set, name+"=") })
}

// faults are what the server, or a migration, has against an environment.
func faults(check func(*server.Settings) error, environ []string) []string {
	s, _ := server.Load(environ, "")
	found, _ := errors.AsType[server.SettingsError](check(s))
	return found
}

func TestSettings_AllFaultsAreReported(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := testkit.NewCertificateFiles(t, testkit.NewCertificate(t, "redis")).Cert
	development := func(more ...string) []string { return enough(append(more, "APP_ENV=development")...) }
	for name, tc := range map[string]struct {
		environ []string
		want    []string // how the faults begin
	}{
		"enough":                                 {enough(), nil},
		"enough, in development":                 {development(), nil},
		"several hosts":                          {enough("DATABASE_URL=postgres://u:p@one:5432,two:5432/db?target_session_attrs=read-write"), nil},
		"keys that were rotated":                 {enough("JWT_PREVIOUS_SECRET_KEYS=" + thirdKey), nil},
		"any free port":                          {enough("HTTP_ADDR=127.0.0.1:0"), nil},
		"an address of IPv6":                     {enough("HTTP_ADDR=[::1]:8080"), nil},
		"no drain":                               {enough("SHUTDOWN_DRAIN=0"), nil},
		"levels in lower case":                   {enough("LOG_LEVEL=warning"), nil},
		"nothing":                                {nil, []string{"DATABASE_URL is needed", "SECRET_KEY is needed", "JWT_SECRET_KEY is needed", "GOOGLE_CLIENT_ID is needed"}},
		"an unknown environment":                 {enough("APP_ENV=prod"), []string{"APP_ENV is not"}},
		"no database URL":                        {enough("DATABASE_URL=mysql://u:p@db/db"), []string{"DATABASE_URL is not"}},
		"a DSN for a database URL":               {enough("DATABASE_URL=host=db user=u"), []string{"DATABASE_URL is not"}},
		"a / in a password":                      {enough("DATABASE_URL=postgres://u:p/ss@db:5432/db"), []string{"DATABASE_URL contains a character that must be percent-encoded"}},
		"a / after digits":                       {enough("DATABASE_URL=postgres://u:12/34@db:5432/db"), []string{"DATABASE_URL contains a character that must"}},
		"a # in a password":                      {enough("DATABASE_DIRECT_URL=postgres://u:p#ss@db/db"), []string{"DATABASE_DIRECT_URL contains a character that must"}},
		"a % in a password":                      {enough("DATABASE_URL=postgres://u:100%@db/db"), []string{"DATABASE_URL contains a character that must"}},
		"a blank in a password":                  {enough("DATABASE_URL=postgres://u:p ss@db/db"), []string{"DATABASE_URL contains a character that must"}},
		"a ? in a password of Redis":             {enough("REDIS_URL=redis://:p?ss@redis"), []string{"REDIS_URL contains a character that must"}},
		"an @ in a password":                     {enough("DATABASE_URL=postgres://u:p@ss@db/db"), []string{"DATABASE_URL contains a character that must"}},
		"an @ in a password of Redis":            {enough("REDIS_URL=redis://:p@ss@redis"), nil},
		"a : in a password":                      {enough("DATABASE_URL=postgres://u:p:ss@db/db"), nil},
		"an @ in a parameter":                    {enough("DATABASE_URL=postgres://db:5432/db?user=me@example.com"), nil},
		"a CA that is not there":                 {enough("DATABASE_URL=postgres://u:p@db/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"), []string{"DATABASE_URL names the file /nowhere/ca.pem, which cannot be read: no such file"}},
		"a CA that is not PEM":                   {enough("DATABASE_URL=postgres://u:p@db/db?sslmode=verify-full&sslrootcert=validate_test.go"), []string{"DATABASE_URL names an sslrootcert that contains no certificate in PEM"}},
		"an unknown sslmode":                     {enough("DATABASE_URL=postgres://u:p@db/db?sslmode=on"), []string{"DATABASE_URL has an sslmode other than"}},
		"a certificate without its key":          {enough("DATABASE_URL=postgres://u:p@db/db?sslmode=require&sslcert=/c.pem"), []string{"DATABASE_URL has only one of sslcert and sslkey"}},
		"URLs with blanks and capitals":          {enough("DATABASE_URL= Postgres://u:p@db/db ", "REDIS_URL=Redis://redis:6379/ "), nil},
		"unknown words":                          {enough("LOG_FORMAT=xml", "LOG_LEVEL=LOUD", "DATABASE_EXEC_MODE=fast"), []string{"LOG_LEVEL is not", "LOG_FORMAT is not", "DATABASE_EXEC_MODE is not"}},
		"addresses":                              {enough("HTTP_ADDR=localhost"), []string{"HTTP_ADDR"}},
		"a port that is not a number":            {enough("PORT=http"), []string{"HTTP_ADDR (or PORT)"}},
		"a port out of range":                    {enough("HTTP_ADDR=:65536"), []string{"HTTP_ADDR"}},
		"a negative port":                        {enough("HTTP_ADDR=:-1"), []string{"HTTP_ADDR"}},
		"no port":                                {enough("HTTP_ADDR=127.0.0.1:"), []string{"HTTP_ADDR"}},
		"invalid numbers":                        {enough("DATABASE_POOL_SIZE=5.5", "MAX_BODY_BYTES=1M", "MAX_PROJECTS_PER_USER=many"), []string{"DATABASE_POOL_SIZE is not a whole", "MAX_PROJECTS_PER_USER is not a whole", "MAX_BODY_BYTES is not a whole"}},
		"numbers out of range":                   {enough("DATABASE_POOL_SIZE=0", "DATABASE_MAX_OVERFLOW=-1", "MAX_PROJECTS_PER_USER=0", "MAX_SPECS_PER_PROJECT=0", "MAX_ITEMS_PER_SPEC=-5", "MAX_MEMBERS_PER_PROJECT=501", "MAX_BODY_BYTES=1"), []string{"DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW", "MAX_PROJECTS_PER_USER", "MAX_SPECS_PER_PROJECT", "MAX_ITEMS_PER_SPEC", "MAX_MEMBERS_PER_PROJECT", "MAX_BODY_BYTES"}},
		"too many connections":                   {enough("DATABASE_POOL_SIZE=1001", "DATABASE_MAX_OVERFLOW=99999999999999999999"), []string{"DATABASE_MAX_OVERFLOW", "DATABASE_POOL_SIZE"}},
		"invalid durations":                      {enough("JWT_ACCESS_TOKEN_EXPIRES=0", "JWT_REFRESH_TOKEN_EXPIRES=-1", "SESSION_MAX_AGE=-1h", "SHUTDOWN_DRAIN=-1", "SHUTDOWN_GRACE=-1"), []string{"JWT_ACCESS_TOKEN_EXPIRES", "JWT_REFRESH_TOKEN_EXPIRES", "SESSION_MAX_AGE", "SHUTDOWN_DRAIN", "SHUTDOWN_GRACE"}},
		"tokens of less than a second":           {enough("JWT_ACCESS_TOKEN_EXPIRES=999ms"), []string{"JWT_ACCESS_TOKEN_EXPIRES"}},
		"sessions that end before they are idle": {enough("SESSION_MAX_AGE=23h"), []string{"SESSION_MAX_AGE is shorter"}},
		"no client in the list":                  {enough("GOOGLE_CLIENT_ID=,"), []string{"GOOGLE_CLIENT_ID is needed"}},
		"a project instead of a client":          {without(enough("GOOGLE_CLOUD_PROJECT=my-project-1"), "GOOGLE_CLIENT_ID"), nil},
		"a project of a domain":                  {enough("GOOGLE_CLOUD_PROJECT=example.com:my-project"), nil},
		"a project that is a path":               {enough("GOOGLE_CLOUD_PROJECT=my-project/../another"), []string{"GOOGLE_CLOUD_PROJECT is not a project ID"}},
		"a project that is a URL":                {enough("GOOGLE_CLOUD_PROJECT=https://securetoken.google.com/my-project"), []string{"GOOGLE_CLOUD_PROJECT is not a project ID"}},
		"a project by its number":                {enough("GOOGLE_CLOUD_PROJECT=123456789012"), []string{"GOOGLE_CLOUD_PROJECT is not a project ID"}},
		"a client's secret":                      {enough("GOOGLE_CLIENT_SECRET=GOCSPX-4dQ7mZk1Xw9TfYb2"), nil},
		"a client's secret that was typed":       {enough("GOOGLE_CLIENT_SECRET=change-me"), []string{"GOOGLE_CLIENT_SECRET looks like a placeholder"}},
		"a client's secret as a key":             {enough("GOOGLE_CLIENT_SECRET=" + oneKey), []string{"SECRET_KEY is the same secret as GOOGLE_CLIENT_SECRET"}},
		"an issuer that is no URL":               {enough("GOOGLE_ISSUER_URL=accounts.google.com"), []string{"GOOGLE_ISSUER_URL is not a URL"}},
		"an issuer of another sort":              {development("GOOGLE_ISSUER_URL=ftp://issuer.internal"), []string{"GOOGLE_ISSUER_URL is not https"}},
		"an issuer over plain HTTP":              {enough("GOOGLE_ISSUER_URL=http://issuer.internal"), []string{"GOOGLE_ISSUER_URL is not https"}},
		"the same, in development":               {development("GOOGLE_ISSUER_URL=http://issuer.internal"), nil},
		"short secrets":                          {enough("SECRET_KEY="+oneKey[:31], "JWT_SECRET_KEY=x", "JWT_PREVIOUS_SECRET_KEYS=y"), []string{"SECRET_KEY is shorter", "JWT_SECRET_KEY is shorter", "JWT_PREVIOUS_SECRET_KEYS is shorter"}},
		"short ones, in development":             {development("SECRET_KEY=" + oneKey[:31]), []string{"SECRET_KEY is shorter"}},
		"secrets of 32 bytes":                    {enough("SECRET_KEY=" + oneKey[:32]), nil},
		"the same secret twice":                  {enough("SECRET_KEY=" + anotherKey), []string{"JWT_SECRET_KEY is the same secret as SECRET_KEY"}},
		"the present one as a previous":          {enough("JWT_PREVIOUS_SECRET_KEYS=" + thirdKey + "," + anotherKey), []string{"JWT_PREVIOUS_SECRET_KEYS is the same secret as JWT_SECRET_KEY"}},
		"a previous one twice":                   {enough("JWT_PREVIOUS_SECRET_KEYS=" + thirdKey + "," + thirdKey), []string{"JWT_PREVIOUS_SECRET_KEYS is the same secret as JWT_PREVIOUS_SECRET_KEYS"}},
		"the same, in development ":              {development("SECRET_KEY=" + anotherKey), nil},
		"a key file alone":                       {withKeyFile("", pemOf(t, ed)), nil},
		"a key file beside a secret":             {withKeyFile(anotherKey, pemOf(t, ed)), nil},
		"a key file to come, beside a secret":    {withKeyFile(anotherKey, publicPEM(t, ed)), nil},
		"a key file that cannot sign":            {withKeyFile("", publicPEM(t, ed)), []string{"JWT_PRIVATE_KEY_FILE contains only public keys, and JWT_SECRET_KEY is not set"}},
		"an invalid key file":                    {withKeyFile("", anotherKey), []string{"JWT_PRIVATE_KEY_FILE is not PEM"}},
		"an invalid key file, and a secret":      {withKeyFile(anotherKey, anotherKey), []string{"JWT_PRIVATE_KEY_FILE is not PEM"}},
		"a key file of another kind":             {withKeyFile("", pemOf(t, p384)), []string{"JWT_PRIVATE_KEY_FILE holds a block (number 1) that is neither Ed25519 nor P-256"}},
		"a key file with a key twice":            {withKeyFile("", pemOf(t, ed)+publicPEM(t, ed)), []string{"JWT_PRIVATE_KEY_FILE holds the same key twice"}},
		"a key file that is not there":           {append(withKeyFile("", ""), "JWT_PRIVATE_KEY_FILE=/nowhere/jwt.pem"), []string{"JWT_PRIVATE_KEY_FILE names a file"}},
		"a secret that was typed":                {enough("SECRET_KEY=" + strings.Repeat("a", 40)), []string{"SECRET_KEY looks like"}},
		"one that was held down":                 {enough("JWT_SECRET_KEY=" + strings.Repeat("1234567", 6)), []string{"JWT_SECRET_KEY looks like"}},
		"a typed one, in development":            {development("SECRET_KEY=" + strings.Repeat("a", 40)), nil},
		"a Redis over TLS":                       {enough("REDIS_URL=rediss://:password@redis.internal:6380/1", "REDIS_MAX_CONNECTIONS=1"), nil},
		"an authority of Redis":                  {enough("REDIS_URL=rediss://redis.internal", "REDIS_CA_FILE="+authority), nil},
		"an authority of the counting Redis":     {enough("REDIS_URL=redis://redis.internal", "RATELIMIT_STORAGE_URL=rediss://other.internal", "REDIS_CA_FILE="+authority), nil},
		"an authority that is not there":         {enough("REDIS_URL=rediss://redis.internal", "REDIS_CA_FILE=/nowhere/ca.pem"), []string{"REDIS_CA_FILE names a file that cannot be read"}},
		"an authority that is not PEM":           {enough("REDIS_URL=rediss://redis.internal", "REDIS_CA_FILE=validate_test.go"), []string{"REDIS_CA_FILE names a file that contains no certificate in PEM"}},
		"an authority without TLS":               {enough("REDIS_URL=redis://redis.internal", "REDIS_CA_FILE="+authority), []string{"REDIS_CA_FILE is for rediss://"}},
		"a Redis to count in alone":              {enough("RATELIMIT_STORAGE_URL=redis://redis.internal"), nil},
		"what is no Redis":                       {enough("REDIS_URL=http://redis.internal", "RATELIMIT_STORAGE_URL=memory://", "REDIS_MAX_CONNECTIONS=0"), []string{"REDIS_URL is not", "REDIS_MAX_CONNECTIONS is not between", "RATELIMIT_STORAGE_URL is not"}},
		"no limits":                              {enough("RATELIMIT_ENABLED=false"), nil},
		"other limits":                           {enough("RATELIMIT_DEFAULT=10/second", "RATELIMIT_AUTH=1/hour", "RATELIMIT_REFRESH=1000000/minute"), nil},
		"invalid limits":                         {enough("RATELIMIT_ENABLED=perhaps", "RATELIMIT_DEFAULT=100", "RATELIMIT_AUTH=0/minute", "RATELIMIT_REFRESH=5/day"), []string{"RATELIMIT_ENABLED is not true or false", "RATELIMIT_DEFAULT is not N/second", "RATELIMIT_AUTH is not N/second", "RATELIMIT_REFRESH is not N/second"}},
		"a domain list without domain":           {enough("GOOGLE_HOSTED_DOMAINS=,"), []string{"GOOGLE_HOSTED_DOMAINS is set"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := faults((*server.Settings).ForServe, tc.environ)
			same := slices.EqualFunc(tc.want, got, func(want, got string) bool { return strings.HasPrefix(got, want) })
			if !same {
				t.Errorf("the faults differ (-want +got):\n%s", cmp.Diff(tc.want, got))
			}
		})
	}
}

// withKeyFile is what the server needs, with this secret and this key file.
func withKeyFile(secret, file string) []string {
	return enough("JWT_SECRET_KEY="+secret, "JWT_PRIVATE_KEY="+file)
}

func pemOf(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestSettings_PlaceholdersAreRejectedAsSecrets(t *testing.T) {
	t.Parallel()
	for _, placeholder := range []string{
		"change-me-change-me-change-me-change-me", "CHANGEME-32-bytes-or-more-0123456789abc", "please-replace-this-with-random-bytes!",
		"your-super-secret-key-here-0123456789", "example-0123456789-abcdefghijklmnopqr", "this-is-only-a-placeholder-0123456789",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "00000000000000000000000000000000000000", "my-secret-key-that-anyone-can-read",
	} {
		got := faults((*server.Settings).ForServe, enough("SECRET_KEY="+placeholder))
		if len(got) != 1 || !strings.HasPrefix(got[0], "SECRET_KEY looks like a placeholder") {
			t.Errorf("%q is taken for a secret: %v", placeholder, got)
		}
	}
	for _, secret := range []string{
		"8f14e45fceea167a5a36dedd4bea2543", // 16 random bytes in hex
		"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=", "31415926535897932384626433832795028841",
	} {
		if got := faults((*server.Settings).ForServe, enough("SECRET_KEY="+secret)); got != nil {
			t.Errorf("%q is taken for a placeholder: %v", secret, got)
		}
	}
}

func TestSettings_MigrationsNeedOnlyTheDatabase(t *testing.T) {
	t.Parallel()
	const service, owner = "DATABASE_URL=postgres://service@db/db", "MIGRATION_DATABASE_URL=postgres://owner@db/db"
	for name, tc := range map[string]struct{ environ, want []string }{
		"one role":         {[]string{service}, nil},
		"two roles":        {[]string{service, owner}, nil},
		"none":             {nil, []string{"DATABASE_URL is needed"}},
		"an owner alone":   {[]string{owner}, []string{"DATABASE_URL is needed"}},
		"two that are bad": {[]string{"DATABASE_URL=x", "MIGRATION_DATABASE_URL=y"}, []string{"DATABASE_URL is not", "MIGRATION_DATABASE_URL is not"}},
		"what is unread":   {[]string{service, "LOG_LEVEL=LOUD"}, []string{"LOG_LEVEL is not"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := faults((*server.Settings).ForMigrate, tc.environ)
			if !slices.EqualFunc(tc.want, got, func(want, got string) bool { return strings.HasPrefix(got, want) }) {
				t.Errorf("the faults differ (-want +got):\n%s", cmp.Diff(tc.want, got))
			}
		})
	}
}
