package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// home is the place of one server. This process holds it alone.
type home struct {
	log   *slog.Logger
	dir   string // the caller's: lock, password, log
	root  string // holds the data directory: dir/postgres, or in the stash
	stash string
	as    account
	locks []*os.File
}

func openHome(ctx context.Context, dir, stash string, log *slog.Logger) (*home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the directory: %w", err)
	}
	if err := makeDirs(dir); err != nil {
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("find the directory: %w", err)
	}
	h := &home{log: log, dir: dir, stash: stash}
	if err := h.lock(dir); err != nil {
		return nil, err
	}
	if err := h.place(ctx); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *home) data() string    { return filepath.Join(h.root, "data") }
func (h *home) logPath() string { return filepath.Join(h.dir, "postgres.log") }
func (h *home) link() string    { return filepath.Join(h.dir, "postgres") }

func (h *home) lock(dir string) error {
	f, err := lock(filepath.Join(dir, "lock"))
	if errors.Is(err, ErrInUse) {
		return fmt.Errorf("the directory %s is %w; stop that one or use another directory", h.dir, err)
	}
	if err != nil {
		return fmt.Errorf("lock the directory: %w", err)
	}
	h.locks = append(h.locks, f)
	return nil
}

func (h *home) release() {
	for _, f := range h.locks {
		unlock(f)
	}
	h.locks = nil
}

// place finds where the data are, or decides where they shall be.
func (h *home) place(ctx context.Context) error {
	info, err := os.Lstat(h.link())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h.settle(ctx)
	case err != nil:
		return fmt.Errorf("look for the data: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return h.follow()
	}
	h.root = h.link()
	if h.as, err = accountFor(h.data()); err != nil {
		return err
	}
	ok, err := h.as.reaches(ctx, h.root)
	if err == nil && !ok {
		err = fmt.Errorf("PostgreSQL runs as %s and cannot reach %s: give the directories above it the permission to pass (chmod o+x), or use another directory", h.as.name, h.root)
	}
	return err
}

// settle makes a place for new data: below dir, unless PostgreSQL, running as
// somebody else, cannot get there, as below a home of mode 0700.
func (h *home) settle(ctx context.Context) error {
	var err error
	if h.as, err = accountFor(""); err != nil {
		return err
	}
	ok, err := h.as.reaches(ctx, h.dir)
	if err != nil {
		return err
	}
	if ok {
		h.root = h.link()
		if err := makeDirs(h.root); err != nil {
			return fmt.Errorf("make a directory for the data: %w", err)
		}
		return nil
	}
	if err := h.stow(ctx); err != nil {
		return fmt.Errorf("keep the data where PostgreSQL can reach them: %w", err)
	}
	return nil
}

// stow takes a directory in the stash, named after the caller's, and links it.
//
// A directory of that name with data in it is passed over: the link that led to
// it is gone, so its owner was removed, or moved and still uses it. Either way
// the caller of an empty directory is not to find old data in it.
func (h *home) stow(ctx context.Context) error {
	sum := sha256.Sum256([]byte(h.dir))
	base := filepath.Join(h.stash, hex.EncodeToString(sum[:8]))
	h.root = base
	for n := 2; h.hasData(); n++ {
		h.log.WarnContext(ctx, "data of a removed or moved directory were left behind", "data", h.root)
		h.root = base + "-" + strconv.Itoa(n)
	}
	place := h.root
	if err := h.enter(); err != nil {
		return err
	}
	if err := os.Symlink(place, h.link()); err != nil {
		return err
	}
	h.log.InfoContext(ctx, "PostgreSQL cannot reach the directory and keeps its data elsewhere",
		"dir", h.dir, "user", h.as.name, "data", h.root)
	return nil
}

func (h *home) hasData() bool {
	_, err := os.Lstat(h.data())
	return err == nil
}

// follow goes where stow went. It follows no other link: root gives away what
// is behind it. The place is locked too, since copies of dir share it.
func (h *home) follow() error {
	target, err := os.Readlink(h.link())
	if err != nil {
		return fmt.Errorf("look for the data: %w", err)
	}
	name, below := strings.CutPrefix(target, h.stash+string(filepath.Separator))
	if !below || !isStashName(name) {
		return fmt.Errorf("%s is a symbolic link to %s, which was not made here: remove it", h.link(), target)
	}
	h.root = target
	if err := h.enter(); err != nil {
		return err
	}
	h.as, err = accountFor(h.data())
	return err
}

// enter makes a place in the stash if it is missing, and locks it. Its path is
// resolved, since running servers are known by their working directory.
func (h *home) enter() error {
	err := makeDirs(h.root)
	if err != nil {
		return fmt.Errorf("make a directory for the data: %w", err)
	}
	if h.root, err = filepath.EvalSymlinks(h.root); err != nil {
		return fmt.Errorf("find the directory of the data: %w", err)
	}
	return h.lock(h.root)
}

func isStashName(name string) bool {
	hash, _, _ := strings.Cut(name, "-")
	b, err := hex.DecodeString(hash)
	return err == nil && len(b) == 8 && filepath.Base(name) == name
}
