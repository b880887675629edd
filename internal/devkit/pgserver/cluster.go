package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	superuser = "postgres"
	// initPrefix is the prefix of directories in which initdb works.
	initPrefix = "init-"
)

// clusterVersion returns the major version that created the data, or 0 without data. A
// rename puts the data in place, so they are complete.
func (h *dataDir) clusterVersion() (int, error) {
	b, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the data in %s: %w", h.data(), err)
	}
	return major, nil
}

// password reads or creates the superuser's password. It is created before the cluster,
// so the next start after a kill in between continues with the same one.
func (h *dataDir) password(haveData bool) (string, error) {
	path := filepath.Join(h.dir, "password")
	b, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(b)) != "" {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if haveData {
		return "", fmt.Errorf("the password of the data is missing (%s): restore it, or remove %s to start with an empty database", path, h.dir)
	}
	password := rand.Text()
	if err := writeAtomically(path, password+"\n"); err != nil {
		return "", fmt.Errorf("write the password: %w", err)
	}
	return password, nil
}

// writeAtomically writes a private file that is either complete or absent.
func writeAtomically(path, text string) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// initCluster creates the data directory. initdb works in a directory next to it, and a
// rename completes the work, so a kill at any time leaves no incomplete cluster.
func (h *dataDir) initCluster(ctx context.Context, bin binaries, password string) error {
	h.removeUnfinished(ctx)
	work, err := os.MkdirTemp(h.root, initPrefix)
	if err != nil {
		return err
	}
	defer h.removeUnfinished(context.WithoutCancel(ctx))
	if h.as.cred != nil {
		if err := os.Chmod(work, 0o711); err != nil { //nolint:gosec // initdb runs as another user and must traverse it.
			return err
		}
	}
	data, pwfile := filepath.Join(work, "data"), filepath.Join(work, "password")
	err = errors.Join(
		os.Mkdir(data, 0o700), h.as.chown(data),
		os.WriteFile(pwfile, []byte(password+"\n"), 0o600), h.as.chown(pwfile))
	if err != nil {
		return err
	}
	// Without a sync a power failure in the next seconds may lose the new, empty cluster.
	// With it the first start takes seconds on a slow disk.
	_, err = h.as.run(ctx, h.root, filepath.Join(bin.dir, "initdb"),
		"--pgdata="+data, "--username="+superuser, "--pwfile="+pwfile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	return os.Rename(data, h.data())
}

// removeUnfinished removes what a killed initdb has left. Its children may still write for
// a moment; the next start removes what cannot be removed now.
func (h *dataDir) removeUnfinished(ctx context.Context) {
	entries, err := os.ReadDir(h.root)
	if err != nil {
		h.log.WarnContext(ctx, "unfinished database clusters could not be looked for", "dir", h.root, "error", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), initPrefix) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(h.root, e.Name())); err != nil {
			h.log.WarnContext(ctx, "an unfinished database cluster could not be removed", "dir", e.Name(), "error", err)
		}
	}
}
