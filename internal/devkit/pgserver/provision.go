package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// Provision makes the database and a login role without any power, where they
// are missing, and returns the URL by which the role reaches the database. The
// role gets a new password each time, so no password is kept anywhere.
func (s *Server) Provision(ctx context.Context, database, role string) (roleURL string, err error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if err := createMissing(ctx, conn, "SELECT FROM pg_database WHERE datname = $1", "CREATE DATABASE", database); err != nil {
		return "", err
	}
	if err := createMissing(ctx, conn, "SELECT FROM pg_roles WHERE rolname = $1", "CREATE ROLE", role); err != nil {
		return "", err
	}
	password := rand.Text() // letters and digits: needs no quoting
	alter := fmt.Sprintf("ALTER ROLE %s LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '%s'", pgx.Identifier{role}.Sanitize(), password)
	if _, err := conn.Exec(ctx, alter); err != nil {
		return "", fmt.Errorf("set the password of role %s: %w", role, err)
	}
	u, err := url.Parse(s.URL(database))
	if err != nil {
		return "", fmt.Errorf("read the server's own URL: %w", err)
	}
	u.User = url.UserPassword(role, password)
	return u.String(), nil
}

func createMissing(ctx context.Context, conn *pgx.Conn, look, create, name string) error {
	tag, err := conn.Exec(ctx, look, name)
	if err == nil && tag.RowsAffected() == 0 {
		_, err = conn.Exec(ctx, create+" "+pgx.Identifier{name}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", create, name, err)
	}
	return nil
}
