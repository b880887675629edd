package server

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

const (
	// minSecretBytes is the minimum length of a key for HMAC-SHA-256 (RFC 7518,
	// section 3.2).
	minSecretBytes = 32
	// minDistinctBytes distinguishes random bytes from a repeated key: 32 random hex
	// digits have fewer different ones less than once in ten million cases.
	minDistinctBytes = 8
	// minAuditRetention is the age below which the database deletes no audit event.
	minAuditRetention = 30 * 24 * time.Hour
	// minHistoryRetention is the age below which the database deletes no change.
	minHistoryRetention = 24 * time.Hour
	// minFeedRetention is longer than a client takes to reconnect.
	minFeedRetention = time.Minute
	// A smaller cache holds less than a few responses, a larger one is a mistake.
	minCacheBytes, maxCacheBytes = 1 << 20, 16 << 30
)

// faultList collects the faults of settings.
type faultList struct{ faults SettingsError }

// add adds a fault if bad is true, unless the setting already has one: a setting that
// could not be parsed is not checked again. A fault starts with the name of its
// setting.
func (f *faultList) add(bad bool, fault string) {
	if bad && !f.has(fault) {
		f.faults = append(f.faults, fault)
	}
}

// addURL adds what check finds in a URL. The error of check is the rest of a sentence
// that begins with the name of the setting. A URL that is not set has no fault.
func (f *faultList) addURL(name string, url Secret, check func(string) error) {
	if url == "" {
		return
	}
	err := check(string(url))
	switch {
	case hasRawPassword(string(url)):
		f.add(true, name+" contains a character that must be percent-encoded in a password: @ as %40, / as %2F, ? as %3F, # as %23, % as %25, a blank as %20")
	case err != nil:
		f.add(true, name+" "+err.Error())
	}
}

// hasRawPassword reports whether a URL contains a password with characters that are
// not allowed there, such as one that ends the authority of the URL too early.
func hasRawPassword(raw string) bool {
	_, rest, _ := strings.Cut(raw, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		_, err := url.Parse("any://" + authority[:at] + "@host")
		// The driver of PostgreSQL ends the password at the first @, that of Redis at the last.
		return err != nil || strings.Contains(authority[:at], "@") && strings.HasPrefix(raw, "postgres")
	}
	if _, _, credentials := strings.Cut(authority, ":"); !credentials || !strings.Contains(rest, "@") {
		return false
	}
	// An @ in a query is not suspicious by itself: ?user=name@project.
	path, _, _ := strings.Cut(rest, "?")
	_, err := url.Parse(raw)
	return err != nil || strings.Contains(path, "@")
}

// has reports whether there is a fault of the same setting.
func (f *faultList) has(fault string) bool {
	return slices.ContainsFunc(f.faults, func(other string) bool { return settingOf(other) == settingOf(fault) })
}

// settingOf returns the name of the setting that a fault starts with.
func settingOf(fault string) string {
	name, _, _ := strings.Cut(fault, " ")
	return strings.TrimSuffix(name, "_FILE")
}

func (f *faultList) err() error {
	if len(f.faults) == 0 {
		return nil
	}
	return f.faults
}

