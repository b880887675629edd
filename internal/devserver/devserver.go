// Package devserver runs the server on a developer's machine without any settings:
// with a private PostgreSQL and a sign-in issuer. It is the command `codegenapp dev`.
//
// The server itself is that of package server; this package adds what production
// provides from outside. Ports, keys and data stay the same from start to start.
package devserver

import (
	"context"
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
	adminEmail   = "admin@example.com"
	callbackPath = "/api/v1/auth/google/callback"
	// postgresStopTimeout is how long PostgreSQL may take to shut down.
	postgresStopTimeout = 10 * time.Second
	headerTimeout       = 5 * time.Second
)

// users are those of the sign-in page; the first is signed in at each start.
var users = []issuer.User{
	{Email: userEmail, Name: "Ann"},
	{Email: "ben@example.com", Name: "Ben"},
	{Email: adminEmail, Name: "Admin"},
}

// Options are the arguments of the command.
type Options struct {
	// Environ may set the address, CORS origins, limits and logging.
	Environ []string
	// Dir is the data directory.
	Dir string
	// Port of the loopback addresses; 0 for that of Environ, or else 8080.
	Port uint16
	// Open opens the workspace in a browser, signed in.
	Open bool
}

// devServer is a development server and the services it runs.
type devServer struct {
	settings *server.Settings
	// addressChosen is false if the server may listen on another port.
	addressChosen bool
	dir           string
	log           *slog.Logger
	database      *pgserver.Server
	issuer        *issuer.Issuer
	listeners     listeners
	link          *signInLink
}

// Run starts a private PostgreSQL, a sign-in issuer, and the server. It prints to out
// how to use them, and runs until ctx is done.
func Run(ctx context.Context, o Options, out, logs io.Writer) (err error) {
	startedAt := time.Now()
	d := &devServer{}
	if d.settings, d.addressChosen, err = settings(o); err != nil {
		return err
	}
	if d.dir, err = filepath.Abs(o.Dir); err != nil {
		return fmt.Errorf("find the data directory: %w", err)
	}
	d.log = server.Logger(d.settings, logs)
	d.database, err = pgserver.Start(ctx, pgserver.Config{Dir: d.dir, Log: d.log})
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
	d.link = newSignInLink(time.Now, d.signInBrowser)
	return d.serve(ctx, func(token accessToken) error {
		if err := writePrivate(filepath.Join(d.dir, tokenFile), token.Token); err != nil {
			return fmt.Errorf("store the token: %w", err)
		}
		if _, err := io.WriteString(out, d.banner(time.Since(startedAt), token)); err != nil {
			return fmt.Errorf("print how to use the server: %w", err)
		}
		if o.Open {
			if err := openBrowser(ctx, d.listeners.url()+d.link.path()); err != nil { // the banner has the address
				fmt.Fprintf(out, "No browser could be opened (%v).\n\n", err)
			}
		}
		return nil
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

// prepare sets up the database, opens the listeners, and completes the settings with
// the addresses of both and with the keys.
func (d *devServer) prepare(ctx context.Context) error {
	serviceURL, err := d.database.Provision(ctx, databaseName, databaseRole)
	if err != nil {
		return err
	}
	if err := d.loadKeys(); err != nil {
		return err
	}
	s := d.settings
	s.DatabaseURL, s.MigrationDatabaseURL = server.Secret(serviceURL), server.Secret(d.database.URL(databaseName))
	if err := server.MigrateUp(ctx, s, io.Discard); err != nil {
		return err
	}
	if d.listeners, err = listen(ctx, d.dir, s.Addr, d.addressChosen); err != nil {
		return err
	}
	s.GoogleIssuer = "http://" + d.listeners.issuer.Addr().String()
	d.issuer, err = issuer.New(issuer.Config{
		URL: s.GoogleIssuer,
		// Pages in development complete sign-ins of their own, besides the server.
		Clients: []issuer.Client{{ID: clientID, RedirectURIs: []string{d.listeners.url() + callbackPath}, AnyLoopback: true}},
		Users:   users, AnyUser: true,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start the sign-in issuer: %w", err), d.listeners.close())
	}
	return nil
}

// serve runs the server and the issuer until ctx is done or one of them fails. Once
// the server is ready, it signs the first user in, creates the example, and calls ready
// with the access token.
func (d *devServer) serve(ctx context.Context, ready func(accessToken) error) error {
	api, err := server.New(ctx, d.settings, d.log)
	if err != nil {
		return errors.Join(err, d.listeners.close())
	}
	defer api.Close() //nolint:contextcheck // it ends after ctx
	api.Wrap(d.link.around)
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
	group.Go(func() error { return api.Serve(ctx, d.listeners.http...) })
	group.Go(func() error {
		token, err := d.signIn(ctx)
		if err == nil {
			err = d.createExample(ctx, token.Token)
		}
		if err == nil {
			err = ready(token)
		}
		return unlessStopped(ctx, err)
	})
	return group.Wait()
}
