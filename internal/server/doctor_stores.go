package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/gate"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

const (
	// oldestPostgres and oldestRedis are the first major versions that will do.
	oldestPostgres = 14
	oldestRedis    = 5
	// clocksMayDiffer is how far the clocks of server and database may be apart.
	clocksMayDiffer = 2 * time.Second
	// clocksMustNotDiffer is from where on Google's tokens are refused if ours is the
	// wrong one: package google allows for as much.
	clocksMustNotDiffer = 30 * time.Second
)

// lookAtDatabase looks at PostgreSQL, its roles and its schema.
func (s *Settings) lookAtDatabase(ctx context.Context) []sign {
	if !postgres.ValidURL(string(s.DatabaseURL)) {
		return nil // lookAtSettings has said so
	}
	c, err := postgres.Inspect(ctx, string(s.DatabaseURL))
	if err != nil {
		return []sign{{broken, "database", "DATABASE_URL cannot be reached: " + err.Error()}}
	}
	signs := []sign{{fine, "database", "PostgreSQL " + c.Text}}
	if c.Version < oldestPostgres*10000 {
		signs[0] = sign{broken, "database", fmt.Sprintf("PostgreSQL %s is too old: %d or newer is needed", c.Text, oldestPostgres)}
	}
	signs = append(signs, s.conditions(c)...)
	return append(signs, s.lookAtSchema(ctx)...)
}

// conditions are what would not stop the server, or not at once.
func (s *Settings) conditions(c postgres.ServerInfo) (signs []sign) {
	add := func(is bool, v verdict, format string, args ...any) {
		if is {
			signs = append(signs, sign{v, "database", fmt.Sprintf(format, args...)})
		}
	}
	add(c.Standby, broken, "it is a standby and takes no changes: DATABASE_URL has to lead to the primary")
	add(!c.Durable, doubtful, "fsync or synchronous_commit is off: what was acknowledged may be lost with its machine")
	add(s.Production() && !c.Encrypted, doubtful, "the connection is not encrypted: add sslmode=verify-full to DATABASE_URL, unless the network is your own")
	clock := doubtful
	if c.Ahead.Abs() > clocksMustNotDiffer {
		clock = broken
	}
	add(c.Ahead.Abs() > clocksMayDiffer, clock, "its clock is %s away from ours: set both by NTP, or tokens end early or late", c.Ahead.Abs().Round(time.Second))
	each := s.PoolSize + s.PoolOverflow + 1 // one listens
	add(each > c.MostConnections, broken, "a replica may open %d connections, and it has %d in all: lower DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW", each, c.MostConnections)
	add(each <= c.MostConnections, fine, "a replica may open %d of its %d connections: %d replicas fit", each, c.MostConnections, c.MostConnections/max(each, 1))
	add(len(c.Unwalled) > 0, broken, "row-level security is not enabled and forced on %s: run ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", strings.Join(c.Unwalled, ", "))
	return signs
}

// lookAtSchema looks at the service's role and at the schema, as serve does.
func (s *Settings) lookAtSchema(ctx context.Context) []sign {
	store, err := s.doctorsStore(ctx)
	if err != nil {
		return nil // lookAtSettings has said so
	}
	defer store.Close()
	role := sign{fine, "role", "row-level security confines the role of DATABASE_URL"}
	if err := store.CheckRole(ctx); err != nil {
		role = sign{doubtful, "role", err.Error()}
		if s.Production() {
			role.verdict = broken
		}
	}
	schema := sign{fine, "schema", "the one that this program was built for, or a newer one"}
	if err := store.CheckSchema(ctx); err != nil {
		schema = sign{broken, "schema", err.Error()}
	}
	return []sign{role, schema}
}

func (s *Settings) doctorsStore(ctx context.Context) (*postgres.Store, error) {
	return postgres.Open(ctx, postgres.Config{URL: string(s.DatabaseURL), PoolSize: 1, MaxOverflow: 1, ExecMode: s.ExecMode})
}

// lookAtAnnouncements tries whether replicas hear each other through PostgreSQL,
// which they need beside Redis.
func (s *Settings) lookAtAnnouncements(ctx context.Context) []sign {
	if s.RedisURL == "" || !postgres.ValidURL(string(s.DatabaseURL)) || !postgres.ValidURL(string(s.listener())) {
		return nil
	}
	store, err := s.doctorsStore(ctx)
	if err != nil {
		return nil
	}
	defer store.Close()
	if _, err := postgres.Inspect(ctx, string(s.DatabaseURL)); err != nil {
		return nil // lookAtDatabase has said so
	}
	if err := store.Hears(ctx, string(s.listener())); err != nil {
		return []sign{{doubtful, "announcements", "are not heard, so every read would go to the database: " + err.Error()}}
	}
	return []sign{{fine, "announcements", "replicas hear each other through PostgreSQL"}}
}

