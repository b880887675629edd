package postgres_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// tlsProxy terminates the TLS of clients in front of a PostgreSQL.
type tlsProxy struct {
	// URL is the service's, with TLS.
	URL string

	inside      *proxy
	certificate atomic.Pointer[tls.Certificate]
}

// newTLSProxy puts TLS in front of the server of a URL. Its URL verifies the server's
// certificate and name against the authorities in a file.
func newTLSProxy(t *testing.T, to, caFile string, c testkit.Certificate) *tlsProxy {
	t.Helper()
	p := &tlsProxy{inside: newProxy(t, to)}
	p.use(t, c)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.terminate(conn)
		}
	}()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = listener.Addr().String()
	query := u.Query()
	query.Set("sslmode", "verify-full")
	query.Set("sslrootcert", caFile)
	u.RawQuery = query.Encode()
	p.URL = u.String()
	return p
}

// use changes the certificate of new connections.
func (p *tlsProxy) use(t *testing.T, c testkit.Certificate) {
	t.Helper()
	pair, err := tls.X509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	p.certificate.Store(&pair)
}

// terminate accepts the request for TLS, which every connection begins with, and passes
// on what it decrypts.
func (p *tlsProxy) terminate(near net.Conn) {
	defer near.Close()
	if _, err := io.ReadFull(near, make([]byte, 8)); err != nil {
		return
	}
	if _, err := near.Write([]byte{'S'}); err != nil {
		return
	}
	inner, err := net.Dial("tcp", p.inside.listener.Addr().String())
	if err != nil {
		return
	}
	defer inner.Close()
	outer := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{*p.certificate.Load()}, MinVersion: tls.VersionTLS12})
	go func() {
		_, _ = io.Copy(inner, outer) // either side may end it
		_ = inner.Close()
	}()
	_, _ = io.Copy(outer, inner)
}

func TestPool_AuthoritiesAreReadForEachConnection(t *testing.T) {
	t.Parallel()
	one, two := testkit.NewCertificate(t, "one"), testkit.NewCertificate(t, "two")
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	trust := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(caFile, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(one.Cert)
	f := newFixture(t)
	p := newTLSProxy(t, f.Service, caFile, one)
	store := f.open(func(c *postgres.Config) { c.URL = p.URL })
	ping := func() error { return retryUnavailable(func() error { return store.Ping(t.Context()) }) }
	if err := ping(); err != nil {
		t.Fatalf("at the start: %v", err)
	}

	p.use(t, two)
	p.inside.reset()
	eventually(t, "the old connection is gone", func() bool { return store.Ping(t.Context()) != nil })
	if err := store.Ping(t.Context()); problem.CodeOf(err) != problem.Unavailable {
		t.Errorf("the certificate of another authority: %v", err)
	}
	trust(append(one.Cert, two.Cert...))
	if err := ping(); err != nil {
		t.Errorf("after the new authority was written: %v", err)
	}

	trust([]byte("half a fi"))
	p.inside.reset()
	if err := ping(); err != nil {
		t.Errorf("while the file is being written: %v", err)
	}
}
