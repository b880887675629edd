package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations is the embedded migrations, by file name.
func Migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

// ErrSchemaTooOld is what CheckSchema returns before migrate up has run.
var ErrSchemaTooOld = errors.New("the database's schema is older than this program: run codegenapp migrate up")

// EncodingError reports a database whose encoding is not UTF8. It counts the bytes of
// a text instead of its characters, or cannot store every text.
type EncodingError struct{ Encoding string }

func (e *EncodingError) Error() string {
	return "the encoding of the database is " + e.Encoding + ", and must be UTF8: make another database with " +
		"CREATE DATABASE … OWNER … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
}

// ErrRoleNotGranted is what CheckSchema returns if the service's rights were not
// granted to its role.
var ErrRoleNotGranted = errors.New("the role of DATABASE_URL is not a member of codegenapp_app: " +
	"run codegenapp migrate up with DATABASE_URL and MIGRATION_DATABASE_URL set")

// CheckSchema returns nil if the schema is the one this program was built for, or a
// newer one: a migration keeps the program before it working. Its error is an
// EncodingError where no migration helps.
func (s *Store) CheckSchema(ctx context.Context) error {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list the embedded migrations: %w", err)
	}
	var encoding string
	if err := s.pool.QueryRow(ctx, `SELECT current_setting('server_encoding')`).Scan(&encoding); err != nil {
		return translate(err)
	}
	if encoding != "UTF8" {
		return &EncodingError{encoding}
	}
	var version int
	err = s.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if state := sqlState(err); state == "42P01" || state == "42501" { // no such table, no right to read it
		return ErrSchemaTooOld
	}
	if err != nil {
		return translate(err)
	}
	if version < len(files) {
		return ErrSchemaTooOld
	}
	_, err = s.pool.Exec(ctx, `SELECT set_config('role', 'codegenapp_app', true)`)
	if state := sqlState(err); state == "42501" || state == "22023" { // not a member of the role, or no such role
		return ErrRoleNotGranted
	}
	return translate(err)
}

var (
	migrationName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	errMigrationName = errors.New("must begin with a lower-case letter and have up to 60 lower-case letters, digits and underscores")
)

// CheckMigrationName returns nil for a name that CreateMigration accepts.
func CheckMigrationName(name string) error {
	if !migrationName.MatchString(name) {
		return errMigrationName
	}
	return nil
}

const migrationTemplate = `-- What this changes, and why.

-- +goose Up

-- +goose Down
`

// CreateMigration writes an empty migration with the next number to dir and returns
// its path.
func CreateMigration(dir, name string) (string, error) {
	if CheckMigrationName(name) != nil {
		return "", fmt.Errorf("the name %q %w", name, errMigrationName)
	}
	files, err := fs.Glob(os.DirFS(dir), "*.sql")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("there are no migrations in %s: run this from the root of the source", dir)
	}
	last := 0
	for _, file := range files {
		var number int
		if _, err := fmt.Sscanf(file, "%05d_", &number); err == nil {
			last = max(last, number)
		}
	}
	path := filepath.Join(dir, fmt.Sprintf("%05d_%s.sql", last+1, name))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // source files are readable by all users
	if err != nil {
		return "", fmt.Errorf("create the migration: %w", err)
	}
	if _, err := f.WriteString(migrationTemplate); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return path, f.Close()
}
