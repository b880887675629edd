package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func TestTx_SilentConnectionIsEndedAndItsLocksReleased(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	other := s.over(withPoolSize(1))
	locked, wake, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.store.HoldUser(t.Context(), s.actor, func() {
			close(locked)
			<-wake
		})
	}()
	<-locked
	// The transaction above is as silent as that of a replica that is frozen.
	err := retryUnavailable(func() error { return writes["CreateProject"].do(t.Context(), other) })
	wantCode(t, "a write of the same user", err, "")
	close(wake)
	wantCode(t, "the silent transaction", <-ended, problem.Unavailable)
	s.checkIdle()
}

func TestScope_LimitsPausesOfEveryTransaction(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	got, err := s.store.IdleTimeouts(t.Context(), s.actor)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"session": "10s", "everything": "1min", "export": "5min", "owner": "1min", "refresh": "10s"}, got); diff != "" {
		t.Errorf("idle_in_transaction_session_timeout (-want +got):\n%s", diff)
	}
}

// hostileDefaults are defaults of a database under which the driver or the policies
// would fail.
var hostileDefaults = []string{
	"datestyle = 'SQL, DMY'", "timezone = 'Asia/Kathmandu'", "client_encoding = 'LATIN1'", "row_security = off",
	"search_path = nowhere", "idle_session_timeout = '200ms'", "intervalstyle = 'sql_standard'",
}

func TestConnection_DependsOnNoDefaultOfTheDatabase(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	super := connect(t, db.Super)
	name := value[string](t, super, "SELECT current_database()::text")
	for _, setting := range hostileDefaults {
		mustExec(t, super, "ALTER DATABASE "+name+" SET "+setting)
	}
	for _, mode := range postgres.ExecModes() {
		f := &fixture{Database: db, t: t}
		f.store = f.open(func(c *postgres.Config) { c.ExecMode = mode })
		f.service = requirements.NewService(f.store, highLimits)
		actor := f.signUp()
		created := f.project(actor)
		read, err := f.store.Project(t.Context(), actor, created.ID)
		if err != nil {
			t.Fatalf("mode %q: %v", mode, err)
		}
		if diff := cmp.Diff(created, read); diff != "" {
			t.Errorf("mode %q (-created +read):\n%s", mode, diff)
		}
		if err := f.store.CheckSchema(t.Context()); err != nil {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
	info, err := postgres.Inspect(t.Context(), db.Service)
	if err != nil || info.RowSecurity || info.Schema == "public" || info.Pooled {
		t.Errorf("Inspect: %+v, %v", info, err)
	}
}

// keepAliveSettings are the settings by which a server notices that a client is gone.
var keepAliveSettings = []string{"client_connection_check_interval", "idle_session_timeout", "tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout"}

func TestConnection_ServerNoticesThatAClientIsGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn, err := f.store.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if !strings.Contains(value[string](t, conn.Conn(), "SELECT version()"), "linux") {
		t.Skip("the server's system does not have all of these settings")
	}
	got := column[string](t, conn.Conn(), "SELECT name || ' ' || setting FROM pg_settings WHERE name = ANY($1) ORDER BY name", keepAliveSettings)
	want := []string{"client_connection_check_interval 5000", "idle_session_timeout 0", "tcp_keepalives_count 3", "tcp_keepalives_idle 30", "tcp_keepalives_interval 10", "tcp_user_timeout 60000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestPooler_ConnectionsKeepNoDirectSetting(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := pooler(t, f.Service, nil).URL
	store := f.open(func(c *postgres.Config) { c.URL, c.ExecMode = url, "exec" })
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = store.CheckNotify(t.Context(), url) // fails, and leaves nothing
	super := connect(t, f.Super)
	pooled := value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user")
	if pooled == 0 {
		t.Fatal("the pooler has no connection")
	}
	conn, err := store.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	names := slices.Concat(keepAliveSettings, []string{"search_path", "row_security"})
	if left := column[string](t, conn.Conn(), "SELECT name FROM pg_settings WHERE name = ANY($1) AND source = 'session'", names); len(left) > 0 {
		t.Errorf("the pooler's connection keeps %v", left)
	}
}

func TestCheckURL_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	const prefix = "postgres://service:" + canary + "@db.internal:5432/app"
	for u, want := range map[string]string{
		prefix:                                  "",
		"postgresql://db.internal/app?user=me":  "",
		"mysql://db.internal/app":               "is not a PostgreSQL connection URL: postgres://",
		"postgres://db.internal:port/app":       "is not a PostgreSQL connection URL: postgres://",
		prefix + "?sslmode=on":                  "has an sslmode other than disable,",
		prefix + "?sslmode=require&sslcert=/no": "has only one of sslcert and sslkey",

		prefix + "?sslmode=verify-full&sslrootcert=/nowhere/ca.pem": "names the file /nowhere/ca.pem, which cannot be read: no such file",
		prefix + "?sslmode=verify-full&sslrootcert=" + notPEM:       "names an sslrootcert that contains no certificate",
	} {
		err := postgres.CheckURL(u)
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", u, err, want)
		}
		if err == nil {
			continue
		}
		_, openErr := postgres.Open(context.WithoutCancel(t.Context()), postgres.Config{URL: u, PoolSize: 1})
		_, migrateErr := postgres.NewMigrator(u)
		for _, err := range []error{err, openErr, migrateErr} {
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error contains the password: %v", err)
			}
		}
	}
}
