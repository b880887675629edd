package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/postgres"
)

// The limits of a connection: every wait has one.
const (
	headerTimeout   = 5 * time.Second
	bodyTimeout     = 15 * time.Second
	responseTimeout = 20 * time.Second
	idleTimeout     = 60 * time.Second
	// proxyIdleTimeout is longer than Google's load balancers keep an idle connection
	// (600 s). The proxy then closes first, so no request meets a closed connection.
	proxyIdleTimeout = 620 * time.Second
	// maxHeaderBytes is larger than the limit of package httpapi, which rejects most
	// oversized headers itself.
	maxHeaderBytes = 128 << 10
	// maxStreams is how many concurrent requests an HTTP/2 connection may have.
	maxStreams = 100
	// cutOffTimeout is how long requests that were cut off may take to end.
	cutOffTimeout = time.Second
	// databaseInterval is the time between two checks of the database at the start.
	databaseInterval = 250 * time.Millisecond
)

// Serve handles requests on the listeners until ctx is done, then shuts down
// gracefully: it reports not ready at once, accepts requests for SHUTDOWN_DRAIN while
// load balancers notice, then finishes running requests within SHUTDOWN_GRACE. If a
// part fails, Serve returns at once.
func (a *App) Serve(ctx context.Context, listeners ...net.Listener) error {
	requests, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context { return requests },
		Handler:     a.closeWhenStopping(a.handler), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout,
		WriteTimeout: responseTimeout, IdleTimeout: a.settings.idleTimeout(), MaxHeaderBytes: maxHeaderBytes,
		ConnState: newConnections(a.proxies.Trust).state, DisableGeneralOptionsHandler: true, // OPTIONS * gets a problem document too
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			SendPingTimeout:      headerTimeout, PingTimeout: bodyTimeout, WriteByteTimeout: responseTimeout,
		},
	}
	if a.settings.Unreachable() {
		a.log.WarnContext(ctx, "every request will be rejected: HTTPS is required, but neither TLS_CERT_FILE nor TRUSTED_PROXIES is set")
	}
	serve := server.Serve
	if a.tlsFiles != nil {
		server.TLSConfig = a.tlsFiles.tlsConfig()
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	group, running := errgroup.WithContext(ctx)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
	}
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group.Go(func() error { return a.serveMetrics(ended) })
	group.Go(func() error {
		a.active.Run(ended)
		return nil
	})
	group.Go(func() error {
		if err := a.awaitDatabase(running); err != nil {
			return err
		}
		a.runHousekeeping(running)
		return nil
	})
	group.Go(func() error {
		a.listenForReplicas(ended) // requests are still served while the server drains
		return nil
	})
	group.Go(func() error {
		a.events.Run(ended)
		return nil
	})
	group.Go(func() error {
		defer end()
		<-running.Done()
		a.stopping.Store(true)
		a.events.Shutdown()   // their clients reconnect to another replica
		if ctx.Err() == nil { // a part has failed
			return server.Close()
		}
		return a.shutDown(context.WithoutCancel(ctx), server, cut)
	})
	return group.Wait()
}

// idleTimeout returns how long an idle connection is kept.
func (s *Settings) idleTimeout() time.Duration {
	if len(s.TrustedProxies) > 0 {
		return proxyIdleTimeout
	}
	return idleTimeout
}

// closeWhenStopping counts the running requests. It also adds "Connection: close" (RFC
// 9112, section 9.6) to responses during the drain; HTTP/2 sends GOAWAY. Clients then
// reconnect, and reach another replica. Idle connections stay open: a request may
// already be on its way.
func (a *App) closeWhenStopping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.running.Add(1)
		defer a.running.Add(-1)
		if a.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// LoggedError is an error that is in the log already. The program prints nothing more.
type LoggedError struct{ error }

func (a *App) shutDown(ctx context.Context, server *http.Server, cut context.CancelCauseFunc) error {
	a.log.InfoContext(ctx, "shutting down", "drain", a.settings.drain(), "grace", time.Duration(a.settings.ShutdownGrace))
	time.Sleep(a.settings.drain()) //nolint:forbidigo // the server handles requests meanwhile
	waiting, cancel := context.WithTimeout(ctx, time.Duration(a.settings.ShutdownGrace))
	defer cancel()
	err := server.Shutdown(waiting)
	if err == nil {
		return nil
	}
	a.log.ErrorContext(ctx, "requests were still running after SHUTDOWN_GRACE", "requests", a.running.Load(), "error", err)
	cut(middleware.ErrShutdown)
	err = errors.Join(err, server.Close())
	a.awaitRequests()
	return LoggedError{err}
}

// awaitRequests waits until the requests that were cut off are in the log, for
// cutOffTimeout at most.
func (a *App) awaitRequests() {
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	timeout := time.NewTimer(cutOffTimeout)
	defer timeout.Stop()
	for a.running.Load() > 0 {
		select {
		case <-poll.C:
		case <-timeout.C:
			return
		}
	}
}

// awaitDatabase makes the server ready once the database has the right schema. Another
// encoding is an error; so is, in production, a role with too many rights.
func (a *App) awaitDatabase(ctx context.Context) error {
	poll := time.NewTicker(databaseInterval)
	defer poll.Stop()
	reported := ""
	for {
		err := a.checkDatabase(ctx)
		if err == nil {
			a.ready.Store(true)
			a.log.InfoContext(ctx, "ready")
			return nil
		}
		if power, ok := errors.AsType[*postgres.PowerError](err); ok {
			return SettingsError{power.Error()}
		}
		if encoding, ok := errors.AsType[*postgres.EncodingError](err); ok {
			return SettingsError{"DATABASE_URL: " + encoding.Error()}
		}
		if reported != err.Error() { // one line for each reason, not for each attempt
			reported = err.Error()
			a.log.WarnContext(ctx, "not ready: waiting for the database", "error", reported)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

func (a *App) checkDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, headerTimeout)
	defer cancel()
	if a.settings.Production() {
		if err := a.store.CheckRole(ctx); err != nil {
			return err
		}
	}
	return a.store.CheckSchema(ctx)
}
