package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/bench/harness"
	"github.com/codegenapp/codegenapp/bench/seed"
)

// The logins to the reference's database. The second one bypasses row-level security, for
// servers that filter by owner themselves.
const (
	referenceRole = "bench_reference"
	peerRole      = "bench_peer"
)

// loadReference creates the reference's tables with the same data, and the sessions of
// the users that have signed in to codegenapp: its access tokens are valid at the peers.
func (b *bench) loadReference(ctx context.Context, w *dataset) error {
	db, layout := w.on(byHand)
	conn, err := pgx.Connect(ctx, db.Superuser)
	if err != nil {
		return fmt.Errorf("load the reference: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	statements := []string{
		"CREATE ROLE " + referenceRole + " LOGIN PASSWORD '" + b.keys.database + "'",
		"CREATE ROLE " + peerRole + " LOGIN BYPASSRLS PASSWORD '" + b.keys.database + "'",
	}
	for _, name := range []string{"schema.sql", "functions.sql"} {
		file, err := os.ReadFile(filepath.Join(b.root, "bench", "reference", name))
		if err != nil {
			return fmt.Errorf("load the reference: %w", err)
		}
		statements = append(statements, string(file))
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("load the reference: %w", err)
		}
	}
	if err := layout.Load(ctx, db.Superuser, "", w.userCount, w.loadedAt); err != nil {
		return err
	}
	sessions := pgx.CopyFromSlice(len(w.users), func(n int) ([]any, error) {
		u := w.users[n]
		return []any{u.session, seed.ID(seed.User, u.number), time.Now().Add(24 * time.Hour)}, nil
	})
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"sessions"}, []string{"id", "user_id", "expires_at"}, sessions); err != nil {
		return fmt.Errorf("load the reference's sessions: %w", err)
	}
	return nil
}

// sessionOf reads the session's id from an access token.
func sessionOf(token string) (uuid.UUID, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return uuid.Nil, fmt.Errorf("the access token has %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return uuid.Nil, fmt.Errorf("read the access token: %w", err)
	}
	var claims struct {
		Session uuid.UUID `json:"sid"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return uuid.Nil, fmt.Errorf("read the access token: %w", err)
	}
	return claims.Session, nil
}

// login returns the URL of a database for one of the logins.
func (b *bench) login(db harness.Database, role string) (string, error) {
	u, err := url.Parse(db.Superuser)
	if err != nil {
		return "", fmt.Errorf("read the database's URL: %w", err)
	}
	u.User = url.UserPassword(role, b.keys.database)
	return u.String(), nil
}
