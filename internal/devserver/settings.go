package devserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/codegenapp/codegenapp/internal/server"
)

// defaultAddr is where the server listens unless HTTP_ADDR or PORT is set.
const defaultAddr = "127.0.0.1:8080"

// settings returns the settings of a development server. environ sets the address,
// CORS origins, limits and logging; a .env file is ignored, since it is meant for
// `serve`. The database and the issuer have placeholders until they run, so that
// faults are reported before anything starts.
func settings(environ []string) (*server.Settings, error) {
	set := env.ToMap(environ)
	if set["APP_ENV"] == "production" {
		return nil, server.SettingsError{"APP_ENV is production, but dev has no passwords and no permanent keys: use serve"}
	}
	for name, value := range map[string]string{"APP_ENV": "development", "LOG_FORMAT": "text", "HTTP_ADDR": defaultAddr} {
		if set[name] == "" && (name != "HTTP_ADDR" || set["PORT"] == "") {
			environ = append(environ, name+"="+value)
		}
	}
	for name := range set {
		if strings.HasSuffix(name, "_FILE") { // secrets of a real server, and its certificate
			environ = append(environ, name+"=")
		}
	}
	environ = append(environ, "DATABASE_URL=postgres://127.0.0.1", "DATABASE_DIRECT_URL=",
		"GOOGLE_ISSUER_URL=http://127.0.0.1", "GOOGLE_CLIENT_ID="+clientID, "GOOGLE_CLIENT_SECRET=",
		"GOOGLE_CLOUD_PROJECT=", "GOOGLE_HOSTED_DOMAINS=",
		"REDIS_URL=", "RATELIMIT_STORAGE_URL=", "SINGLE_REPLICA=true", "REQUIRE_HTTPS=false",
		"SECRET_KEY="+rand.Text()+rand.Text(), "JWT_SECRET_KEY="+rand.Text()+rand.Text(), "JWT_PRIVATE_KEY=")
	s, _ := server.Load(environ, "") // ForServe repeats its error
	return s, s.ForServe()
}

// listeners are those of the server and of the issuer.
type listeners struct{ http, issuer net.Listener }

// url returns the URL at which this machine reaches the server.
func (l listeners) url() string {
	address, err := server.ReachableAddr(l.http.Addr().String())
	if err != nil {
		address = l.http.Addr().String()
	}
	return "http://" + address
}

func (l listeners) close() error { return errors.Join(l.http.Close(), l.issuer.Close()) }

func listen(ctx context.Context, dir, addr string) (l listeners, err error) {
	if l.http, err = server.Listen(ctx, addr); err != nil && addr == defaultAddr {
		l.http, err = server.Listen(ctx, "127.0.0.1:0") // another program uses the default port
	}
	if err != nil {
		return l, err
	}
	if l.issuer, err = listenIssuer(ctx, filepath.Join(dir, "issuer.addr")); err != nil {
		return l, errors.Join(err, l.http.Close())
	}
	return l, nil
}

// listenIssuer listens at the address in the file, or stores a new address there. The
// issuer's address is part of the identity of its users, so it must not change
// between starts.
func listenIssuer(ctx context.Context, file string) (net.Listener, error) {
	stored, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the issuer's address: %w", err)
	}
	if len(stored) > 0 {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", string(stored))
		if err != nil {
			return nil, fmt.Errorf("the sign-in issuer's port is in use; free it, or use another --data: %w", err)
		}
		return listener, nil
	}
	listener, err := listenRandomPort(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a port for the sign-in issuer: %w", err)
	}
	if err := os.WriteFile(file, []byte(listener.Addr().String()), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("store the issuer's address: %w", err), listener.Close())
	}
	return listener, nil
}

// listenRandomPort avoids the ephemeral ports (32768 and up): an outgoing connection
// could use the same one at the next start.
func listenRandomPort(ctx context.Context) (listener net.Listener, err error) {
	for range 20 {
		port := 20000 + mathrand.IntN(10000) //nolint:gosec // a port need not be a secret
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			break
		}
	}
	return listener, err
}