// lookAtRedis does at each Redis what a request would.
func (s *Settings) lookAtRedis(ctx context.Context) (signs []sign) {
	if s.RedisURL == "" && s.RateLimitURL == "" {
		if s.SingleReplica {
			return []sign{{fine, "redis", "none, and SINGLE_REPLICA is set: this process counts and remembers by itself; never start a second one"}}
		}
		return []sign{{doubtful, "redis", "none: each replica counts by itself, and nothing is remembered; set REDIS_URL, or SINGLE_REPLICA=true if there is one"}}
	}
	for _, at := range []struct {
		name string
		url  Secret
	}{{"REDIS_URL", s.RedisURL}, {"RATELIMIT_STORAGE_URL", s.RateLimitURL}} {
		if at.url != "" && gate.ValidURL(string(at.url)) {
			signs = append(signs, s.lookAtOneRedis(ctx, at.name, at.url))
		}
	}
	return signs
}

func (s *Settings) lookAtOneRedis(ctx context.Context, name string, url Secret) sign {
	c, err := gate.Examine(ctx, gate.RedisConfig{URL: string(url), Connections: 1, KeepFor: time.Duration(s.CacheTTL)})
	const rights = "; the commands that its user needs are in docs/operations/redis.md"
	switch {
	case err != nil && strings.Contains(err.Error(), "NOPERM"):
		return sign{broken, "redis", name + " lacks rights: " + err.Error() + rights}
	case err != nil:
		return sign{broken, "redis", name + " cannot be used, so each replica counts by itself: " + err.Error()}
	case c.Version == "":
		return sign{fine, "redis", name + ": the gate works; its user may not ask for the version"}
	case majorOf(c.Version) < oldestRedis:
		return sign{broken, "redis", fmt.Sprintf("%s: Redis %s is too old: %d or newer is needed", name, c.Version, oldestRedis)}
	case c.MaxMemory > 0 && c.Policy == "noeviction":
		return sign{doubtful, "redis", name + ": Redis " + c.Version + " refuses to write when it is full (noeviction): allkeys-lru suits best"}
	default:
		return sign{fine, "redis", fmt.Sprintf("%s: Redis %s, the gate works, maxmemory-policy %s", name, c.Version, c.Policy)}
	}
}

// majorOf is the major version; 0 if it cannot be read.
func majorOf(version string) int {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

// lookAtGoogle reads the keys of who signs people in.
func (s *Settings) lookAtGoogle(ctx context.Context) []sign {
	var faults findings
	if s.checkGoogle(&faults); len(faults.faults) > 0 {
		return nil // lookAtSettings has said so
	}
	clock := &clockReader{next: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, now: time.Now}
	p := google.New(google.Config{
		Issuer: s.GoogleIssuer, ClientIDs: s.GoogleClientIDs, Project: s.GoogleProject, UserStore: s.GoogleUserStore,
		HTTP: &http.Client{Transport: clock}, Log: slog.New(slog.DiscardHandler),
	})
	if err := p.Check(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("no answer")
		}
		return []sign{{broken, "google", "nobody could sign in: " + err.Error()}}
	}
	signs := append([]sign{{fine, "google", "the keys of " + s.GoogleIssuer + " can be read"}}, clock.sign()...)
	if s.GoogleClientSecret == "" && len(s.GoogleClientIDs) > 0 {
		signs = append(signs, sign{doubtful, "google", "without GOOGLE_CLIENT_SECRET people sign in with ID tokens alone, not with codes or by a browser's redirect"})
	}
	return signs
}

// lookAtTraces sends no spans to the collector, as it is asked by the exporter.
func (s *Settings) lookAtTraces(ctx context.Context) []sign {
	var faults findings
	if s.checkTraces(&faults); s.OTLPEndpoint == "" || len(faults.faults) > 0 {
		return nil // there are none to be made, or lookAtSettings has said so
	}
	if err := telemetry.CheckCollector(ctx, s.traceConfig(slog.New(slog.DiscardHandler))); err != nil {
		return []sign{{doubtful, "traces", "are lost, since the collector of OTEL_EXPORTER_OTLP_ENDPOINT takes none: " + err.Error()}}
	}
	return []sign{{fine, "traces", "the collector takes them"}}
}
