package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a certificate is served before its files are looked
// at again.
const certificateAge = time.Second

// certificate is a certificate with its key, read again when the files change. A
// new pair that cannot be used changes nothing.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	// read is what the files were when they were read last, told when a fault was
	// logged last.
	read, told files
	broken     bool
}

// files tells one state of the two files from another.
type files [2]struct {
	modified time.Time
	size     int64
}

// load reads the files for the first time.
func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.looked = c.stat(), c.now()
	var err error
	c.current, err = readPair(c.certFile, c.keyFile)
	return err
}

// suites are those of TLS 1.2: a key of its own for each connection, and a cipher
// that authenticates. Left to itself Go also takes CBC. TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
}

// tlsConfig serves the certificate.
func (c *certificate) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(hello.Context()), nil },
	}
}

// get is the certificate for a handshake. It looks at the files at most once in
// certificateAge, and reads them where they have changed, or could not be used
// before: a pair is written in two steps.
func (c *certificate) get(ctx context.Context) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.looked) < certificateAge {
		return c.current
	}
	c.looked = now
	seen := c.stat() // before reading: what changes meanwhile is read again
	if seen == c.read && !c.broken {
		return c.current
	}
	c.read = seen
	fresh, err := readPair(c.certFile, c.keyFile)
	c.broken = err != nil
	switch {
	case err == nil:
		c.current = fresh
		c.log.InfoContext(ctx, "the certificate has changed", "not_after", fresh.Leaf.NotAfter)
	case c.told != seen:
		c.told = seen
		c.log.WarnContext(ctx, "the new certificate cannot be used; the one before stays", "error", err)
	}
	return c.current
}

// stat sees changes through links, too, as Kubernetes makes them. What is not
// there has no time and no size.
func (c *certificate) stat() (seen files) {
	for n, path := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(path); err == nil {
			seen[n].modified, seen[n].size = info.ModTime(), info.Size()
		}
	}
	return seen
}

// readPair reads a certificate and its key. The text of an error begins with the
// setting that is at fault.
func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, errors.New("TLS_CERT_FILE names a file that cannot be read")
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, errors.New("TLS_KEY_FILE names a file that cannot be read")
	}
	if _, err := leafOf(cert); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("TLS_KEY_FILE is not the key of the certificate in TLS_CERT_FILE: %w", err)
	}
	return &pair, nil
}

// leafOf is the first certificate of a chain: the one that is the server's own.
func leafOf(chain []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(chain)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("TLS_CERT_FILE does not begin with a certificate in PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("TLS_CERT_FILE does not begin with a certificate that can be read: %w", err)
	}
	return leaf, nil
}
