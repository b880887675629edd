package devserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/codegenapp/codegenapp/internal/server"
)

// The files of the data directory besides those of package pgserver. They make tokens,
// cookies and the users of the issuer survive a restart.
const (
	secretKeyFile = "secret.key"
	jwtKeyFile    = "jwt.key"
	issuerFile    = "issuer.addr"
	// tokenFile contains the access token of the banner, for scripts.
	tokenFile = "token"
)

// loadKeys replaces the keys of the settings by those in the data directory.
func (d *devServer) loadKeys() (err error) {
	if d.settings.SecretKey, err = storedKey(filepath.Join(d.dir, secretKeyFile)); err != nil {
		return err
	}
	d.settings.JWTSecret, err = storedKey(filepath.Join(d.dir, jwtKeyFile))
	return err
}

// storedKey returns the key in the file, or stores a new one there.
func storedKey(path string) (server.Secret, error) {
	stored, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read a key: %w", err)
	}
	if key := strings.TrimSpace(string(stored)); key != "" {
		return server.Secret(key), nil
	}
	key := newKey()
	if err := writePrivate(path, key); err != nil {
		return "", fmt.Errorf("store a key: %w", err)
	}
	return server.Secret(key), nil
}

// writePrivate writes a line to a file that only the user may read. The file is
// complete or absent.
func writePrivate(path, line string) error {
	unfinished := path + ".new"
	if err := os.WriteFile(unfinished, []byte(line+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