// ForServe checks the settings of the server and reports all faults together.
func (s *Settings) ForServe() error {
	f := s.check()
	s.checkSecrets(f)
	f.add(!validAddr(s.Addr), "HTTP_ADDR (or PORT) is not host:port or :port")
	f.add(s.MetricsAddr != "" && !validAddr(s.MetricsAddr), "METRICS_ADDR is not host:port or :port")
	f.add(s.MetricsAddr != "" && s.MetricsAddr == s.Addr, "METRICS_ADDR is HTTP_ADDR; leave it empty to serve /metrics there")
	s.checkEdge(f)
	f.add(s.PoolSize < 1 || s.PoolSize > 1000, "DATABASE_POOL_SIZE is not between 1 and 1000")
	f.add(s.PoolOverflow < 0 || s.PoolOverflow > 1000, "DATABASE_MAX_OVERFLOW is not between 0 and 1000")
	f.add(!slices.Contains([]string{"cache_statement", "cache_describe", "exec"}, s.ExecMode),
		"DATABASE_EXEC_MODE is not cache_statement, cache_describe or exec")
	f.addURL("REDIS_URL", s.RedisURL, ratelimit.CheckURL)
	s.checkRedisCA(f)
	f.add(s.RedisConnections < 1 || s.RedisConnections > 1000, "REDIS_MAX_CONNECTIONS is not between 1 and 1000")
	f.addURL("DATABASE_DIRECT_URL", s.DirectDatabaseURL, postgres.CheckURL)
	f.add(s.CacheTTL < 0 || time.Duration(s.CacheTTL) > time.Hour, "CACHE_TTL is not between 0 and 1h")
	f.add(s.CacheMaxBytes < minCacheBytes || s.CacheMaxBytes > maxCacheBytes, "CACHE_MAX_BYTES is not between 1048576 and 17179869184")
	f.add(s.SingleReplica && s.RedisURL != "", "SINGLE_REPLICA is for a server without REDIS_URL; with Redis any number of replicas works")
	f.addURL("RATELIMIT_STORAGE_URL", s.RateLimitURL, ratelimit.CheckURL)
	s.checkGoogle(f)
	s.checkTraces(f)
	f.add(time.Duration(s.AccessLifetime) < time.Second, "JWT_ACCESS_TOKEN_EXPIRES is not at least a second")
	f.add(time.Duration(s.RefreshLifetime) < time.Second, "JWT_REFRESH_TOKEN_EXPIRES is not at least a second")
	f.add(s.SessionMaxAge < s.RefreshLifetime, "SESSION_MAX_AGE is shorter than JWT_REFRESH_TOKEN_EXPIRES")
	f.add(s.ReuseGrace < 0, "REFRESH_REUSE_GRACE is negative")
	f.add(s.TrashRetention < 0, "TRASH_RETENTION is negative")
	f.add(s.HistoryRetention != 0 && time.Duration(s.HistoryRetention) < minHistoryRetention, "HISTORY_RETENTION is neither 0 nor at least 24h")
	f.add(s.AuditRetention != 0 && time.Duration(s.AuditRetention) < minAuditRetention, "AUDIT_RETENTION is neither 0 nor at least 720h")
	f.add(time.Duration(s.FeedRetention) < minFeedRetention, "FEED_RETENTION is not at least 1m")
	f.add(s.MaxProjects < 1, "MAX_PROJECTS_PER_USER is not at least 1")
	f.add(s.MaxSpecifications < 1, "MAX_SPECS_PER_PROJECT is not at least 1")
	f.add(s.MaxItems < 1, "MAX_ITEMS_PER_SPEC is not at least 1")
	f.add(s.MaxMembers < 1 || s.MaxMembers > maxMembers, "MAX_MEMBERS_PER_PROJECT is not from 1 to 500")
	f.add(s.MaxBodyBytes < 1024, "MAX_BODY_BYTES is not at least 1024")
	f.add(s.drain() < 0, "SHUTDOWN_DRAIN is negative")
	f.add(s.ShutdownGrace < 0, "SHUTDOWN_GRACE is negative")
	return f.err()
}

// checkRedisCA checks the file of Redis's authorities, which only TLS uses.
func (s *Settings) checkRedisCA(f *faultList) {
	if s.RedisCAFile == "" {
		return
	}
	usesTLS := func(url Secret) bool { return strings.HasPrefix(string(url), "rediss://") }
	f.add(!usesTLS(s.RedisURL) && !usesTLS(s.RateLimitURL), "REDIS_CA_FILE is for rediss://, but no Redis URL begins with it")
	if err := ratelimit.CheckCAFile(s.RedisCAFile); err != nil {
		f.add(true, "REDIS_CA_FILE "+err.Error())
	}
}

// ForMigrate checks the settings of migrations and reports all faults together.
func (s *Settings) ForMigrate() error {
	f := s.check()
	f.addURL("MIGRATION_DATABASE_URL", s.MigrationDatabaseURL, postgres.CheckURL)
	return f.err()
}

// check checks the settings of every command that uses the database.
func (s *Settings) check() *faultList {
	f := &faultList{faults: slices.Clone(s.unread)}
	f.add(s.Env != "production" && s.Env != "development", "APP_ENV is not production or development")
	f.add(!slices.Contains([]telemetry.Format{telemetry.JSON, telemetry.Text, telemetry.Console}, telemetry.Format(s.LogFormat)),
		"LOG_FORMAT is not json, text or console")
	f.add(s.DatabaseURL == "", "DATABASE_URL is needed: postgres://user:password@host:5432/database")
	f.addURL("DATABASE_URL", s.DatabaseURL, postgres.CheckURL)
	return f
}

func validAddr(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	_, badPort := strconv.ParseUint(port, 10, 16)
	return err == nil && badPort == nil
}

