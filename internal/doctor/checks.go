package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// The first major versions that are supported.
const (
	minPostgres = 14
	minRedis    = 5
)

// checkDatabase checks PostgreSQL, its roles and its schema.
func (e *examination) checkDatabase(ctx context.Context) []result {
	if !e.valid("DATABASE_URL") {
		return nil // checkSettings has reported it
	}
	info, err := postgres.Inspect(ctx, string(e.DatabaseURL))
	if err != nil {
		return []result{{fail, "database", "DATABASE_URL cannot be reached: " + err.Error()}}
	}
	results := []result{{ok, "database", "PostgreSQL " + info.VersionText}}
	if info.Encoding != "UTF8" {
		// What else is said of it would be said of another database next time.
		return []result{{fail, "database", (&postgres.EncodingError{Encoding: info.Encoding}).Error()}}
	}
	if info.Version < minPostgres*10000 {
		results[0] = result{fail, "database", fmt.Sprintf("PostgreSQL %s is too old: version %d or newer is required", info.VersionText, minPostgres)}
	}
	results = append(results, e.databaseResults(info)...)
	return append(results, e.checkSchema(ctx)...)
}

// databaseResults reports conditions that do not stop the server, or not at once.
func (e *examination) databaseResults(info postgres.ServerInfo) (results []result) {
	add := func(is bool, s status, format string, args ...any) {
		if is {
			results = append(results, result{s, "database", fmt.Sprintf(format, args...)})
		}
	}
	add(info.Standby, fail, "it is a standby and rejects writes: DATABASE_URL must lead to the primary")
	add(info.Pooled && !info.RowSecurity, fail, "row_security is off by default, so every request through this pooler fails: ALTER DATABASE … RESET row_security, or ALTER ROLE … RESET row_security")
	add(!info.Pooled && !info.RowSecurity, warn, "row_security is off by default; the service turns it on for itself, but not behind a pooler")
	add(info.Pooled && info.Schema != "public", fail, "names lead to the schema %q instead of public through this pooler: ALTER ROLE … SET search_path = public", info.Schema)
	add(info.EveryRoleConnects, warn, "every role of the cluster may connect to it: the service of another database could read it; run codegenapp migrate up as the owner of the database")
	add(!info.Durable, warn, "fsync or synchronous_commit is off: a crash of its machine loses acknowledged writes")
	add(e.Production() && !info.Encrypted, warn, "the connection is not encrypted: add sslmode=verify-full to DATABASE_URL, unless the network is private")
	clock := warn
	if info.ClockAhead.Abs() > tokenClockSkew {
		clock = fail
	}
	add(info.ClockAhead.Abs() > maxClockSkew, clock, "its clock differs from ours by %s: set both by NTP, otherwise tokens expire early or late", info.ClockAhead.Abs().Round(time.Second))
	each := e.PoolSize + e.PoolOverflow + 1 // one more for notifications
	add(each > info.MaxConnections, fail, "a replica may open %d connections, but the server allows %d in all: lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW", each, info.MaxConnections)
	add(each <= info.MaxConnections, ok, "a replica may open %d of its %d connections: enough for %d replicas", each, info.MaxConnections, info.MaxConnections/max(each, 1))
	add(len(info.TablesWithoutRLS) > 0, fail, "row-level security is not enabled and forced on %s: run ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", strings.Join(info.TablesWithoutRLS, ", "))
	return results
}

// checkSchema checks the service's role and the schema, as serve does.
func (e *examination) checkSchema(ctx context.Context) []result {
	store, err := e.openStore(ctx)
	if err != nil {
		return nil // checkSettings has reported it
	}
	defer store.Close()
	role := result{ok, "role", "row-level security applies to the role in DATABASE_URL"}
	if err := store.CheckRole(ctx); err != nil {
		role = result{warn, "role", err.Error()}
		if e.Production() {
			role.status = fail
		}
	}
	schema := result{ok, "schema", "at least the version that this program was built for"}
	if err := store.CheckSchema(ctx); err != nil {
		schema = result{fail, "schema", err.Error()}
	}
	return []result{role, schema}
}

func (e *examination) openStore(ctx context.Context) (*postgres.Store, error) {
	return postgres.Open(ctx, postgres.Config{URL: string(e.DatabaseURL), PoolSize: 1, MaxOverflow: 1, ExecMode: e.ExecMode})
}

// checkNotifications checks that notifications of PostgreSQL arrive. Replicas that
// share a Redis need them.
func (e *examination) checkNotifications(ctx context.Context) []result {
	if e.RedisURL == "" || !e.valid("DATABASE_URL", "DATABASE_DIRECT_URL") {
		return nil
	}
	store, err := e.openStore(ctx)
	if err != nil {
		return nil
	}
	defer store.Close()
	if _, err := postgres.Inspect(ctx, string(e.DatabaseURL)); err != nil {
		return nil // checkDatabase has reported it
	}
	if err := store.CheckNotify(ctx, string(cmp.Or(e.DirectDatabaseURL, e.DatabaseURL))); err != nil {
		return []result{{warn, "notifications", "notifications do not arrive, so nothing would be read from the cache: " + err.Error()}}
	}
	return []result{{ok, "notifications", "replicas notify each other through PostgreSQL"}}
}

