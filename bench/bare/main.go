// Command bare answers every GET with bytes that it was given before, from
// memory: what net/http costs alone. PUT gives it the bytes, and the header
// Bare-Status the status; no bytes are an answer without a body.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

type answer struct {
	status int
	body   []byte
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: *address, Handler: handler(), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func handler() http.Handler {
	var given atomic.Pointer[answer]
	given.Store(&answer{status: http.StatusOK})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			status, err := strconv.Atoi(r.Header.Get("Bare-Status"))
			body, readErr := io.ReadAll(r.Body)
			if errors.Join(err, readErr) != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			given.Store(&answer{status, body})
			return
		}
		a := given.Load()
		if len(a.body) == 0 {
			w.WriteHeader(a.status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the client may have disconnected
	})
}
