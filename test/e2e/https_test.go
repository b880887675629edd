package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestHTTPS_ServeAndHealthcheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate := newCertificate(t, dir)
	env := []string{
		"DATABASE_URL=postgres://user@127.0.0.1:1/none", "GOOGLE_CLIENT_ID=" + testkit.ClientID, "SECRET_KEY=" + secretKey, "JWT_SECRET_KEY=" + jwtSecret,
		"HTTP_ADDR=" + freeAddress(t), "SHUTDOWN_DRAIN=0", "APP_ENV=production",
	}
	with := func(dir string) []string {
		return append(slices.Clone(env), "TLS_CERT_FILE="+filepath.Join(dir, "tls.crt"), "TLS_KEY_FILE="+filepath.Join(dir, "tls.key"))
	}
	s := serve(t, with(dir))
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	trusting := &http.Client{Timeout: waitTimeout, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	answer, err := trusting.Get(strings.Replace(s.URL, "http://", "https://", 1) + "/health/live")
	must(t, err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("over HTTPS health is answered %s %v", answer.Status, answer.Header)
	}
	get(t, s.URL+"/api/v1/projects", "").want(http.StatusBadRequest) // net/http answers plain HTTP at the port of HTTPS
	run(t, programOptions{args: []string{"healthcheck"}, env: with(dir)}).wantExit(0)
	other := t.TempDir()
	newCertificate(t, other)
	run(t, programOptions{args: []string{"healthcheck"}, env: with(other)}).wantLine(1, "another certificate")
	wantNone(t, s.logs.String(), "every request will be rejected")
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
}

func TestHTTPS_WarnsWhenUnreachable(t *testing.T) {
	t.Parallel()
	env := serveEnv("postgres://user@127.0.0.1:1/none", "https://accounts.google.com", "APP_ENV=production", "SHUTDOWN_DRAIN=0")
	s := serve(t, env)
	s.waitForOutput(&s.logs, `"severity":"WARNING","message":"every request will be rejected`)
	get(t, s.URL+"/health/live", "").want(http.StatusOK)
	if a := get(t, s.URL+"/api/v1/projects", "").want(http.StatusForbidden); a.code() != "https_required" {
		t.Errorf("plain HTTP is answered %s", a.Body)
	}
	s.signal(syscall.SIGTERM)
	s.wantExit(0)
}

// newCertificate writes a certificate for this machine, and its key, to dir.
func newCertificate(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	made, err := x509.ParseCertificate(raw)
	must(t, err)
	return made
}
