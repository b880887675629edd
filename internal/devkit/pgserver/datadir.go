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
	"syscall"
)

// dataDir is the directory of one server, which this process has locked.
type dataDir struct {
	log   *slog.Logger
	dir   string // the caller's directory: lock, password, port, log
	root  string // parent of the data directory: dir/postgres, or below stash
	stash string // used for data that PostgreSQL could not reach in dir
	as    account
	locks []*os.File
}

func openDataDir(ctx context.Context, dir, stash string, log *slog.Logger) (*dataDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the directory: %w", err)
	}
	if err := makeDirs(dir); err != nil {
		return nil, fmt.Errorf("create the directory: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("find the directory: %w", err)
	}
	h := &dataDir{log: log, dir: dir, stash: stash}
	if err := h.lock(dir); err != nil {
		return nil, err
	}
	if err := h.locate(ctx); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *dataDir) data() string     { return filepath.Join(h.root, "data") }
func (h *dataDir) logPath() string  { return filepath.Join(h.dir, "postgres.log") }
func (h *dataDir) portPath() string { return filepath.Join(h.dir, "postgres.port") }
func (h *dataDir) link() string     { return filepath.Join(h.dir, "postgres") }

func (h *dataDir) lock(dir string) error {
	f, err := lock(filepath.Join(dir, "lock"))
	if errors.Is(err, ErrInUse) {
		return fmt.Errorf("the directory %s is %w; stop that process or use another directory", h.dir, err)
	}
	if err != nil {
		return fmt.Errorf("lock the directory: %w", err)
	}
	h.locks = append(h.locks, f)
	return nil
}

func (h *dataDir) release() {
	for _, f := range h.locks {
		unlock(f)
	}
	h.locks = nil
}

// locate finds the existing data, or chooses a directory for new data.
func (h *dataDir) locate(ctx context.Context) error {
	info, err := os.Lstat(h.link())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h.create(ctx)
	case err != nil:
		return fmt.Errorf("find the data: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return h.openLink()
	}
	h.root = h.link()
	if h.as, err = accountFor(h.data()); err != nil {
		return err
	}
	ok, err := h.as.canReach(ctx, h.root)
	if err == nil && !ok {
		err = fmt.Errorf("PostgreSQL runs as %s and cannot reach %s: make its parent directories traversable (chmod o+x), or use another directory", h.as.name, h.root)
	}
	return err
}

// create creates the directory for new data. It is in dir, unless PostgreSQL runs as
// another user and cannot reach it, for instance below a home directory of mode 0700.
func (h *dataDir) create(ctx context.Context) error {
	var err error
	if h.as, err = accountFor(""); err != nil {
		return err
	}
	ok, err := h.as.canReach(ctx, h.dir)
	if err != nil {
		return err
	}
	if ok {
		h.root = h.link()
		if err := makeDirs(h.root); err != nil {
			return fmt.Errorf("create a directory for the data: %w", err)
		}
		return nil
	}
	if err := h.moveToStash(ctx); err != nil {
		return fmt.Errorf("store the data where PostgreSQL can reach them: %w", err)
	}
	return nil
}

// moveToStash creates a directory in the stash, named after a hash of dir, and links it.
//
// An existing directory with data is skipped: there is no link to it any more, so dir was
// removed, or moved and still uses it. An empty dir must not get old data.
func (h *dataDir) moveToStash(ctx context.Context) error {
	sum := sha256.Sum256([]byte(h.dir))
	base := filepath.Join(h.stash, hex.EncodeToString(sum[:8]))
	h.root = base
	for n := 2; h.hasData(); n++ {
		h.log.WarnContext(ctx, "keeping the data of a removed or moved directory", "data", h.root)
		h.root = base + "-" + strconv.Itoa(n)
	}
	target := h.root
	if err := h.lockRoot(); err != nil {
		return err
	}
	if err := os.Symlink(target, h.link()); err != nil {
		return err
	}
	h.log.InfoContext(ctx, "PostgreSQL cannot reach the directory; its data are stored elsewhere",
		"dir", h.dir, "user", h.as.name, "data", h.root)
	return nil
}

func (h *dataDir) hasData() bool {
	_, err := os.Lstat(h.data())
	return err == nil
}

// openLink opens the target of a link that moveToStash created. It rejects other links,
// because root changes the owner of the target. It locks the target too, since copies of
// dir share it.
func (h *dataDir) openLink() error {
	target, err := os.Readlink(h.link())
	if err != nil {
		return fmt.Errorf("find the data: %w", err)
	}
	name, below := strings.CutPrefix(target, h.stash+string(filepath.Separator))
	if !below || !isStashName(name) {
		return fmt.Errorf("%s is a symbolic link to %s, which this program did not create: remove it", h.link(), target)
	}
	h.root = target
	if err := h.lockRoot(); err != nil {
		return err
	}
	h.as, err = accountFor(h.data())
	return err
}

// lockRoot creates root if it is missing, and locks it. It resolves the path, since
// running servers are identified by their working directory.
func (h *dataDir) lockRoot() error {
	err := makeDirs(h.root)
	if err != nil {
		return fmt.Errorf("create a directory for the data: %w", err)
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

// ErrInUse is returned by Start if another server uses the directory.
var ErrInUse = errors.New("in use")

// lock locks the file at path. The kernel releases the lock when the process ends in any
// way. PostgreSQL does not inherit it, since Go opens files close-on-exec: a server that
// outlives this process does not hold the lock.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by process %s", ErrInUse, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The process ID is only for the message above.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

func holder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return pid
	}
	return "with unknown ID"
}

// unlock releases the lock explicitly: a child that is just being forked has a copy of
// the descriptor until it executes its program.
func unlock(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}
