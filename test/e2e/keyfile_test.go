package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// openssl runs a command of docs/operations/signing-keys.md in a directory.
func openssl(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl, by which operators make keys")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func TestKeyFile_SignsTokens(t *testing.T) {
	t.Parallel()
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	for name, tc := range map[string]struct {
		command   []string
		algorithm string
	}{
		"Ed25519":       {[]string{"genpkey", "-algorithm", "ed25519"}, "EdDSA"},
		"P-256":         {[]string{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, "ES256"},
		"P-256 in SEC1": {[]string{"ecparam", "-name", "prime256v1", "-genkey"}, "ES256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			openssl(t, dir, append(tc.command, "-out", "jwt.pem")...)
			openssl(t, dir, "pkey", "-in", "jwt.pem", "-pubout", "-out", "public.pem")
			file := filepath.Join(dir, "jwt.pem")
			s := serve(t, serveEnv(db.Service, google.URL, "JWT_SECRET_KEY=", "JWT_PRIVATE_KEY_FILE="+file)).waitReady()
			token := s.signIn(google, fmt.Sprintf("ann-%d@example.com", len(name)))
			get(t, s.URL+"/api/v1/users/me", token).want(200)
			var set struct{ Keys []struct{ Alg, Kid string } }
			get(t, s.URL+"/.well-known/jwks.json", "").want(200).decode(&set)
			if len(set.Keys) != 1 || set.Keys[0].Alg != tc.algorithm {
				t.Fatalf("the server publishes %v", set.Keys)
			}
			s.waitForOutput(&s.logs, `"message":"access tokens are signed","key":"`+tc.algorithm+" "+set.Keys[0].Kid+`"`)

			// Next to it, a server that still signs with a secret, before the change.
			other := serve(t, serveEnv(db.Service, google.URL, "JWT_PRIVATE_KEY_FILE="+filepath.Join(dir, "public.pem"))).waitReady()
			get(t, other.URL+"/api/v1/users/me", token).want(200)
			get(t, s.URL+"/api/v1/users/me", other.signIn(google, fmt.Sprintf("ben-%d@example.com", len(name)))).want(401)

			text, err := os.ReadFile(file)
			must(t, err)
			for _, run := range []*server{s, other} {
				for line := range strings.Lines(string(text)) {
					wantNone(t, run.logs.String(), strings.TrimSpace(line))
				}
				run.signal(syscall.SIGTERM)
				run.wantExit(0)
			}
		})
	}
}

func TestKeyFile_RejectsOtherKinds(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"RSA":     {"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
		"P-384":   {"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
		"Ed448":   {"genpkey", "-algorithm", "ed448"},
		"X25519":  {"genpkey", "-algorithm", "x25519"},
		"a curve": {"ecparam", "-name", "secp256k1", "-genkey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			openssl(t, dir, append(command, "-out", "jwt.pem")...)
			p := run(t, programOptions{args: []string{"serve"}, env: serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1",
				"JWT_SECRET_KEY=", "JWT_PRIVATE_KEY_FILE="+filepath.Join(dir, "jwt.pem"))})
			p.wantExit(2)
			wantAll(t, p.logs.String(), "  - JWT_PRIVATE_KEY_FILE holds a block (number ", "neither Ed25519 nor P-256")
		})
	}
}
