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

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// edge is the configuration of connections from clients.
type edge struct {
	certificate *certificate // nil unless the server terminates TLS
	proxies     middleware.Proxies
	public      middleware.PublicURL // zero if each request says it
}

// edgeConfig returns the edge, or all faults of its settings.
func (s *Settings) edgeConfig(log *slog.Logger) (edge, error) {
	f := &faultList{}
	e := s.readEdge(f, log)
	return e, f.err()
}

// readEdge reads the edge and checks the CORS origins. Faults begin with the name of
// their setting.
func (s *Settings) readEdge(f *faultList, log *slog.Logger) (e edge) {
	var err error
	if e.proxies, err = middleware.ParseProxies(s.TrustedProxies); err != nil {
		f.add(true, fmt.Sprintf("TRUSTED_PROXIES %v", err))
	}
	if s.PublicURL != "" {
		if e.public, err = middleware.ParsePublicURL(s.PublicURL, middleware.OriginRules{Plain: !s.requireHTTPS()}); err != nil {
			f.add(true, fmt.Sprintf("PUBLIC_URL %v", err))
		}
	}
	if err = middleware.CheckOrigins(s.CORSOrigins, middleware.OriginRules{Any: !s.Production(), Plain: !s.Production()}); err != nil {
		f.add(true, fmt.Sprintf("CORS_ORIGINS %v", err))
	}
	f.add(s.TLSCertFile == "" && s.TLSKeyFile != "", "TLS_CERT_FILE is needed with TLS_KEY_FILE")
	f.add(s.TLSCertFile != "" && s.TLSKeyFile == "", "TLS_KEY_FILE is needed with TLS_CERT_FILE")
	if s.TerminatesTLS() {
		e.certificate = &certificate{certFile: s.TLSCertFile, keyFile: s.TLSKeyFile, now: time.Now, log: log}
		if err := e.certificate.load(); err != nil {
			f.add(true, err.Error())
		}
	}
	return e
}

// checkEdge checks each setting of the edge, and their combination.
func (s *Settings) checkEdge(f *faultList) {
	e := s.readEdge(f, slog.New(slog.DiscardHandler))
	for _, prefix := range e.proxies {
		f.add(s.Production() && prefix.Bits() == 0,
			"TRUSTED_PROXIES trusts every address, so any client could forge its own; list the networks of the proxies")
	}
	f.add(s.Production() && !s.requireHTTPS() && !s.TerminatesTLS() && len(s.TrustedProxies) == 0,
		"REQUIRE_HTTPS is false, but neither TLS_CERT_FILE nor TRUSTED_PROXIES is set, so clients could not use HTTPS")
}

// TerminatesTLS reports whether the server terminates TLS itself.
func (s *Settings) TerminatesTLS() bool { return s.TLSCertFile != "" && s.TLSKeyFile != "" }

// requireHTTPS returns REQUIRE_HTTPS; if unset, it is true in production alone.
func (s *Settings) requireHTTPS() bool {
	if s.RequireHTTPS != nil {
		return *s.RequireHTTPS
	}
	return s.Production()
}

// Unreachable reports whether HTTPS is required, but no client can use it.
func (s *Settings) Unreachable() bool {
	return s.requireHTTPS() && !s.TerminatesTLS() && len(s.TrustedProxies) == 0
}

// reloadInterval is the shortest time between two checks of the certificate's files.
const reloadInterval = time.Second

// certificate is a TLS certificate with its key that is reloaded when the files
// change. A new pair that is invalid is ignored.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu        sync.Mutex
	current   *tls.Certificate
	checkedAt time.Time
	// loaded is the version of the files that was read last, reported the version
	// whose fault was logged last.
	loaded, reported fileVersions
	invalid          bool
}

// fileVersions identifies one version of the two files.
type fileVersions [2]struct {
	modified time.Time
	size     int64
}

// load reads the files for the first time.
func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded, c.checkedAt = c.stat(), c.now()
	var err error
	c.current, err = ReadCertificate(c.certFile, c.keyFile)
	return err
}

// cipherSuites are those of TLS 1.2 with forward secrecy and authenticated encryption.
// Go's defaults include CBC. All suites of TLS 1.3 have both properties.
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
}

// tlsConfig returns a configuration that serves the certificate.
func (c *certificate) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: cipherSuites, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(hello.Context()), nil },
	}
}

// get returns the certificate for a handshake. It checks the files once in
// reloadInterval, and reads them if they have changed or were invalid before: a pair
// is written in two steps.
func (c *certificate) get(ctx context.Context) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.checkedAt) < reloadInterval {
		return c.current
	}
	c.checkedAt = now
	version := c.stat() // before reading: a change in between is read next time
	if version == c.loaded && !c.invalid {
		return c.current
	}
	c.loaded = version
	pair, err := ReadCertificate(c.certFile, c.keyFile)
	c.invalid = err != nil
	switch {
	case err == nil:
		c.current = pair
		c.log.InfoContext(ctx, "the certificate has changed", "not_after", pair.Leaf.NotAfter)
	case c.reported != version:
		c.reported = version
		c.log.WarnContext(ctx, "the new certificate cannot be used; the previous one stays", "error", err)
	}
	return c.current
}

// stat follows symbolic links, with which Kubernetes replaces files. A missing file
// has no time and no size.
func (c *certificate) stat() (version fileVersions) {
	for n, path := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(path); err == nil {
			version[n].modified, version[n].size = info.ModTime(), info.Size()
		}
	}
	return version
}

// ReadCertificate reads a certificate and its key. Its errors begin with the name of
// the setting that is at fault.
func ReadCertificate(certFile, keyFile string) (*tls.Certificate, error) {
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

// leafOf parses the first certificate of a chain, which is the server's own.
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
