package ratelimit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"sync/atomic"
)

// authorities are the certificate authorities in a file. The file is read again for
// each connection, since authorities are replaced while the server runs.
type authorities struct {
	file string
	last atomic.Pointer[x509.CertPool]
}

// CheckCAFile returns nil if the file contains authorities. Its error is the rest of a
// sentence that begins with the name of the setting.
func CheckCAFile(file string) error {
	_, err := newAuthorities(file)
	return err
}

func newAuthorities(file string) (*authorities, error) {
	a := &authorities{file: file}
	return a, a.read()
}

func (a *authorities) read() error {
	content, err := os.ReadFile(a.file)
	if err != nil {
		return errors.New("names a file that cannot be read")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return errors.New("names a file that contains no certificate in PEM")
	}
	a.last.Store(pool)
	return nil
}

// verify accepts a certificate of the authorities, whatever name it has: it is the
// sslmode verify-ca of PostgreSQL. A file that cannot be used, because it is being
// written, changes nothing.
func (a *authorities) verify(state tls.ConnectionState) error {
	_ = a.read() // the authorities that were read last stay
	intermediates := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: a.last.Load(), Intermediates: intermediates})
	return err
}

// config returns the configuration of connections whose server the authorities vouch for.
func (a *authorities) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // verify replaces the library's verification
		VerifyConnection:   a.verify,
	}
}
