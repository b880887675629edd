// Package devserver runs the server on a developer's machine without any settings:
// with a private PostgreSQL, a sign-in issuer and throw-away keys. It is the command
// `codegenapp dev`.
//
// The server itself is that of package server; this package adds what production
// provides from outside.
package devserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
	"github.com/codegenapp/codegenapp/internal/server"
)

const (
	clientID     = "codegenapp-dev"
	databaseName = "codegenapp"
	databaseRole = "codegenapp_service"
	userEmail    = "ann@example.com"
	callbackPath = "/api/v1/auth/google/callback"
	// postgresStopTimeout is how long PostgreSQL may take to shut down.
	postgresStopTimeout = 10 * time.Second
	headerTimeout       = 5 * time.Second
	signInTimeout       = 2 * time.Second
)

// devServer is a development server and the services it runs.
type devServer struct {
	settings  *server.Settings
	dir       string
	log       *slog.Logger
	database  *pgserver.Server
	issuer    *issuer.Issuer
	listeners listeners
}

// Run starts a private PostgreSQL with its data in dir, a sign-in issuer, and the
// server. It prints to out how to use them, and runs until ctx is done. environ may
// set the address, CORS origins, limits and logging.
func Run(ctx context.Context, environ []string, dir string, out, logs io.Writer) (err error) {
	startedAt := time.Now()
	s, err := settings(environ)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("find the data directory: %w", err)
	}
	d := &devServer{settings: s, dir: dir, log: server.Logger(s, logs)}
	d.database, err = pgserver.Start(ctx, pgserver.Config{Dir: dir, Log: d.log})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postgresStopTimeout)
		defer cancel()
		err = errors.Join(err, d.database.Stop(stopCtx))
	}()
	if err := d.prepare(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	return d.serve(ctx, func(token string) {
		fmt.Fprintf(out, banner, d.listeners.url(), time.Since(startedAt).Seconds(), dir,
			d.database.Version(), d.database.URL(databaseName), userEmail, token)
	})
}

// unlessStopped returns err, or nil if ctx is done: Ctrl-C during the start is not a
// failure.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // see above
	}
	return err
}

const banner = `
codegenapp is listening on %[1]s (started in %.1[2]f s)

  data      %[3]s
  database  psql "%[5]s"  (PostgreSQL %[4]s)
  contract  %[1]s/api/v1/openapi.json
  browser   %[1]s/api/v1/auth/google?return_to=/docs

Try it. The token belongs to %[6]s and is valid for an hour:

  curl -s -H "Authorization: Bearer %[7]s" %[1]s/api/v1/projects

Ctrl-C stops everything.

`

// prepare sets up the database, opens the listeners, and completes the settings with
// the addresses of both.
func (d *devServer) prepare(ctx context.Context) error {
	serviceURL, err := d.database.Provision(ctx, databaseName, databaseRole)
	if err != nil {
		return err
	}
	s := d.settings
	s.DatabaseURL, s.MigrationDatabaseURL = server.Secret(serviceURL), server.Secret(d.database.URL(databaseName))
	if err := server.MigrateUp(ctx, s, io.Discard); err != nil {
		return err
	}
	if d.listeners, err = listen(ctx, d.dir, s.Addr); err != nil {
		return err
	}
	s.GoogleIssuer = "http://" + d.listeners.issuer.Addr().String()
	d.issuer, err = issuer.New(issuer.Config{
		URL: s.GoogleIssuer,
		Clients: []issuer.Client{{ID: clientID, RedirectURIs: []string{
			d.listeners.url() + callbackPath, "http://127.0.0.1" + callbackPath, "http://localhost" + callbackPath,
		}}},
		Users: []issuer.User{{Email: userEmail, Name: "Ann"}, {Email: "ben@example.com", Name: "Ben"}},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start the sign-in issuer: %w", err), d.listeners.close())
	}
	return nil
}

// serve runs the server and the issuer until ctx is done or one of them fails. Once
// the server is ready, it signs the first user in and calls ready with the access
// token.
func (d *devServer) serve(ctx context.Context, ready func(token string)) error {
	api, err := server.New(ctx, d.settings, d.log)
	if err != nil {
		return errors.Join(err, d.listeners.close())
	}
	defer api.Close() //nolint:contextcheck // it ends after ctx
	group, ctx := errgroup.WithContext(ctx)
	issuerServer := &http.Server{Handler: d.issuer, ReadHeaderTimeout: headerTimeout}
	group.Go(func() error {
		if err := issuerServer.Serve(d.listeners.issuer); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the sign-in issuer: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return issuerServer.Close()
		case <-d.database.Done():
			err := errors.New("PostgreSQL has stopped by itself; see postgres.log in the data directory")
			return errors.Join(err, issuerServer.Close())
		}
	})
	group.Go(func() error { return api.Serve(ctx, d.listeners.http) })
	group.Go(func() error {
		token, err := d.signIn(ctx)
		if err != nil {
			return unlessStopped(ctx, err)
		}
		ready(token)
		return nil
	})
	return group.Wait()
}

// signIn signs the first user in over HTTP, like any client.
func (d *devServer) signIn(ctx context.Context) (string, error) {
	idToken, err := d.issuer.IDToken(issuer.Claims{Email: userEmail})
	if err != nil {
		return "", fmt.Errorf("create an ID token: %w", err)
	}
	body, err := json.Marshal(map[string]string{"id_token": idToken})
	if err != nil {
		return "", fmt.Errorf("encode the sign-in: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.listeners.url()+"/api/v1/auth/login", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: signInTimeout, Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	response, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	defer response.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
		Detail      string `json:"detail"`
	}
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil || tokens.AccessToken == "" {
		return "", fmt.Errorf("sign in: %s %s", response.Status, tokens.Detail)
	}
	return tokens.AccessToken, nil
}
