package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// newLargeDatabase is a database whose backup takes seconds, by the URL of its backup role.
func newLargeDatabase(t *testing.T) (databaseURL string) {
	t.Helper()
	db := migrated(t)
	execute(t, connect(t, db.Super), `
INSERT INTO audit_events (id, action, resource_type, ip, user_agent, request_id)
SELECT gen_random_uuid(), 'user.created', 'user', '', (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 20) AS k), ''
FROM   generate_series(1, 80000) AS n`)
	return backupRole(t, db)
}

// startBackup starts a backup and waits until it has written something.
func startBackup(t *testing.T, env []string, dir string) *script {
	t.Helper()
	s := newScript(t, env, "backup.sh")
	must(t, s.Start())
	waitUntil(t, "pg_dump writes", func() bool {
		left, err := filepath.Glob(filepath.Join(dir, ".codegenapp-*.dump.partial"))
		must(t, err)
		if len(left) == 0 {
			return false
		}
		info, err := os.Stat(left[0])
		return err == nil && info.Size() > 1<<16
	})
	return s
}

func TestBackup_KilledLeavesNoBackup(t *testing.T) {
	t.Parallel()
	keeper, dir := newLargeDatabase(t), t.TempDir()
	env := []string{"BACKUP_DATABASE_URL=" + keeper, "BACKUP_DIR=" + dir, "BACKUP_KEEP_DAILY=1"}

	s := startBackup(t, env, dir)
	newScript(t, env, "backup.sh").want(1, "another backup into "+dir+" is under way")
	dumps := 0
	for pid, line := range commandLines(t, s.Process.Pid) {
		wantNone(t, line, password(t, keeper), "canary")
		if strings.HasPrefix(line, "pg_dump ") || strings.Contains(line, "/pg_dump ") {
			dumps++
			must(t, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
	if dumps != 1 {
		t.Fatalf("%d processes are pg_dump", dumps)
	}
	_ = s.Wait() // checked below
	if got := s.ProcessState.ExitCode(); got != 1 {
		t.Errorf("a backup whose pg_dump was killed ends with %d: %s", got, s.said.String())
	}
	wantAll(t, s.said.String(), "pg_dump failed")
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("this is left: %v", left)
	}

	// No process is left to clean up.
	s = startBackup(t, env, dir)
	must(t, syscall.Kill(-s.Process.Pid, syscall.SIGKILL))
	_ = s.Wait() // it was killed
	left := filesIn(t, dir)
	if len(left) != 1 || !strings.HasSuffix(left[0], ".partial") {
		t.Fatalf("this is left: %v", left)
	}
	newScript(t, []string{"MIGRATION_DATABASE_URL=" + keeper}, "restore.sh", filepath.Join(dir, left[0])).want(1, "cannot be verified")
	newScript(t, env, "backup.sh").want(0, "wrote "+dir, "kept 1 backups")
	onlyBackup(t, dir)
}

func TestBackup_FullDiskLeavesNoBackup(t *testing.T) {
	t.Parallel()
	keeper := newLargeDatabase(t)
	const mount = `mount -t tmpfs -o size=1m,mode=700 none "$BACKUP_DIR"`
	if out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", "BACKUP_DIR=/mnt; "+mount).CombinedOutput(); err != nil {
		t.Skipf("only root may make a disk that is full: %v %s", err, out)
	}
	s := newScript(t, []string{"BACKUP_DATABASE_URL=" + keeper, "BACKUP_DIR=" + t.TempDir()}, "backup.sh")
	unshare, err := exec.LookPath("unshare")
	must(t, err)
	s.Args = []string{"unshare", "--mount", "sh", "-c", mount + ` && { "$0"; status=$?; ls -A "$BACKUP_DIR" | sed 's/^/left: /'; exit $status; }`, s.Path}
	s.Path = unshare
	said := s.want(1, "No space left on device", "pg_dump failed", "left: .lock")
	if strings.Count(said, "left: ") != 1 {
		t.Errorf("this is left:\n%s", said)
	}
}
