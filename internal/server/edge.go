package server

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// edge is what the settings say of the way to a caller: TLS of our own, and
// proxies before us.
type edge struct {
	certificate *certificate // nil without TLS of our own
	proxies     middleware.Proxies
}

// edge reads it, and checks the origins of pages in browsers. Faults begin with
// the name of their setting.
func (s *Settings) edge(f *findings, log *slog.Logger) (e edge) {
	var err error
	if e.proxies, err = middleware.ParseProxies(s.TrustedProxies); err != nil {
		f.add(true, fmt.Sprintf("TRUSTED_PROXIES %v", err))
	}
	if err = middleware.CheckOrigins(s.CORSOrigins, middleware.OriginRules{Any: !s.Production(), Plain: !s.Production()}); err != nil {
		f.add(true, fmt.Sprintf("CORS_ORIGINS %v", err))
	}
	f.add(s.TLSCertFile == "" && s.TLSKeyFile != "", "TLS_CERT_FILE is needed with TLS_KEY_FILE")
	f.add(s.TLSCertFile != "" && s.TLSKeyFile == "", "TLS_KEY_FILE is needed with TLS_CERT_FILE")
	if s.ownTLS() {
		e.certificate = &certificate{certFile: s.TLSCertFile, keyFile: s.TLSKeyFile, now: time.Now, log: log}
		if err := e.certificate.load(); err != nil {
			f.add(true, err.Error())
		}
	}
	return e
}

// checkEdge finds what is wrong with it, each setting by itself and all together.
func (s *Settings) checkEdge(f *findings) {
	e := s.edge(f, slog.New(slog.DiscardHandler))
	for _, prefix := range e.proxies {
		f.add(s.Production() && prefix.Bits() == 0,
			"TRUSTED_PROXIES trusts every address, so that anybody could say who they are; name the networks of the proxies")
	}
	f.add(s.Production() && !s.requireHTTPS() && !s.ownTLS() && len(s.TrustedProxies) == 0,
		"REQUIRE_HTTPS is false, but neither TLS_CERT_FILE nor TRUSTED_PROXIES says how callers come over HTTPS")
}

// ownTLS reports whether the server speaks HTTPS itself.
func (s *Settings) ownTLS() bool { return s.TLSCertFile != "" && s.TLSKeyFile != "" }

// requireHTTPS is true in production and false in development when unset.
func (s *Settings) requireHTTPS() bool {
	if s.RequireHTTPS != nil {
		return *s.RequireHTTPS
	}
	return s.Production()
}

// unreachable reports whether nobody can call over HTTPS although they must.
func (s *Settings) unreachable() bool {
	return s.requireHTTPS() && !s.ownTLS() && len(s.TrustedProxies) == 0
}
