package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthTimeout is how long the server on this machine may take to respond.
const healthTimeout = 2 * time.Second

// ReachableAddr returns the address at which this machine reaches a listener on addr.
func ReachableAddr(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// errCertificate reports a server whose certificate is not that of the settings.
var errCertificate = errors.New("the server presents another certificate than the one in TLS_CERT_FILE")

// Healthcheck requests /health/live from the server on this machine.
func Healthcheck(ctx context.Context, s *Settings) error {
	address, err := ReachableAddr(s.Addr)
	if err != nil {
		return errors.New("HTTP_ADDR is not host:port or :port")
	}
	if !s.TerminatesTLS() {
		return requestHealth(ctx, &http.Transport{DisableKeepAlives: true}, "http://"+address) // no proxy
	}
	err = requestHealth(ctx, pinnedTransport(s), "https://"+address)
	if !errors.Is(err, errCertificate) {
		return err
	}
	// The files may have changed since the server checked them.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(reloadInterval):
		return requestHealth(ctx, pinnedTransport(s), "https://"+address)
	}
}

func requestHealth(ctx context.Context, transport *http.Transport, base string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health/live", http.NoBody)
	if err != nil {
		return fmt.Errorf("request /health/live: %w", err)
	}
	client := &http.Client{Timeout: healthTimeout, Transport: transport}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not respond: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server responds with %s", response.Status)
	}
	return nil
}

// pinnedTransport accepts exactly the certificate of the settings. It checks neither
// name nor issuer, since the name in the certificate does not lead to this machine.
func pinnedTransport(s *Settings) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection is stricter
			VerifyConnection: func(state tls.ConnectionState) error {
				pair, err := ReadCertificate(s.TLSCertFile, s.TLSKeyFile)
				if err != nil {
					// A running server still uses the previous pair, which is in no file any
					// more. A failed check would restart it, and it could not start.
					return nil //nolint:nilerr // see above
				}
				if !state.PeerCertificates[0].Equal(pair.Leaf) {
					return errCertificate
				}
				return nil
			},
		},
	}
}
