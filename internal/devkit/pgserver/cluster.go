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
	// initPrefix marks directories in which initdb is, or was, at work.
	initPrefix = "init-"
)

// clusterVersion is the major version that made the data, or 0 without data.
// Data come by a rename, so what is there is whole.
func (h *home) clusterVersion() (int, error) {
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

// password reads the superuser's password. It is made before the cluster, so a
// start that is killed in between is continued by the next with the same one.
func (h *home) password(haveData bool) (string, error) {
	path := filepath.Join(h.dir, "password")
	b, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(b)) != "" {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if haveData {
		return "", fmt.Errorf("the password of the data is gone (%s): put it back, or remove %s to start afresh", path, h.dir)
	}
	password := rand.Text()
	if err := writeWhole(path, password+"\n"); err != nil {
		return "", fmt.Errorf("write the password: %w", err)
	}
	return password, nil
}

// writeWhole writes a file for us alone that is there as a whole or not at all.
func writeWhole(path, text string) error {
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

// initCluster makes the data directory. initdb works beside it and a rename
// ends the work: killed at any moment, it leaves no half cluster in the place
// of a whole one.
func (h *home) initCluster(ctx context.Context, bin binaries, password string) error {
	h.sweep(ctx)
	work, err := os.MkdirTemp(h.root, initPrefix)
	if err != nil {
		return err
	}
	defer h.sweep(context.WithoutCancel(ctx))
	if h.as.cred != nil {
		if err := os.Chmod(work, 0o711); err != nil { //nolint:gosec // initdb runs as another user and has to pass.
			return err
		}
	}
	data, pwfile := filepath.Join(work, "data"), filepath.Join(work, "password")
	err = errors.Join(
		os.Mkdir(data, 0o700), h.as.give(data),
		os.WriteFile(pwfile, []byte(password+"\n"), 0o600), h.as.give(pwfile))
	if err != nil {
		return err
	}
	// Without a sync a power failure in the next seconds may lose the new,
	// empty cluster; with it the first start takes seconds on a slow disk.
	_, err = h.as.run(ctx, h.root, filepath.Join(bin.dir, "initdb"),
		"--pgdata="+data, "--username="+superuser, "--pwfile="+pwfile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	return os.Rename(data, h.data())
}

// sweep removes what initdb left. A killed initdb has children that may write
// for a moment longer; what cannot be removed now, is at the next start.
func (h *home) sweep(ctx context.Context) {
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
