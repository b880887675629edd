package app

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
)

// PanicAtProjects lets every list of projects end in a panic with v.
func (a *App) PanicAtProjects(v any) {
	a.api.Outline = outline.NewService(panicking{v: v}, outline.Limits{})
}

type panicking struct {
	outline.Store

	v any
}

func (p panicking) Projects(context.Context, identity.Actor, outline.ListQuery) ([]outline.Project, error) {
	panic(p.v)
}

// ServeCertificate is the TLS of a server with this certificate.
func ServeCertificate(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, log: log}
	return c.tlsConfig(), c.load()
}
