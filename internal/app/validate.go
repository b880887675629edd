package app

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// minSecretBytes is the least length of a key for HMAC-SHA-256 (RFC 7518,
// section 3.2).
const minSecretBytes = 32

// ForServe checks what the server needs. All faults come together.
func (s *Settings) ForServe() error {
	var faults SettingsError
	add := func(bad bool, fault string) {
		if bad {
			faults = append(faults, fault)
		}
	}
	s.checkCommon(add)
	s.checkSecrets(add)
	_, _, err := net.SplitHostPort(s.Addr)
	add(err != nil, "HTTP_ADDR is not host:port or :port")
	add(s.PoolSize < 1 || s.PoolSize > 1000, "DATABASE_POOL_SIZE is not between 1 and 1000")
	add(s.PoolOverflow < 0 || s.PoolOverflow > 1000, "DATABASE_MAX_OVERFLOW is not between 0 and 1000")
	add(!slices.Contains([]string{"cache_statement", "cache_describe", "exec"}, s.ExecMode),
		"DATABASE_EXEC_MODE is not cache_statement, cache_describe or exec")
	add(len(s.GoogleClientIDs) == 0, "GOOGLE_CLIENT_ID is needed: the OAuth client whose users sign in here")
	s.checkIssuer(add)
	add(s.AccessLifetime <= 0, "JWT_ACCESS_TOKEN_EXPIRES is not longer than nothing")
	add(s.RefreshLifetime <= 0, "JWT_REFRESH_TOKEN_EXPIRES is not longer than nothing")
	add(s.SessionMaxAge < s.RefreshLifetime, "SESSION_MAX_AGE is shorter than JWT_REFRESH_TOKEN_EXPIRES")
	add(s.MaxProjects < 1, "MAX_PROJECTS_PER_USER is not at least 1")
	add(s.MaxBodyBytes < 1024, "MAX_BODY_BYTES is not at least 1024")
	add(s.drain() < 0, "SHUTDOWN_DRAIN is less than nothing")
	add(s.ShutdownGrace < 0, "SHUTDOWN_GRACE is less than nothing")
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// ForMigrate checks what migrations need.
func (s *Settings) ForMigrate() error {
	var faults SettingsError
	s.checkCommon(func(bad bool, fault string) {
		if bad {
			faults = append(faults, fault)
		}
	})
	if s.MigrationDatabaseURL != "" && !postgres.ValidURL(string(s.MigrationDatabaseURL)) {
		faults = append(faults, "MIGRATION_DATABASE_URL is not a PostgreSQL connection URL (postgres://…)")
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

func (s *Settings) checkCommon(add func(bool, string)) {
	add(s.Env != "production" && s.Env != "development", "APP_ENV is not production or development")
	add(s.LogFormat != "json" && s.LogFormat != "text", "LOG_FORMAT is not json or text")
	add(s.DatabaseURL == "", "DATABASE_URL is needed: postgres://user:password@host:5432/database")
	add(s.DatabaseURL != "" && !postgres.ValidURL(string(s.DatabaseURL)), "DATABASE_URL is not a PostgreSQL connection URL (postgres://…)")
}

// placeholders are words of examples that were not replaced.
var placeholders = []string{"change", "replace", "example", "placeholder", "secret-key", "your-", "xxxx", "0000000000"}

func (s *Settings) checkSecrets(add func(bool, string)) {
	named := []struct {
		name   string
		secret Secret
	}{{"SECRET_KEY", s.SecretKey}, {"JWT_SECRET_KEY", s.JWTSecret}}
	for _, previous := range s.JWTPrevious {
		named = append(named, struct {
			name   string
			secret Secret
		}{"JWT_PREVIOUS_SECRET_KEYS", previous})
	}
	seen := map[Secret]string{}
	for _, n := range named {
		lower := strings.ToLower(string(n.secret))
		switch {
		case n.secret == "":
			add(true, n.name+" is needed: at least 32 random bytes, for instance from: openssl rand -base64 48")
			continue
		case len(n.secret) < minSecretBytes:
			add(true, n.name+" is shorter than 32 bytes")
		case s.Production() && slices.ContainsFunc(placeholders, func(p string) bool { return strings.Contains(lower, p) }):
			add(true, n.name+" looks like a placeholder; use random bytes, for instance from: openssl rand -base64 48")
		}
		if other, ok := seen[n.secret]; ok && s.Production() {
			add(true, other+" and "+n.name+" are the same secret; each needs its own")
		}
		seen[n.secret] = n.name
	}
}

func (s *Settings) checkIssuer(add func(bool, string)) {
	issuer, err := url.Parse(s.GoogleIssuer)
	switch {
	case err != nil || issuer.Host == "":
		add(true, "GOOGLE_ISSUER_URL is not a URL")
	case issuer.Scheme != "https" && (s.Production() || issuer.Scheme != "http"):
		add(true, "GOOGLE_ISSUER_URL is not https://")
	}
}
