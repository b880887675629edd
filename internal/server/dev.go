package server

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/caarlos0/env/v11"
	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
)

const (
	devClient   = "codegenapp-dev"
	devDatabase = "codegenapp"
	devRole     = "codegenapp_service"
	devUser     = "ann@example.com"
	devAddr     = "127.0.0.1:8080"
	devCallback = "/api/v1/auth/google/callback"
	// devStop is how long PostgreSQL may take to stop in order.
	devStop = 10 * time.Second
)

// dev is the parts of a development server.
type dev struct {
	settings *Settings
	dir      string
	log      *slog.Logger
	database *pgserver.Server
	issuer   *issuer.Issuer
	doors    doors
}

// Dev runs everything on this machine with nothing set: a private PostgreSQL
// with its data in dir, a sign-in issuer, throw-away keys, and the server. It
// prints to out how to use it, and runs until ctx is done.
func Dev(ctx context.Context, environ []string, dir string, out, logs io.Writer) (err error) {
	began := time.Now()
	s, err := devSettings(environ)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("find the data directory: %w", err)
	}
	d := &dev{settings: s, dir: dir, log: Logger(s, logs)}
	d.database, err = pgserver.Start(ctx, pgserver.Config{Dir: dir, Log: d.log})
	if err != nil {
		return unlessTold(ctx, err)
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), devStop)
		defer cancel()
		err = errors.Join(err, d.database.Stop(stopping))
	}()
	if err := d.prepare(ctx); err != nil {
		return unlessTold(ctx, err)
	}
	return d.run(ctx, func(token string) {
		fmt.Fprintf(out, devBanner, d.doors.address(), time.Since(began).Seconds(), dir,
			d.database.Version(), d.database.URL(devDatabase), devUser, token)
	})
}

