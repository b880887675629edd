package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// PanicAtProjects lets every list of projects end in a panic with v.
func (a *App) PanicAtProjects(v any) {
	a.api.Outline = requirements.NewService(panicking{v: v}, requirements.Limits{})
}

type panicking struct {
	requirements.Store

	v any
}

func (p panicking) Projects(context.Context, auth.Actor, requirements.ListQuery) ([]requirements.Project, error) {
	panic(p.v)
}

// Apart is how far clocks are apart.
var Apart = apart

// OfClock is what the doctor says of a database whose clock is ahead of ours.
func OfClock(ahead time.Duration) (said string) {
	s := &Settings{}
	for _, sign := range s.conditions(postgres.ServerInfo{Durable: true, MaxConnections: 100, ClockAhead: ahead}) {
		if strings.Contains(sign.said, "clock") {
			said += string(sign.verdict) + " " + sign.said
		}
	}
	return said
}

// OfSilence is what the doctor says of two things that go on for a day whatever they
// are told, and of one between them that answers.
func OfSilence(ctx context.Context) (said []string) {
	silent := func(context.Context) []sign { time.Sleep(24 * time.Hour); return nil }
	answers := func(context.Context) []sign { return []sign{{fine, "b", "answers"}} }
	for _, sign := range lookAt(ctx, []look{{"a", silent}, {"b", answers}, {"c", silent}}) {
		said = append(said, string(sign.verdict)+" "+sign.what+" "+sign.said)
	}
	return said
}

// ServeCertificate is the TLS of a server with this certificate.
func ServeCertificate(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, log: log}
	return c.tlsConfig(), c.load()
}

// IdleTimeout is how long a server with these settings keeps a connection that
// nobody uses.
func (s *Settings) IdleTimeout() time.Duration { return s.idleTimeout() }
