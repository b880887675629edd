package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
)

// file writes a file of the test's own.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, dotenv string, environ ...string) *server.Settings {
	t.Helper()
	path := ""
	if dotenv != "" {
		path = file(t, dotenv)
	}
	s, err := server.Load(environ, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettings_EnvironmentOverridesDotenv(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dotenv  string
		environ []string
		want    string // of JWT_ISSUER
	}{
		"nowhere":                         {"", nil, "codegenapp"},
		"the environment":                 {"", []string{"JWT_ISSUER=env"}, "env"},
		"the file":                        {"JWT_ISSUER=file\n", nil, "file"},
		"both":                            {"JWT_ISSUER=file\n", []string{"JWT_ISSUER=env"}, "env"},
		"empty in the environment":        {"JWT_ISSUER=file\n", []string{"JWT_ISSUER="}, "file"},
		"empty in the file":               {"JWT_ISSUER=\n", []string{"JWT_ISSUER=env"}, "env"},
		"empty in both":                   {"JWT_ISSUER=\n", []string{"JWT_ISSUER="}, "codegenapp"},
		"twice in the environment":        {"", []string{"JWT_ISSUER=first", "JWT_ISSUER=last"}, "last"},
		"a value with an equals sign":     {"", []string{"JWT_ISSUER=a=b=c"}, "a=b=c"},
		"a file with everything":          {"# about\n\n  export JWT_ISSUER = \"spaced out\"  \r\n#JWT_ISSUER=no\n", nil, "spaced out"},
		"single quotes":                   {"JWT_ISSUER='it is # so'\n", nil, "it is # so"},
		"quotes that do not belong":       {"JWT_ISSUER=\"open\n", nil, `"open`},
		"no newline at the end":           {"JWT_ISSUER=file", nil, "file"},
		"a name that only begins like it": {"JWT_ISSUER_OLD=file\n", nil, "codegenapp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := load(t, tc.dotenv, tc.environ...).JWTIssuer; got != tc.want {
				t.Errorf("JWT_ISSUER is %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSettings_PortAloneIsUsed(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string][]string{
		":8080":          nil,
		":9000":          {"PORT=9000"},
		":9001":          {"PORT=9001", "HTTP_ADDR="},
		"127.0.0.1:9002": {"PORT=9000", "HTTP_ADDR=127.0.0.1:9002"},
	} {
		if got := load(t, "", environ...).Addr; got != want {
			t.Errorf("of %v it makes %q, want %q", environ, got, want)
		}
	}
}

func TestSettings_DurationsAreSecondsOrGoFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"3600": time.Hour, "1h": time.Hour, "1h30m": 90 * time.Minute, "0": 0, "250ms": 250 * time.Millisecond, "720h": 720 * time.Hour,
	} {
		s := load(t, "", "SHUTDOWN_GRACE="+text, "SHUTDOWN_DRAIN="+text)
		if got := time.Duration(s.ShutdownGrace); got != want || time.Duration(*s.ShutdownDrain) != want {
			t.Errorf("of %q it makes %s", text, got)
		}
	}
	for _, text := range []string{"soon", "1", "1.5", "1 h", "h", "1d", "9223372037", "-9223372037", "99999999999999999999", "1e3"} {
		_, err := server.Load([]string{"SHUTDOWN_GRACE=" + text}, "")
		if text == "1" {
			if err != nil {
				t.Errorf("%q is rejected: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "SHUTDOWN_GRACE is not a duration") {
			t.Errorf("%q is not refused: %v", text, err)
		}
	}
}

func TestSettings_ListsAreCommaSeparated(t *testing.T) {
	t.Parallel()
	s := load(t, "", "GOOGLE_CLIENT_ID= one , two,,three,", "GOOGLE_HOSTED_DOMAINS=example.com,", "JWT_PREVIOUS_SECRET_KEYS=a,,b ,")
	if diff := cmp.Diff([]string{"one", "two", "three"}, s.GoogleClientIDs); diff != "" {
		t.Errorf("the client ids (-want +got):\n%s", diff)
	}
	// An empty domain would allow accounts without a domain.
	if diff := cmp.Diff([]string{"example.com"}, s.GoogleHostedDomains); diff != "" {
		t.Errorf("the domains (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]server.Secret{"a", "b"}, s.JWTPrevious); diff != "" {
		t.Errorf("the previous keys differ")
	}
	for _, none := range []string{",", " ", " , "} {
		if _, err := server.Load([]string{"GOOGLE_HOSTED_DOMAINS=" + none}, ""); err == nil {
			t.Errorf("GOOGLE_HOSTED_DOMAINS=%q allows every account", none)
		}
	}
}

func TestSettings_SecretsFromFiles(t *testing.T) {
	t.Parallel()
	s := load(t, "",
		"SECRET_KEY_FILE="+file(t, "of a file \n"), "JWT_SECRET_KEY_FILE="+file(t, "windows\r\n"), "JWT_SECRET_KEY=",
		"JWT_PREVIOUS_SECRET_KEYS_FILE="+file(t, "one,two"), "DATABASE_URL_FILE="+file(t, "postgres://file\n\n"),
		"MIGRATION_DATABASE_URL_FILE=")
	got := []server.Secret{s.SecretKey, s.JWTSecret, s.JWTPrevious[0], s.JWTPrevious[1], s.DatabaseURL, s.MigrationDatabaseURL}
	want := []server.Secret{"of a file ", "windows", "one", "two", "postgres://file", ""}
	for n := range want {
		if string(got[n]) != string(want[n]) {
			t.Errorf("secret %d is %q, want %q", n, string(got[n]), string(want[n]))
		}
	}
	for fault, environ := range map[string][]string{
		"SECRET_KEY and SECRET_KEY_FILE are both set":        {"SECRET_KEY=x", "SECRET_KEY_FILE=" + file(t, "y")},
		"SECRET_KEY_FILE names a file that cannot be read":   {"SECRET_KEY_FILE=" + t.TempDir() + "/none"},
		"DATABASE_URL_FILE names a file that cannot be read": {"DATABASE_URL_FILE=" + t.TempDir()},
	} {
		_, err := server.Load(environ, "")
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q is not said: %v", fault, err)
		}
	}
	// Only secrets can come from files; a file for another setting must not seem to work.
	if got := load(t, "", "LOG_FORMAT_FILE="+file(t, "text")).LogFormat; got != "json" {
		t.Errorf("LOG_FORMAT_FILE made the format %q", got)
	}
}

func TestSettings_UnreadableFilesAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ path, want string }{
		"a line without a value": {file(t, "A=1\n\n# about\ncanary\n"), "line 4 of "},
		"a directory":            {t.TempDir(), "cannot be read"},
		"an endless line":        {file(t, "A="+strings.Repeat("canary", 100_000)), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := server.Load(nil, tc.path)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.path) || strings.Contains(err.Error(), "canary") {
				t.Errorf("it says %v", err)
			}
		})
	}
}
