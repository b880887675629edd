package server

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// Settings are the settings of the program, which come from the environment alone. A
// field's tag names its setting; .env.example explains each in one line.
type Settings struct {
	Env  string `env:"APP_ENV" envDefault:"production"`
	Addr string `env:"HTTP_ADDR" envDefault:":8080"`
	// MetricsAddr is the address that serves /metrics alone. If empty, Addr serves it.
	MetricsAddr string `env:"METRICS_ADDR"`

	TLSCertFile string `env:"TLS_CERT_FILE"`
	TLSKeyFile  string `env:"TLS_KEY_FILE"`
	// RequireHTTPS defaults to true in production and to false in development.
	RequireHTTPS   *bool    `env:"REQUIRE_HTTPS"`
	TrustedProxies []string `env:"TRUSTED_PROXIES"`
	// PublicURL is where clients reach the server. If empty, each request says it.
	PublicURL   string   `env:"PUBLIC_URL"`
	CORSOrigins []string `env:"CORS_ORIGINS"`

	DatabaseURL          Secret `env:"DATABASE_URL"`
	MigrationDatabaseURL Secret `env:"MIGRATION_DATABASE_URL"`
	DirectDatabaseURL    Secret `env:"DATABASE_DIRECT_URL"`
	PoolSize             int    `env:"DATABASE_POOL_SIZE" envDefault:"5"`
	PoolOverflow         int    `env:"DATABASE_MAX_OVERFLOW" envDefault:"10"`
	ExecMode             string `env:"DATABASE_EXEC_MODE" envDefault:"cache_statement"`

	RedisURL         Secret `env:"REDIS_URL"`
	RedisCAFile      string `env:"REDIS_CA_FILE"`
	RedisConnections int    `env:"REDIS_MAX_CONNECTIONS" envDefault:"10"`
	// RedisTimeout is how long a request waits for Redis. CacheQuietPeriod and
	// CacheDetachedPeriod are those of package cache. Only tests change them.
	RedisTimeout, CacheQuietPeriod, CacheDetachedPeriod time.Duration

	CacheTTL duration `env:"CACHE_TTL" envDefault:"10"`
	// CacheMaxBytes bounds the cache in the process.
	CacheMaxBytes int  `env:"CACHE_MAX_BYTES" envDefault:"33554432"`
	SingleReplica bool `env:"SINGLE_REPLICA" envDefault:"false"`

	RateLimitURL     Secret         `env:"RATELIMIT_STORAGE_URL"`
	RateLimitEnabled bool           `env:"RATELIMIT_ENABLED" envDefault:"true"`
	RateLimitDefault ratelimit.Rate `env:"RATELIMIT_DEFAULT" envDefault:"100/minute"`
	RateLimitAuth    ratelimit.Rate `env:"RATELIMIT_AUTH" envDefault:"10/minute"`
	RateLimitRefresh ratelimit.Rate `env:"RATELIMIT_REFRESH" envDefault:"30/minute"`

	GoogleClientIDs     []string `env:"GOOGLE_CLIENT_ID"`
	GoogleClientSecret  Secret   `env:"GOOGLE_CLIENT_SECRET"`
	GoogleProject       string   `env:"GOOGLE_CLOUD_PROJECT"`
	GoogleHostedDomains []string `env:"GOOGLE_HOSTED_DOMAINS"`
	GoogleIssuer        string   `env:"GOOGLE_ISSUER_URL" envDefault:"https://accounts.google.com"`
	// GoogleUserStore replaces the issuer of the project's user store in tests. It is
	// not a setting, since Google's is the only one.
	GoogleUserStore string

	AdminEmails []string `env:"ADMIN_EMAILS"`

	SecretKey       Secret   `env:"SECRET_KEY"`
	JWTSecret       Secret   `env:"JWT_SECRET_KEY"`
	JWTPrevious     []Secret `env:"JWT_PREVIOUS_SECRET_KEYS"`
	JWTPrivateKey   Secret   `env:"JWT_PRIVATE_KEY"`
	JWTIssuer       string   `env:"JWT_ISSUER" envDefault:"codegenapp"`
	JWTAudience     string   `env:"JWT_AUDIENCE" envDefault:"codegenapp"`
	AccessLifetime  duration `env:"JWT_ACCESS_TOKEN_EXPIRES" envDefault:"1h"`
	RefreshLifetime duration `env:"JWT_REFRESH_TOKEN_EXPIRES" envDefault:"24h"`
	SessionMaxAge   duration `env:"SESSION_MAX_AGE" envDefault:"720h"`
	ReuseGrace      duration `env:"REFRESH_REUSE_GRACE" envDefault:"10s"`

	MaxProjects       int   `env:"MAX_PROJECTS_PER_USER" envDefault:"1000"`
	MaxSpecifications int   `env:"MAX_SPECS_PER_PROJECT" envDefault:"1000"`
	MaxItems          int   `env:"MAX_ITEMS_PER_SPEC" envDefault:"500"`
	MaxMembers        int   `env:"MAX_MEMBERS_PER_PROJECT" envDefault:"50"`
	MaxBodyBytes      int64 `env:"MAX_BODY_BYTES" envDefault:"1048576"`

	TrashRetention duration `env:"TRASH_RETENTION" envDefault:"720h"`
	AuditRetention duration `env:"AUDIT_RETENTION" envDefault:"8760h"`
	// HistoryRetention is how long changes are kept; zero is for good.
	HistoryRetention duration `env:"HISTORY_RETENTION" envDefault:"0"`
	FeedRetention    duration `env:"FEED_RETENTION" envDefault:"720h"`
	// MaxStreamsPerUser is zero for the default of package events. Only tests change it.
	MaxStreamsPerUser int

	LogLevel  logLevel `env:"LOG_LEVEL" envDefault:"INFO"`
	LogFormat string   `env:"LOG_FORMAT" envDefault:"json"`

	// OTLPEndpoint is the collector of traces. If empty, no traces are exported. The following
	// settings have the names and formats of OpenTelemetry.
	OTLPEndpoint       string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	OTLPProtocol       string  `env:"OTEL_EXPORTER_OTLP_PROTOCOL" envDefault:"http/protobuf"`
	OTLPHeaders        Secret  `env:"OTEL_EXPORTER_OTLP_HEADERS"`
	ServiceName        string  `env:"OTEL_SERVICE_NAME" envDefault:"codegenapp"`
	ResourceAttributes string  `env:"OTEL_RESOURCE_ATTRIBUTES"`
	TracesSampler      string  `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on"`
	TracesSamplerArg   float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"`

	// ShutdownDrain defaults to 5 s in production and to 0 in development.
	ShutdownDrain *duration `env:"SHUTDOWN_DRAIN"`
	ShutdownGrace duration  `env:"SHUTDOWN_GRACE" envDefault:"25s"`

	// unread are the faults of settings that could not be parsed.
	unread SettingsError
	// warnings name what looks like a setting, but is not one.
	warnings []string
}

