package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate is a self-signed TLS certificate for this machine with its key, both in
// PEM.
type Certificate struct{ Cert, Key []byte }

// NewCertificate returns a certificate that is valid for an hour.
func NewCertificate(t *testing.T, name string) Certificate {
	t.Helper()
	return NewCertificateFrom(t, name, time.Now().Add(-time.Hour))
}

// NewCertificateFrom returns a certificate that is valid for two hours from notBefore.
func NewCertificateFrom(t *testing.T, name string, notBefore time.Time, change ...func(*x509.Certificate)) Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: notBefore, NotAfter: notBefore.Add(2 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, c := range change {
		c(template)
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Certificate{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// CertificateFiles are the paths of a certificate and its key.
type CertificateFiles struct{ Cert, Key string }

// NewCertificateFiles writes c to files in a directory of the test.
func NewCertificateFiles(t *testing.T, c Certificate) CertificateFiles {
	t.Helper()
	dir := t.TempDir()
	f := CertificateFiles{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	f.Write(t, c)
	return f
}

// Write replaces the content of both files.
func (f CertificateFiles) Write(t *testing.T, c Certificate) {
	t.Helper()
	for path, content := range map[string][]byte{f.Cert: c.Cert, f.Key: c.Key} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Environ returns the settings that name the files, and more settings.
func (f CertificateFiles) Environ(more ...string) []string {
	return append([]string{"TLS_CERT_FILE=" + f.Cert, "TLS_KEY_FILE=" + f.Key}, more...)
}
