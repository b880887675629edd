package pgserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unreachable is a directory below a home of mode 0700.
func unreachable(t *testing.T) string {
	t.Helper()
	asRoot(t)
	dir := newDir(t)
	must(t, os.Chmod(dir, 0o700))
	return filepath.Join(dir, "project", ".codegenapp")
}

func TestDataDir_UnreachableDirectoryUsesVarLib(t *testing.T) {
	t.Parallel()
	dir := unreachable(t)
	s, err := Start(t.Context(), testConfig(t, dir))
	must(t, err)
	defer stop(t, s)
	place, err := os.Readlink(filepath.Join(dir, "postgres"))
	must(t, err)
	defer func() {
		stop(t, s)
		must(t, os.RemoveAll(place))
		_ = os.Remove(filepath.Dir(place)) // fails if other data is there
	}()
	if filepath.Dir(place) != "/var/lib/codegenapp" {
		t.Errorf("the data are in %s", place)
	}
	note(t, s)
	stop(t, s)
	s, err = Start(t.Context(), testConfig(t, dir))
	must(t, err)
	found(t, s)

	info, err := os.Stat(filepath.Dir(filepath.Dir(dir)))
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the home has got mode %v", info.Mode().Perm())
	}
}

func TestDataDir_ReachableDirectoryHoldsItsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), "made", "with", "parents")
	s := started(t, dir)
	if got, want := queryText(t, s, `SHOW data_directory`), filepath.Join(dir, "postgres", "data"); got != want {
		t.Errorf("the data are in %s, not %s", got, want)
	}
}

func TestDataDir_RecreatedDirectoryHasNoOldData(t *testing.T) {
	t.Parallel()
	dir, m := unreachable(t), testMachine(t)
	s := startedOn(t, m, dir)
	note(t, s)
	stop(t, s)
	must(t, os.RemoveAll(dir))
	note(t, startedOn(t, m, dir)) // fails if there is a note
}

func TestDataDir_MovedDirectoryKeepsItsData(t *testing.T) {
	t.Parallel()
	dir, m := unreachable(t), testMachine(t)
	s := startedOn(t, m, dir)
	note(t, s)
	stop(t, s)
	must(t, os.Rename(dir, dir+"-moved"))
	found(t, startedOn(t, m, dir+"-moved"))
	note(t, startedOn(t, m, dir)) // another one in the old place
}

func TestDataDir_SharedDataAreLocked(t *testing.T) {
	t.Parallel()
	dir, m := unreachable(t), testMachine(t)
	s := startedOn(t, m, dir)
	note(t, s)
	must(t, os.CopyFS(dir+"-copy", os.DirFS(dir)))
	_, err := start(t.Context(), testConfig(t, dir+"-copy"), m)
	wantError(t, err, dir+"-copy", "in use by process")
	found(t, s)
}

func TestDataDir_MissingDataAreRecreated(t *testing.T) {
	t.Parallel()
	dir, m := unreachable(t), testMachine(t)
	stop(t, startedOn(t, m, dir))
	must(t, os.RemoveAll(m.stash)) // as in a container whose /var/lib is not kept
	startedOn(t, m, dir)
}

func TestDataDir_ForeignSymbolicLinkIsRejected(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"somewhere else":            "/etc",
		"above the stash":           "STASH/../../0123456789abcdef",
		"to a name in another form": "STASH/data",
		"into a directory there":    "STASH/0123456789abcdef/data",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, m := newDir(t), testMachine(t)
			must(t, os.Symlink(strings.Replace(target, "STASH", m.stash, 1), filepath.Join(dir, "postgres")))
			_, err := start(t.Context(), testConfig(t, dir), m)
			wantError(t, err, "symbolic link", "did not create")
		})
	}
}

func TestDataDir_UnreachableDataAreReported(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := newCluster(t)
	stop(t, started(t, dir))
	must(t, os.Chmod(dir, 0o700))
	_, err := start(t.Context(), testConfig(t, dir), testMachine(t))
	wantError(t, err, "cannot reach "+filepath.Join(dir, "postgres"), "chmod o+x")
}