// checkRedis runs on each Redis what a request would.
func (e *examination) checkRedis(ctx context.Context) (results []result) {
	if e.RedisURL == "" && e.RateLimitURL == "" {
		if e.SingleReplica {
			return []result{{ok, "redis", "not used, and SINGLE_REPLICA is set: this process counts and caches in memory; never start a second one"}}
		}
		return []result{{warn, "redis", "not used: each replica counts by itself, and nothing is cached; set REDIS_URL, or SINGLE_REPLICA=true for a single replica"}}
	}
	for _, redis := range []struct {
		setting string
		url     server.Secret
	}{{"REDIS_URL", e.RedisURL}, {"RATELIMIT_STORAGE_URL", e.RateLimitURL}} {
		if redis.url != "" && e.valid(redis.setting) {
			results = append(results, e.checkOneRedis(ctx, redis.setting, redis.url))
		}
	}
	return results
}

func (e *examination) checkOneRedis(ctx context.Context, setting string, url server.Secret) result {
	info, err := ratelimit.Inspect(ctx, ratelimit.Config{URL: string(url), CAFile: e.RedisCAFile, MaxConnections: 1}, cache.Check)
	const rights = "; docs/operations/redis.md, lists the commands that its user needs"
	switch {
	case err != nil && strings.Contains(err.Error(), "NOPERM"):
		return result{fail, "redis", setting + ": the user lacks rights: " + err.Error() + rights}
	case err != nil:
		return result{fail, "redis", setting + " cannot be used, so each replica would count by itself: " + err.Error()}
	case info.Channels != nil && setting == "REDIS_URL":
		return result{warn, "redis", setting + ": live updates are slower, since messages between replicas do not arrive: " + info.Channels.Error() +
			"; docs/operations/redis.md lists the commands and channels that its user needs"}
	case info.Version == "":
		return result{ok, "redis", setting + ": rate limits and cache work; the user may not query the version"}
	case majorVersion(info.Version) < minRedis:
		return result{fail, "redis", fmt.Sprintf("%s: Redis %s is too old: version %d or newer is required", setting, info.Version, minRedis)}
	case info.MaxMemory > 0 && info.Policy == "noeviction":
		return result{warn, "redis", setting + ": Redis " + info.Version + " rejects writes when its memory is full (maxmemory-policy noeviction): allkeys-lru is recommended"}
	default:
		return result{ok, "redis", fmt.Sprintf("%s: Redis %s, rate limits and cache work, maxmemory-policy %s", setting, info.Version, info.Policy)}
	}
}

// majorVersion returns the major version, or 0 if it cannot be parsed.
func majorVersion(version string) int {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

// checkGoogle reads the keys of the identity provider.
func (e *examination) checkGoogle(ctx context.Context) []result {
	if !e.valid("GOOGLE_CLIENT_", "GOOGLE_CLOUD_PROJECT", "GOOGLE_ISSUER_URL") {
		return nil // checkSettings has reported it
	}
	clock := &clockReader{next: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, now: time.Now}
	provider := google.New(google.Config{
		Issuer: e.GoogleIssuer, ClientIDs: e.GoogleClientIDs, Project: e.GoogleProject, UserStore: e.GoogleUserStore,
		HTTP: &http.Client{Transport: clock}, Log: slog.New(slog.DiscardHandler),
	})
	if err := provider.Check(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("no response in time")
		}
		return []result{{fail, "google", "users cannot sign in: " + err.Error()}}
	}
	results := append([]result{{ok, "google", "the keys of " + e.GoogleIssuer + " can be read"}}, clock.results()...)
	if e.GoogleClientSecret == "" && len(e.GoogleClientIDs) > 0 {
		results = append(results, result{warn, "google", "without GOOGLE_CLIENT_SECRET users can sign in with ID tokens only, not with codes or in a browser"})
	}
	return results
}

// checkTraces sends an export without spans to the collector.
func (e *examination) checkTraces(ctx context.Context) []result {
	if e.OTLPEndpoint == "" || !e.valid("OTEL_") {
		return nil // tracing is off, or checkSettings has reported it
	}
	if err := telemetry.CheckCollector(ctx, e.TraceConfig(slog.New(slog.DiscardHandler))); err != nil {
		return []result{{warn, "traces", "traces are lost, since the collector at OTEL_EXPORTER_OTLP_ENDPOINT does not accept them: " + err.Error()}}
	}
	return []result{{ok, "traces", "the collector accepts them"}}
}
