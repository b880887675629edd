package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// trusting is what a client must know to trust the certificate.
func trusting(p testkit.Certificate, protocols ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(p.Cert)
	return &tls.Config{RootCAs: pool, NextProtos: protocols}
}

// over is a client that trusts the certificate; of HTTP/2 if http2 is true.
func over(p testkit.Certificate, http2 bool) *http.Client {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: trusting(p), Protocols: protocols,
	}}
}

func getBy(t *testing.T, client *http.Client, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestTLS_ServerTerminatesHTTPS(t *testing.T) {
	t.Parallel()
	p := testkit.NewCertificate(t, "one")
	r := newFixture(t).run(t, func(*server.App) {}, testkit.NewCertificateFiles(t, p).Environ("REQUIRE_HTTPS=true", "TRUSTED_PROXIES=192.0.2.1")...)
	defer r.end(t)
	address := strings.TrimPrefix(r.url, "http://")

	for _, http2 := range []bool{true, false} {
		for path, want := range map[string]int{"/health/live": 200, "/nothing": 404, "/api/v1/projects": 401} {
			response, body := getBy(t, over(p, http2), "https://"+address+path, "X-Forwarded-Proto", "http")
			if response.StatusCode != want || (response.ProtoMajor == 2) != http2 {
				t.Errorf("%s got %s %d %s", path, response.Proto, response.StatusCode, body)
			}
			if response.Header.Get("Strict-Transport-Security") == "" || response.Header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s got the headers %v", path, response.Header)
			}
		}
	}
	response, body := getBy(t, over(p, true), "https://"+address+"/health/live", "X-Large", strings.Repeat("a", 70_000))
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge || !strings.Contains(body, "headers_too_large") {
		t.Errorf("over HTTP/2, large headers got %d %s", response.StatusCode, body)
	}

	for version, spoken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := trusting(p)
		config.MinVersion, config.MaxVersion = version, version
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
		if (err == nil) != spoken {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}

	for suite, spoken := range map[uint16]bool{
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: true,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:    false, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: false,
	} {
		config := trusting(p)
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite}
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
		if (err == nil) != spoken {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// exchange sends bytes and reads one response.
func exchange(t *testing.T, conn net.Conn, text string) (*http.Response, string) {
	t.Helper()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.40q: %v", text, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestTLS_MalformedRequestsAreRejected(t *testing.T) {
	t.Parallel()
	p := testkit.NewCertificate(t, "one")
	r := newFixture(t).run(t, func(*server.App) {}, testkit.NewCertificateFiles(t, p).Environ()...)
	defer r.end(t)
	address := strings.TrimPrefix(r.url, "http://")
	for text, status := range map[string]int{
		"GET / HTTP/1.1\r\n\r\n": 400,
		"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 404,
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n":                                                  417,
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 100_000) + "\r\n\r\n":                       431,
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 200_000) + "\r\n\r\n":                       431,
	} {
		conn, err := (&tls.Dialer{Config: trusting(p, "http/1.1")}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		answer, body := exchange(t, conn, text)
		if answer.StatusCode != status || !answer.Close && status != 431 {
			t.Errorf("%.60q is answered %d %v %s", text, answer.StatusCode, answer.Header, body)
		}
	}
	for _, text := range []string{
		"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", "POST /api/v1/projects HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if answer, body := exchange(t, conn, text); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "HTTPS") {
			t.Errorf("plain HTTP at the port of HTTPS, %.30q, is answered %d %s", text, answer.StatusCode, body)
		}
	}
}

// served is the name in the certificate that a handshake shows.
func served(t *testing.T, config *tls.Config) string {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		_ = tls.Server(theirs, config).HandshakeContext(context.WithoutCancel(t.Context())) // the client checks the result
	}()
	client := tls.Client(ours, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}) // looked at below
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return client.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestTLS_CertificateIsReloadedWhenItChanges(t *testing.T) {
	t.Parallel()
	one, two, three := testkit.NewCertificate(t, "one"), testkit.NewCertificate(t, "two"), testkit.NewCertificate(t, "three")
	f := testkit.NewCertificateFiles(t, one)
	now := time.Now()
	var log bytes.Buffer
	config, err := server.ServeCertificate(f.Cert, f.Key, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	warnings := func() int { return strings.Count(log.String(), "level=WARN") }
	wants := func(when, name string, warned int) {
		t.Helper()
		if got := served(t, config); got != name || warnings() != warned {
			t.Errorf("%s: the certificate is %q, want %q; warned %d times, want %d\n%s", when, got, name, warnings(), warned, &log)
		}
	}
	later := func() { now = now.Add(2 * time.Second) }

	wants("at the start", "one", 0)
	f.Write(t, two)
	wants("before the time is up", "one", 0)
	later()
	wants("after it", "two", 0)

	// A testkit.Certificate is written in two steps; between them it does not fit.
	writeFile(t, f.Cert, three.Cert)
	later()
	wants("with the certificate alone", "two", 1)
	later()
	wants("a while after that", "two", 1)
	writeFile(t, f.Key, three.Key)
	later()
	wants("with the key, too", "three", 1)

	for what, broken := range map[string]testkit.Certificate{
		"nothing": {}, "garbage": {Cert: []byte("garbage"), Key: []byte("garbage")}, "half a certificate": {Cert: one.Cert[:200], Key: one.Key},
		"a key for a certificate": {Cert: one.Key, Key: one.Cert},
	} {
		before := warnings()
		f.Write(t, broken)
		for range 3 {
			later()
			wants("with "+what, "three", before+1)
		}
	}
	before := warnings()
	if err := os.Remove(f.Key); err != nil {
		t.Fatal(err)
	}
	later()
	wants("without a key", "three", before+1)
	f.Write(t, one)
	later()
	wants("at last", "one", before+1)
	if got := strings.Count(log.String(), "the certificate has changed"); got != 3 {
		t.Errorf("the log tells %d times of a new certificate, want 3:\n%s", got, &log)
	}
}

// Kubernetes changes a link, not the files.
func TestTLS_CertificateBehindSymbolicLinks(t *testing.T) {
	t.Parallel()
	one, two := testkit.NewCertificateFiles(t, testkit.NewCertificate(t, "one")), testkit.NewCertificateFiles(t, testkit.NewCertificate(t, "two"))
	at := time.Now().Add(-time.Hour)
	for _, path := range []string{one.Cert, one.Key, two.Cert, two.Key} {
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
	}
	data := filepath.Join(t.TempDir(), "data")
	link := func(to testkit.CertificateFiles) {
		t.Helper()
		if err := os.Symlink(filepath.Dir(to.Cert), data+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(data+".new", data); err != nil {
			t.Fatal(err)
		}
	}
	link(one)
	now := time.Now()
	config, err := server.ServeCertificate(filepath.Join(data, "tls.crt"), filepath.Join(data, "tls.key"), func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := served(t, config); got != "one" {
		t.Errorf("the certificate is %q", got)
	}
	link(two)
	now = now.Add(time.Minute)
	if got := served(t, config); got != "two" {
		t.Errorf("the certificate is still %q", got)
	}
}
