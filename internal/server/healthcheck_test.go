package server_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestHealthcheck_PinsTheCertificate(t *testing.T) {
	t.Parallel()
	one := testkit.NewCertificate(t, "one")
	files := testkit.NewCertificateFiles(t, one)
	r := newFixture(t).run(t, func(*server.App) {}, files.Environ()...)
	defer r.end(t)
	at := "HTTP_ADDR=" + strings.TrimPrefix(r.url, "http://")
	check := func(environ ...string) error {
		return server.Healthcheck(t.Context(), load(t, "", append(environ, at)...))
	}

	if err := check(files.Environ()...); err != nil {
		t.Errorf("its own server: %v", err)
	}
	if err := check(testkit.NewCertificateFiles(t, testkit.NewCertificate(t, "another")).Environ()...); err == nil || !strings.Contains(err.Error(), "another certificate") {
		t.Errorf("a server with another certificate: %v", err)
	}
	if err := check(); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("over plain HTTP: %v", err)
	}
	files.Write(t, testkit.NewCertificate(t, "two"))
	if err := check(files.Environ()...); err != nil {
		t.Errorf("with a new certificate: %v", err)
	}
	writeFile(t, files.Cert, testkit.NewCertificate(t, "three").Cert)
	if err := check(files.Environ()...); err != nil {
		t.Errorf("with half a new certificate, while the server goes on with the one before: %v", err)
	}
}
