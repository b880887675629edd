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

	"github.com/codegenapp/codegenapp/internal/httpapi/wire"
	"github.com/codegenapp/codegenapp/internal/postgres"
)

// The bounds of a connection: every wait has one.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 15 * time.Second
	answerTimeout = 20 * time.Second
	idleTimeout   = 60 * time.Second
	// proxyIdleTimeout is longer than Google's load balancers keep a connection that
	// nobody uses (600 s): who closes second never meets a request under way.
	proxyIdleTimeout = 620 * time.Second
	// maxHeader leaves room above what package httpapi takes, so that what is too
	// large is mostly refused there.
	maxHeader = 128 << 10
	// maxStreams is how many requests a connection of HTTP/2 has at once.
	maxStreams  = 100
	startupPoll = 250 * time.Millisecond
)

// Serve answers requests on the listener until ctx is done, then finishes what
// is in flight: not ready at once, accepting for the drain time while load
// balancers notice, then at most the grace time for what has begun. When a part
// fails it ends at once.
func (a *App) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: a.parting(a.handler), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout,
		WriteTimeout: answerTimeout, IdleTimeout: a.settings.idleTimeout(), MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true, // OPTIONS * is answered in our form too
		ErrorLog:                     slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			SendPingTimeout:      headerTimeout, PingTimeout: bodyTimeout, WriteByteTimeout: answerTimeout,
		},
	}
	if a.settings.unreachable() {
		a.log.WarnContext(ctx, "every request will be refused: HTTPS is required, but neither TLS_CERT_FILE nor TRUSTED_PROXIES is set")
	}
	connections := wire.Config{Refuse: a.api.Refuse, Log: a.log}
	if a.edge.certificate != nil {
		connections.TLS = a.edge.certificate.tlsConfig()
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(wire.Listen(listener, connections)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
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
		a.keepHouse(running)
		return nil
	})
	group.Go(func() error {
		a.listenForReplicas(ended) // requests are still served while the server drains
		return nil
	})
	group.Go(func() error {
		defer end()
		<-running.Done()
		a.leaving.Store(true)
		if ctx.Err() == nil { // nobody told us: a part has failed, or must not go on
			return server.Close()
		}
		return a.shutDown(context.WithoutCancel(ctx), server)
	})
	return group.Wait()
}

// idleTimeout is how long a connection is kept that nobody uses.
func (s *Settings) idleTimeout() time.Duration {
	if len(s.TrustedProxies) > 0 {
		return proxyIdleTimeout
	}
	return idleTimeout
}

// parting lets callers come by another connection once the end has begun, which
// leads them to another replica: each answer says "Connection: close" (RFC 9112,
// section 9.6), which is GOAWAY with HTTP/2. Nothing idle is closed meanwhile: a
// request may be under way on it.
func (a *App) parting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func (a *App) shutDown(ctx context.Context, server *http.Server) error {
	a.log.InfoContext(ctx, "shutting down", "drain", a.settings.drain(), "grace", time.Duration(a.settings.ShutdownGrace))
	time.Sleep(a.settings.drain()) //nolint:forbidigo // the server goes on serving meanwhile; that is the point
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.settings.ShutdownGrace))
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still running after SHUTDOWN_GRACE: %w", err), server.Close())
	}
	return nil
}

// awaitDatabase makes the server ready once the database is there with the
// right schema. A role that is too powerful ends a server in production.
func (a *App) awaitDatabase(ctx context.Context) error {
	poll := time.NewTicker(startupPoll)
	defer poll.Stop()
	said := ""
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
		if said != err.Error() { // one line for each reason, not for each try
			said = err.Error()
			a.log.WarnContext(ctx, "not ready: waiting for the database", "error", said)
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