func (s *Settings) checkSecrets(f *faultList) {
	type named struct {
		name   string
		secret Secret
	}
	all := []named{{"SECRET_KEY", s.SecretKey}}
	if s.JWTSecret != "" {
		all = append(all, named{"JWT_SECRET_KEY", s.JWTSecret})
	}
	for _, previous := range s.JWTPrevious {
		all = append(all, named{"JWT_PREVIOUS_SECRET_KEYS", previous})
	}
	seen := map[Secret]string{s.GoogleClientSecret: "GOOGLE_CLIENT_SECRET"}
	for _, n := range all {
		f.add(n.secret == "", n.name+isNeeded)
		f.add(len(n.secret) < minSecretBytes, n.name+" is shorter than 32 bytes")
		f.add(s.Production() && placeholder(n.secret), n.name+" looks like a placeholder; use random bytes, for instance from: openssl rand -base64 48")
		other, again := seen[n.secret]
		f.add(again && n.secret != "" && s.Production(), n.name+" is the same secret as "+other+"; each needs its own")
		seen[n.secret] = n.name
	}
	s.checkKeyFile(f)
}

const isNeeded = " is needed: at least 32 random bytes, for instance from: openssl rand -base64 48"

// checkKeyFile checks the key file, and that one key can sign.
func (s *Settings) checkKeyFile(f *faultList) {
	keys, err := s.keyFile()
	if err != nil {
		f.add(true, "JWT_PRIVATE_KEY_FILE "+err.Error())
	}
	if s.JWTSecret != "" || f.has("JWT_PRIVATE_KEY_FILE") || slices.ContainsFunc(keys, auth.Key.Signs) {
		return
	}
	f.add(s.JWTPrivateKey != "", "JWT_PRIVATE_KEY_FILE contains only public keys, and JWT_SECRET_KEY is not set: no key can sign tokens")
	f.add(s.JWTPrivateKey == "", "JWT_SECRET_KEY"+isNeeded+"; or a JWT_PRIVATE_KEY_FILE")
}

// placeholders are parts of example values that were not replaced.
var placeholders = []string{"change", "replace", "example", "placeholder", "secret-key", "your-", "xxxxxxxx"}

// placeholder reports whether a secret looks typed rather than random.
func placeholder(secret Secret) bool {
	distinct := map[byte]bool{}
	for _, b := range []byte(secret) {
		distinct[b] = true
	}
	lower := strings.ToLower(string(secret))
	return len(distinct) < minDistinctBytes ||
		slices.ContainsFunc(placeholders, func(word string) bool { return strings.Contains(lower, word) })
}

func (s *Settings) checkGoogle(f *faultList) {
	f.add(len(s.GoogleClientIDs) == 0 && s.GoogleProject == "",
		"GOOGLE_CLIENT_ID is needed: the OAuth client whose users may sign in; or GOOGLE_CLOUD_PROJECT, the project whose user store contains them")
	f.add(s.GoogleProject != "" && !projectForm.MatchString(s.GoogleProject), "GOOGLE_CLOUD_PROJECT is not a project ID")
	f.add(s.Production() && s.GoogleClientSecret != "" && placeholder(s.GoogleClientSecret),
		"GOOGLE_CLIENT_SECRET looks like a placeholder; copy it from Google Cloud console, Credentials")
	issuer, err := url.Parse(s.GoogleIssuer)
	f.add(err != nil || issuer.Host == "", "GOOGLE_ISSUER_URL is not a URL")
	f.add(err == nil && issuer.Scheme != "https" && (s.Production() || issuer.Scheme != "http"), "GOOGLE_ISSUER_URL is not https://")
	f.add(err == nil && issuer.User != nil, "GOOGLE_ISSUER_URL contains a password, which is never sent; remove it")
}

// projectForm matches a project ID; old ones start with a domain.
var projectForm = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)

// keyFile returns the keys of JWT_PRIVATE_KEY, or none if it is not set.
func (s *Settings) keyFile() ([]auth.Key, error) {
	if s.JWTPrivateKey == "" {
		return nil, nil
	}
	return auth.ParseKeys([]byte(s.JWTPrivateKey))
}

// keyRing returns all keys of access and refresh tokens.
func (s *Settings) keyRing() (*auth.KeyRing, error) {
	file, err := s.keyFile()
	if err != nil {
		return nil, fmt.Errorf("JWT_PRIVATE_KEY_FILE %w", err)
	}
	var previous [][]byte
	for _, secret := range s.JWTPrevious {
		previous = append(previous, []byte(secret))
	}
	return auth.NewKeyRing(file, []byte(s.JWTSecret), previous...)
}
