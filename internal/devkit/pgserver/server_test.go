package pgserver

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func TestServer_StartsAndRunsAQuery(t *testing.T) {
	t.Parallel()
	s := started(t, newDir(t))
	rows, err := connected(t, s.URL("postgres")).Query(t.Context(),
		`SELECT name, setting FROM pg_settings WHERE name = ANY ($1)`,
		[]string{"server_version", "server_encoding", "listen_addresses", "unix_socket_directories", "fsync", "lc_messages"})
	must(t, err)
	got := map[string]string{}
	var name, setting string
	_, err = pgx.ForEachRow(rows, []any{&name, &setting}, func() error { got[name], _, _ = strings.Cut(setting, " "); return nil })
	must(t, err)
	want := map[string]string{
		"server_version": s.Version(), "server_encoding": "UTF8", "listen_addresses": "127.0.0.1",
		"unix_socket_directories": "", "fsync": "off", "lc_messages": "C",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the settings differ (-want +got):\n%s", diff)
	}
}

func TestServer_RequiresThePassword(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	s := started(t, dir)
	conn, err := pgx.Connect(t.Context(), strings.Replace(s.URL("postgres"), s.password, "guessed", 1))
	if err == nil {
		_ = conn.Close(t.Context())
	}
	wantError(t, err, "password authentication failed")
	info, err := os.Stat(filepath.Join(dir, "password"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file has mode %v", info.Mode().Perm())
	}
}

func TestServer_DataSurviveRestart(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	s := started(t, dir)
	note(t, s)
	stop(t, s)
	found(t, started(t, dir))
}

func TestServer_CommittedDataSurviveKill(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	s := started(t, dir)
	note(t, s)
	kill(t, s)
	found(t, started(t, dir))
}

func TestServer_OrphanedBackendDoesNotPreventStart(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	s := started(t, dir)
	note(t, s)
	busy := connected(t, s.URL("postgres"))
	must(t, busy.PgConn().ExecParams(t.Context(), `SELECT 1`, nil, nil, nil, nil).Read().Err)
	// This counts for hours and does not notice that its server is gone.
	go busy.Exec(t.Context(), `SELECT count(*) FROM generate_series(1, 1000000000000)`) //nolint:errcheck // It ends with an error.
	for queryText(t, s, `SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate%' AND pid <> pg_backend_pid()`) == "0" {
		time.Sleep(time.Millisecond)
	}
	kill(t, s)
	found(t, started(t, dir))
}

func TestServer_SecondStartInADirectoryIsRejected(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	first := started(t, dir)
	_, err := start(t.Context(), testConfig(t, dir), testMachine(t))
	wantError(t, err, dir, "is in use by process "+strconv.Itoa(os.Getpid()))
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is longer than a line:\n%v", err)
	}
	if got := queryText(t, first, `SELECT 'unharmed'`); got != "unharmed" {
		t.Errorf("the first server says %q", got)
	}
	stop(t, first)
	started(t, dir)
}

func TestServer_StopTwice(t *testing.T) {
	t.Parallel()
	s := started(t, newCluster(t))
	stop(t, s)
	stop(t, s)
	ended(t, s.Done())
}

func TestServer_StopAfterDeadlineReportsIt(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	s := started(t, dir)
	note(t, s)
	// A stopped server does not handle SIGINT; a continued one does. It is
	// continued only after the deadline, when Stop has made it end at once.
	must(t, syscall.Kill(s.child.pid(), syscall.SIGSTOP))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	go func() {
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond)
		_ = syscall.Kill(s.child.pid(), syscall.SIGCONT)
	}()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop returns %v", err)
	}
	found(t, started(t, dir))
}

func TestServer_StartFailureShowsTheLog(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	c := testConfig(t, dir)
	c.Settings["no_such_setting"] = "1"
	_, err := start(t.Context(), c, testMachine(t))
	wantError(t, err, "ended while starting", `unrecognized configuration parameter "no_such_setting"`, "postgres.log")
	started(t, dir)
}

func TestServer_PortInUseIsReplaced(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, taken, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	m, calls := testMachine(t), 0
	m.freePort = func() (int, error) {
		if calls++; calls == 1 {
			return strconv.Atoi(taken)
		}
		return freePort()
	}
	s := startedOn(t, m, newCluster(t))
	if calls != 2 || strconv.Itoa(s.port) == taken {
		t.Errorf("after %d attempts the server is at %d; %s was taken", calls, s.port, taken)
	}
}

func TestServer_PortStaysTheSame(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	first := started(t, dir)
	stop(t, first)
	second := started(t, dir)
	if second.URL("notes") != first.URL("notes") {
		t.Errorf("the second start is at %s, the first was at %s", second.URL("notes"), first.URL("notes"))
	}
	stop(t, second)

	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(first.port)))
	must(t, err)
	defer l.Close()
	third := started(t, dir)
	if third.port == first.port {
		t.Errorf("the server reports port %d, which another process has", third.port)
	}
	queryText(t, third, "SELECT 'reached'")
	if stored := strings.TrimSpace(read(t, filepath.Join(dir, "postgres.port"))); stored != strconv.Itoa(third.port) {
		t.Errorf("the stored port is %s, want %d", stored, third.port)
	}
}

func TestServer_UnusableStoredPortIsReplaced(t *testing.T) {
	t.Parallel()
	for _, stored := range []string{"", "0", "-1", "70000", "nonsense"} {
		t.Run(stored, func(t *testing.T) {
			t.Parallel()
			dir := newCluster(t)
			write(t, filepath.Join(dir, "postgres.port"), stored)
			if s := started(t, dir); s.port < minPort || s.port > maxPort {
				t.Errorf("the port is %d", s.port)
			}
		})
	}
}

func TestServer_CancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{
		"before anything":   0,
		"during initdb":     150 * time.Millisecond,
		"around the launch": 600 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			s, err := start(ctx, testConfig(t, dir), testMachine(t))
			if err == nil { // a fast machine
				stop(t, s)
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Start returns %v", err)
			}
			if left := servers(filepath.Join(dir, "postgres", "data"), 0); len(left) > 0 {
				t.Errorf("the processes %v run on", left)
			}
			started(t, dir)
		})
	}
}

func TestServer_CtrlCDoesNotReachPostgres(t *testing.T) {
	t.Parallel()
	s := started(t, newCluster(t))
	group, err := syscall.Getpgid(s.child.pid())
	must(t, err)
	if group == syscall.Getpgrp() {
		t.Error("the server is in our process group")
	}
}

func TestServer_LargeLogIsRotated(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	path := filepath.Join(dir, "postgres.log")
	write(t, path, "old")
	must(t, os.Truncate(path, serverLogLimit+1))
	started(t, dir)
	if old := read(t, path+".1"); !strings.HasPrefix(old, "old") {
		t.Error("the old log is not put aside")
	}
	if log := read(t, path); strings.HasPrefix(log, "old") || !strings.Contains(log, "ready to accept connections") {
		t.Errorf("the new log says: %s", log)
	}
}