// Warnings returns what looks like a misspelt setting, and has no effect.
func (s *Settings) Warnings() []string { return s.warnings }

// withWarnings adds the warnings to faults of settings: what is missing may only be
// misspelt.
func (s *Settings) withWarnings(err error) error {
	if faults, ok := errors.AsType[SettingsError](err); ok {
		return append(slices.Clone(faults), s.warnings...)
	}
	return err
}

// Production reports whether the strict rules apply. They apply unless APP_ENV is
// exactly "development", so a misspelt value is reported with all its consequences.
func (s *Settings) Production() bool { return s.Env != "development" }

// drain returns how long the server accepts requests after SIGTERM.
func (s *Settings) drain() time.Duration {
	switch {
	case s.ShutdownDrain != nil:
		return time.Duration(*s.ShutdownDrain)
	case s.Production():
		return 5 * time.Second
	default:
		return 0
	}
}

// migrationURL returns the connection URL of migrations.
func (s *Settings) migrationURL() Secret {
	if s.MigrationDatabaseURL != "" {
		return s.MigrationDatabaseURL
	}
	return s.DatabaseURL
}

// listener returns the connection URL for notifications between replicas.
func (s *Settings) listener() Secret { return cmp.Or(s.DirectDatabaseURL, s.DatabaseURL) }

// counter returns the Redis URL of rate limits, or an empty one if each replica counts
// by itself.
func (s *Settings) counter() Secret { return cmp.Or(s.RateLimitURL, s.RedisURL) }

// Secret is a setting that is never printed.
type Secret string

const redacted = "[redacted]"

// String hides the secret.
func (Secret) String() string { return redacted }

// Format hides the secret from every verb, also from those for numbers.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue hides the secret from logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