// unlessTold is err, or nil when the work failed because ctx is done: somebody
// who presses Ctrl-C during the start has not met a failure.
func unlessTold(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

const devBanner = `
codegenapp is listening on %[1]s (started in %.1[2]f s)

  data      %[3]s
  database  psql "%[5]s"  (PostgreSQL %[4]s)
  contract  %[1]s/api/v1/openapi.json
  browser   %[1]s/api/v1/auth/google?return_to=/docs

Try it. The token is that of %[6]s, and good for an hour:

  curl -s -H "Authorization: Bearer %[7]s" %[1]s/api/v1/projects

Ctrl-C stops everything.

`

// prepare makes the database ready, opens the doors, and completes the settings
// with what only development has.
func (d *dev) prepare(ctx context.Context) error {
	service, err := d.database.Provision(ctx, devDatabase, devRole)
	if err != nil {
		return err
	}
	s := d.settings
	s.DatabaseURL, s.MigrationDatabaseURL = Secret(service), Secret(d.database.URL(devDatabase))
	if err := MigrateUp(ctx, s, io.Discard); err != nil {
		return err
	}
	if d.doors, err = openDoors(ctx, d.dir, s.Addr); err != nil {
		return err
	}
	s.GoogleIssuer = "http://" + d.doors.issuer.Addr().String()
	d.issuer, err = issuer.New(issuer.Config{
		URL: s.GoogleIssuer,
		Clients: []issuer.Client{{ID: devClient, RedirectURIs: []string{
			d.doors.address() + devCallback, "http://127.0.0.1" + devCallback, "http://localhost" + devCallback,
		}}},
		Users: []issuer.User{{Email: devUser, Name: "Ann"}, {Email: "ben@example.com", Name: "Ben"}},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start the sign-in issuer: %w", err), d.doors.close())
	}
	return nil
}

// run serves until ctx is done or a part fails. Once the server is ready it
// signs the first user in and hands the access token to ready.
func (d *dev) run(ctx context.Context, ready func(token string)) error {
	a, err := New(ctx, d.settings, d.log)
	if err != nil {
		return errors.Join(err, d.doors.close())
	}
	defer a.Close() //nolint:contextcheck // it ends after ctx
	group, ctx := errgroup.WithContext(ctx)
	signIns := &http.Server{Handler: d.issuer, ReadHeaderTimeout: headerTimeout}
	group.Go(func() error {
		if err := signIns.Serve(d.doors.issuer); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve sign-ins: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return signIns.Close()
		case <-d.database.Done():
			return errors.Join(errors.New("PostgreSQL has stopped by itself; see postgres.log in the data directory"), signIns.Close())
		}
	})
	group.Go(func() error { return a.Serve(ctx, d.doors.http) })
	group.Go(func() error {
		token, err := d.signIn(ctx)
		if err != nil {
			return unlessTold(ctx, err)
		}
		ready(token)
		return nil
	})
	return group.Wait()
}

// signIn signs the first user in, over HTTP like anybody.
func (d *dev) signIn(ctx context.Context) (string, error) {
	idToken, err := d.issuer.IDToken(issuer.Claims{Email: devUser})
	if err != nil {
		return "", fmt.Errorf("make an ID token: %w", err)
	}
	body, err := json.Marshal(map[string]string{"id_token": idToken})
	if err != nil {
		return "", fmt.Errorf("write the sign-in: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.doors.address()+"/api/v1/auth/login", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := here.Do(r)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	defer answer.Body.Close()
	var grant struct {
		AccessToken string `json:"access_token"`
		Detail      string `json:"detail"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&grant); err != nil || grant.AccessToken == "" {
		return "", fmt.Errorf("sign in: %s %s", answer.Status, grant.Detail)
	}
	return grant.AccessToken, nil
}

// doors are the two listeners. The issuer's address is part of who its users
// are, so it is remembered in the data directory.
type doors struct{ http, issuer net.Listener }

func (d doors) address() string {
	address, err := reachable(d.http.Addr().String())
	if err != nil {
		address = d.http.Addr().String()
	}
	return "http://" + address
}

func (d doors) close() error { return errors.Join(d.http.Close(), d.issuer.Close()) }

func openDoors(ctx context.Context, dir, addr string) (d doors, err error) {
	if d.http, err = Listen(ctx, addr); err != nil && addr == devAddr {
		d.http, err = Listen(ctx, "127.0.0.1:0") // something else has the usual port
	}
	if err != nil {
		return d, err
	}
	if d.issuer, err = openIssuer(ctx, filepath.Join(dir, "issuer.addr")); err != nil {
		return d, errors.Join(err, d.http.Close())
	}
	return d, nil
}

// openIssuer listens where the file memory says, or writes there where it
// listens.
func openIssuer(ctx context.Context, memory string) (net.Listener, error) {
	known, err := os.ReadFile(memory)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the issuer's address: %w", err)
	}
	if len(known) > 0 {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", string(known))
		if err != nil {
			return nil, fmt.Errorf("the sign-in issuer's port is taken; free it, or use another --data: %w", err)
		}
		return listener, nil
	}
	listener, err := anyIssuerPort(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a port for the sign-in issuer: %w", err)
	}
	if err := os.WriteFile(memory, []byte(listener.Addr().String()), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("remember the issuer's address: %w", err), listener.Close())
	}
	return listener, nil
}

// anyIssuerPort listens below the ports that systems lend by themselves (32768
// and up): one of those may belong to a passing connection at the next start.
func anyIssuerPort(ctx context.Context) (listener net.Listener, err error) {
	for range 20 {
		port := 20000 + rand.IntN(10000) //nolint:gosec // a port need not be a secret
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			break
		}
	}
	return listener, err
}

// devSettings reads the settings that dev does not make by itself: where to
// listen, origins of pages, limits, the log. Those of a .env are for serve. What is wrong is said
// before anything starts; the database and the issuer get their true addresses
// when they have them.
func devSettings(environ []string) (*Settings, error) {
	given := env.ToMap(environ)
	if given["APP_ENV"] == "production" {
		return nil, SettingsError{"APP_ENV is production, but dev has neither passwords nor lasting keys: use serve"}
	}
	for name, value := range map[string]string{"APP_ENV": "development", "LOG_FORMAT": "text", "HTTP_ADDR": devAddr} {
		if given[name] == "" && (name != "HTTP_ADDR" || given["PORT"] == "") {
			environ = append(environ, name+"="+value)
		}
	}
	environ = append(environ, "DATABASE_URL=postgres://127.0.0.1", "GOOGLE_ISSUER_URL=http://127.0.0.1",
		"GOOGLE_CLIENT_ID="+devClient, "GOOGLE_CLIENT_SECRET=", "GOOGLE_CLOUD_PROJECT=", "GOOGLE_HOSTED_DOMAINS=", "REDIS_URL=", "RATELIMIT_STORAGE_URL=",
		"SINGLE_REPLICA=true", "DATABASE_DIRECT_URL=",
		"TLS_CERT_FILE=", "TLS_KEY_FILE=", "REQUIRE_HTTPS=false",
		"SECRET_KEY="+crand.Text()+crand.Text(), "JWT_SECRET_KEY="+crand.Text()+crand.Text(), "JWT_PRIVATE_KEY=")
	for _, name := range secretSettings() {
		environ = append(environ, name+"_FILE=")
	}
	s, _ := Load(environ, "") // ForServe repeats what it says
	return s, s.ForServe()
}
