package server_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
)

func TestTheHealthcheckKnowsItsOwnServerOverHTTPS(t *testing.T) {
	t.Parallel()
	one := newPair(t, "one")
	files := newPairFiles(t, one)
	r := newWorld(t).run(t, func(*server.App) {}, files.environ()...)
	defer r.end(t)
	at := "HTTP_ADDR=" + strings.TrimPrefix(r.url, "http://")
	check := func(environ ...string) error {
		return server.Healthcheck(t.Context(), load(t, "", append(environ, at)...))
	}

	if err := check(files.environ()...); err != nil {
		t.Errorf("its own server: %v", err)
	}
	if err := check(newPairFiles(t, newPair(t, "another")).environ()...); err == nil || !strings.Contains(err.Error(), "another certificate") {
		t.Errorf("a server with another certificate: %v", err)
	}
	if err := check(); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("over plain HTTP: %v", err)
	}
	files.hold(t, newPair(t, "two"))
	if err := check(files.environ()...); err != nil {
		t.Errorf("with a new certificate: %v", err)
	}
	write(t, files.cert, newPair(t, "three").cert)
	if err := check(files.environ()...); err != nil {
		t.Errorf("with half a new certificate, while the server goes on with the one before: %v", err)
	}
}
