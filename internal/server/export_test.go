package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// PanicAtProjects makes every list of projects panic with v.
func (a *App) PanicAtProjects(v any) {
	a.api.Requirements = requirements.NewService(panicking{v: v}, requirements.Limits{})
}

type panicking struct {
	requirements.Store

	v any
}

func (p panicking) Projects(context.Context, auth.Actor, requirements.ListQuery) ([]requirements.Project, error) {
	panic(p.v)
}

// ServeCertificate returns the TLS configuration of a server with this certificate.
func ServeCertificate(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, log: log}
	return c.tlsConfig(), c.load()
}

// IdleTimeout returns how long a server with these settings keeps an idle connection.
func (s *Settings) IdleTimeout() time.Duration { return s.idleTimeout() }
