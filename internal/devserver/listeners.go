package devserver

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/codegenapp/codegenapp/internal/server"
)

// listeners are those of the server and of the issuer.
type listeners struct {
	http   []net.Listener
	issuer net.Listener
	// portTaken is whether another program has the default port.
	portTaken bool
}

// url returns the URL of the server for people and browsers. A page of another
// development server is usually at localhost, and for cookies 127.0.0.1 is another
// site.
func (l listeners) url() string {
	host, port, _ := net.SplitHostPort(l.http[0].Addr().String()) // a listener has both
	if ip := net.ParseIP(host); ip.IsUnspecified() || slices.Contains([]string{"127.0.0.1", "::1"}, host) {
		host = localhost
	}
	return "http://" + net.JoinHostPort(host, port)
}

// reachableURL returns the URL of the server for this program. It needs no name
// resolution.
func (l listeners) reachableURL() string {
	address, err := server.ReachableAddr(l.http[0].Addr().String())
	if err != nil {
		address = l.http[0].Addr().String()
	}
	return "http://" + address
}

func (l listeners) close() error {
	var all []error
	for _, listener := range l.http {
		all = append(all, listener.Close())
	}
	if l.issuer != nil {
		all = append(all, l.issuer.Close())
	}
	return errors.Join(all...)
}

// listen opens the listeners. If another program has the port that was chosen, that is
// an error. If it has the default port, the server listens on another one.
func listen(ctx context.Context, dir, addr string, chosen bool) (l listeners, err error) {
	l.http, err = listenHTTP(ctx, addr)
	if l.portTaken = !chosen && errors.Is(err, syscall.EADDRINUSE); l.portTaken {
		l.http, err = listenElsewhere(ctx)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w, or --port", err)
	}
	if err != nil {
		return l, err
	}
	if l.issuer, err = listenIssuer(ctx, filepath.Join(dir, issuerFile)); err != nil {
		return l, errors.Join(err, l.close())
	}
	return l, nil
}

// listenElsewhere listens on one of the ports after the default one, or on any port.
func listenElsewhere(ctx context.Context) (l []net.Listener, err error) {
	for _, port := range []string{"8081", "8082", "8083", "8084", "8085", "0"} {
		if l, err = listenLoopback(ctx, port); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return l, err
}

func listenHTTP(ctx context.Context, addr string) ([]net.Listener, error) {
	if port, ok := strings.CutPrefix(addr, localhost+":"); ok {
		return listenLoopback(ctx, port)
	}
	listener, err := server.Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	return []net.Listener{listener}, nil
}

// listenLoopback listens on a port of both loopback addresses, since programs resolve
// localhost to either. A machine without IPv6 has only the first.
func listenLoopback(ctx context.Context, port string) ([]net.Listener, error) {
	four, err := server.Listen(ctx, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	_, port, _ = net.SplitHostPort(four.Addr().String()) // for port 0, the system has chosen one
	six, err := server.Listen(ctx, net.JoinHostPort("::1", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errors.Join(err, four.Close())
	}
	if err != nil { // there is no IPv6
		return []net.Listener{four}, nil //nolint:nilerr // see above
	}
	return []net.Listener{four, six}, nil
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
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", strings.TrimSpace(string(stored)))
		if err != nil {
			return nil, fmt.Errorf("the sign-in issuer's port is in use; free it, or use another --data: %w", err)
		}
		return listener, nil
	}
	listener, err := listenRandomPort(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a port for the sign-in issuer: %w", err)
	}
	if err := writePrivate(file, listener.Addr().String()); err != nil {
		return nil, errors.Join(fmt.Errorf("store the issuer's address: %w", err), listener.Close())
	}
	return listener, nil
}

// listenRandomPort avoids the ephemeral ports (32768 and up): an outgoing connection
// could use the same one at the next start.
func listenRandomPort(ctx context.Context) (listener net.Listener, err error) {
	for range 20 {
		port := 20000 + mathrand.IntN(10000) //nolint:gosec // a port need not be a secret
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			break
		}
	}
	return listener, err
}
