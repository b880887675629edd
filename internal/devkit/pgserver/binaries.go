package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minVersion is the first supported major version.
const minVersion = 14

// binaries is an installation of PostgreSQL.
type binaries struct {
	dir     string // has initdb and postgres
	version version
}

type version struct {
	major int
	text  string // such as "17.2", "18beta1"
}

// finder searches for installations of PostgreSQL.
type finder struct {
	lookPath func(program string) (string, error)
	globs    []string
	npm      npm
}

func knownDirectories() finder {
	return finder{
		lookPath: exec.LookPath,
		globs: []string{
			"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
			"/usr/pgsql-*/bin",          // PostgreSQL's packages for Fedora and its kin
			"/usr/libexec/postgresql*",  // Alpine
			"/opt/homebrew/opt/postgresql@*/bin",
			"/usr/local/opt/postgresql@*/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
		npm: npmPackage(),
	}
}

// find returns an installation that the account of h can run: the one on PATH, else the
// newest in the known directories, else npm's. If major is not 0, existing data require
// exactly that version.
func (f finder) find(ctx context.Context, h *dataDir, major int) (binaries, error) {
	var seen []string
	usable := func(b binaries) bool {
		seen = append(seen, b.version.text)
		return b.version.major >= minVersion && (major == 0 || major == b.version.major)
	}
	for _, group := range [][]string{f.onPath(), f.installed()} {
		found := h.inspect(ctx, group)
		if i := slices.IndexFunc(found, usable); i >= 0 {
			return found[i], nil
		}
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, fmt.Errorf("look for PostgreSQL: %w", context.Cause(ctx))
	}
	npmDir, npmErr := f.npm.install(ctx, h, f.lookPath)
	if npmErr == nil {
		b, err := h.inspectOne(ctx, npmDir)
		if err == nil && usable(b) {
			return b, nil
		}
		npmErr = err
	}
	return binaries{}, notFound(h, major, seen, npmErr)
}

// notFound returns an error of one line, since new users see it first.
func notFound(h *dataDir, major int, seen []string, npmErr error) error {
	what := fmt.Sprintf("PostgreSQL %d or newer is not installed", minVersion)
	if major != 0 {
		what = fmt.Sprintf("the data in %s need PostgreSQL %d, which is not installed (to start with an empty database instead, remove the directory)", h.dir, major)
	}
	if len(seen) > 0 {
		what += "; found only " + strings.Join(slices.Compact(slices.Sorted(slices.Values(seen))), ", ")
	}
	what += "; " + howToInstall(major)
	if npmErr != nil && !errors.Is(npmErr, exec.ErrNotFound) {
		what += "; npm is installed, but: " + strings.Join(strings.Fields(npmErr.Error()), " ")
	}
	return errors.New(what)
}

// brewVersion is the version that `brew install` gets for new data.
const brewVersion = 18

// howToInstall says how to install the major version, or any one if it is 0.
func howToInstall(major int) string {
	const orNPM = ", or install npm, which can download it"
	if major == 0 {
		return fmt.Sprintf("install it (Debian, Ubuntu: `apt-get install postgresql`; Fedora: `dnf install postgresql-server`; macOS: `brew install postgresql@%d`)", brewVersion) + orNPM
	}
	how := fmt.Sprintf("install that version (Debian, Ubuntu: `apt-get install postgresql-%[1]d`; macOS: `brew install postgresql@%[1]d`; "+
		"packages of every version: https://www.postgresql.org/download/)", major)
	if strings.HasPrefix(npmVersion, strconv.Itoa(major)+".") {
		how += orNPM
	}
	return how
}

// onPath resolves symbolic links: PATH often contains links to single programs of an
// installation.
func (f finder) onPath() []string {
	var dirs []string
	for _, program := range []string{"postgres", "initdb"} {
		if path, err := f.lookPath(program); err == nil {
			dirs = append(dirs, filepath.Dir(path))
			if path, err = filepath.EvalSymlinks(path); err == nil {
				dirs = append(dirs, filepath.Dir(path))
			}
		}
	}
	return dirs
}

func (f finder) installed() []string {
	var dirs []string
	for _, glob := range f.globs {
		found, err := filepath.Glob(glob)
		if err == nil { // the only error is that of a malformed pattern
			dirs = append(dirs, found...)
		}
	}
	return dirs
}

// inspect returns the installations in dirs, newest first.
func (h *dataDir) inspect(ctx context.Context, dirs []string) []binaries {
	var found []binaries
	done := map[string]bool{}
	for _, dir := range dirs {
		if done[dir] {
			continue
		}
		done[dir] = true
		b, err := h.inspectOne(ctx, dir)
		if err != nil {
			h.log.DebugContext(ctx, "no usable PostgreSQL here", "dir", dir, "error", err)
			continue
		}
		found = append(found, b)
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return cmp.Compare(b.version.major, a.version.major) })
	return found
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspectOne runs `postgres --version` as the account of the server, so it fails for an
// installation that the account cannot reach.
func (h *dataDir) inspectOne(ctx context.Context, dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := h.as.run(ctx, h.root, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return binaries{}, err
	}
	m := versionPattern.FindStringSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("%s has an unknown version: %q", dir, out)
	}
	major, err := strconv.Atoi(m[2])
	if err != nil {
		return binaries{}, fmt.Errorf("read the version of %s: %w", dir, err)
	}
	return binaries{dir: dir, version: version{major: major, text: m[1]}}, nil
}
