package ratelimit_test

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// tlsRedis is a Redis that also listens for TLS, and the file of authorities of its
// clients.
type tlsRedis struct {
	*redisserver.Server

	files  testkit.CertificateFiles
	config ratelimit.Config
}

// newTLSRedis starts a Redis with a certificate. Its clients trust it.
func newTLSRedis(t *testing.T, c testkit.Certificate) *tlsRedis {
	t.Helper()
	port, err := redisserver.FreePort(t.Context())
	check(t, err)
	r := &tlsRedis{files: testkit.NewCertificateFiles(t, c)}
	r.Server, err = redisserver.Start(t.Context(), t.TempDir(), "--tls-port", strconv.Itoa(port),
		"--tls-cert-file", r.files.Cert, "--tls-key-file", r.files.Key, "--tls-auth-clients", "no")
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(r.Kill)
	r.config = ratelimit.Config{
		URL:            "rediss://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/0",
		CAFile:         filepath.Join(t.TempDir(), "ca.pem"),
		MaxConnections: 1, Timeout: time.Minute, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	r.trust(t, c.Cert)
	return r
}

// trust replaces the file of authorities.
func (r *tlsRedis) trust(t *testing.T, content []byte) {
	t.Helper()
	check(t, os.WriteFile(r.config.CAFile, content, 0o600))
}

// restart starts Redis with another certificate, so clients have to connect again.
func (r *tlsRedis) restart(t *testing.T, c testkit.Certificate) {
	t.Helper()
	r.Kill()
	r.files.Write(t, c)
	check(t, r.Restart(t.Context()))
}

// connects returns nil if a new client can use Redis.
func (r *tlsRedis) connects(t *testing.T) error {
	t.Helper()
	_, err := ratelimit.Inspect(t.Context(), r.config, func(context.Context, *ratelimit.Redis) error { return nil })
	return err
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRedisCA_FileIsReadForEachConnection(t *testing.T) {
	t.Parallel()
	one, two := testkit.NewCertificate(t, "one"), testkit.NewCertificate(t, "two")
	r := newTLSRedis(t, one)
	client, err := ratelimit.Open(t.Context(), r.config)
	check(t, err)
	t.Cleanup(client.Close)
	awaitResponse := func(when string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); client.Check(t.Context()) != nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: Redis is not used", when)
			}
		}
	}
	awaitResponse("at the start")

	r.restart(t, two)
	if err := r.connects(t); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("the certificate of another authority: %v", err)
	}
	if client.Check(t.Context()) == nil {
		t.Error("the certificate of another authority is accepted")
	}
	r.trust(t, append(one.Cert, two.Cert...))
	awaitResponse("after the new authority was written")

	r.trust(t, []byte("half a fi"))
	r.restart(t, two)
	awaitResponse("while the file is being written")
	check(t, os.Remove(r.config.CAFile))
	r.restart(t, two)
	awaitResponse("without the file")
}

// Google's Memorystore presents certificates that name no address. Its authority is of
// one instance, so the authority alone says which server it is.
func TestRedisCA_NameIsNotCompared(t *testing.T) {
	t.Parallel()
	nameless := testkit.NewCertificateFrom(t, "redis", time.Now().Add(-time.Hour), func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = nil, nil
	})
	check(t, newTLSRedis(t, nameless).connects(t))

	expired := newTLSRedis(t, testkit.NewCertificateFrom(t, "redis", time.Now().Add(-3*time.Hour)))
	if err := expired.connects(t); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired certificate: %v", err)
	}
	unnamed := newTLSRedis(t, nameless)
	unnamed.config.CAFile = ""
	if err := unnamed.connects(t); err == nil {
		t.Error("without a file, any certificate is accepted")
	}
}

func TestRedisCA_FileIsChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	check(t, os.WriteFile(empty, []byte("none"), 0o600))
	for name, tc := range map[string]struct{ file, want string }{
		"a file that does not exist":     {filepath.Join(dir, "none.pem"), "names a file that cannot be read"},
		"a file without any certificate": {empty, "names a file that contains no certificate in PEM"},
	} {
		if err := ratelimit.CheckCAFile(tc.file); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ratelimit.Open(t.Context(), ratelimit.Config{URL: "rediss://localhost/0", CAFile: tc.file}); err == nil {
			t.Errorf("%s: it can be opened", name)
		}
	}
}
