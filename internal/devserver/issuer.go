package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
)

// RunIssuer runs the sign-in issuer of dev by itself, for a server in development that
// docker compose runs. It is at GOOGLE_ISSUER_URL, which must be of this machine, and
// signs users in to the clients in GOOGLE_CLIENT_ID without a password. With another
// issuer, such as Google, it has nothing to do and waits for ctx.
func RunIssuer(ctx context.Context, s *server.Settings, out io.Writer) error {
	if s.Production() {
		return server.SettingsError{"APP_ENV is not development, and the issuer signs everyone in without a password: use Google"}
	}
	if len(s.GoogleClientIDs) == 0 {
		return server.SettingsError{"GOOGLE_CLIENT_ID is needed: the client that users sign in to; any name is possible"}
	}
	at, err := url.Parse(s.GoogleIssuer)
	if err != nil {
		return server.SettingsError{"GOOGLE_ISSUER_URL is not a URL"}
	}
	if at.Scheme != "http" || !isLoopback(at.Hostname()) {
		fmt.Fprintf(out, "GOOGLE_ISSUER_URL is %s, so this issuer is not used\n", s.GoogleIssuer)
		<-ctx.Done()
		return nil
	}
	config := issuer.Config{URL: s.GoogleIssuer, Users: []issuer.User{{Email: userEmail, Name: "Ann"}, {Email: "ben@example.com", Name: "Ben"}}}
	for _, client := range s.GoogleClientIDs {
		config.Clients = append(config.Clients, issuer.Client{
			ID: client, Secret: string(s.GoogleClientSecret),
			RedirectURIs: []string{"http://localhost" + callbackPath, "http://127.0.0.1" + callbackPath}, // with any port
		})
	}
	handler, err := issuer.New(config)
	if err != nil {
		return fmt.Errorf("start the sign-in issuer: %w", err)
	}
	listener, err := server.ListenOn(ctx, "GOOGLE_ISSUER_URL", ":"+at.Port())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "users sign in at %s, without a password: open http://localhost:8080/api/v1/auth/google?return_to=/\n", s.GoogleIssuer)
	return serveIssuer(ctx, listener, handler)
}

// serveIssuer serves until ctx is done.
func serveIssuer(ctx context.Context, listener net.Listener, handler http.Handler) error {
	issuerServer := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := issuerServer.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the sign-in issuer: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return issuerServer.Close()
	})
	return group.Wait()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
