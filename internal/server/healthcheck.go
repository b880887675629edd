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

// askTimeout is how long the server on this machine may take to answer us.
const askTimeout = 2 * time.Second

// here asks the server on this machine, past any proxy.
var here = &http.Client{Timeout: askTimeout, Transport: &http.Transport{DisableKeepAlives: true}}

// reachable is the address at which this machine reaches what listens on addr.
func reachable(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// errOther is a server with another certificate than the settings name.
var errOther = errors.New("it shows another certificate than the one in TLS_CERT_FILE")

// Healthcheck asks /health/live of the server on this machine.
func Healthcheck(ctx context.Context, s *Settings) error {
	address, err := reachable(s.Addr)
	if err != nil {
		return errors.New("HTTP_ADDR is not host:port or :port")
	}
	if !s.ownTLS() {
		return ask(ctx, here, "http://"+address)
	}
	err = ask(ctx, hereOverTLS(s), "https://"+address)
	if !errors.Is(err, errOther) {
		return err
	}
	// It may not have looked at its files since they have changed.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(certificateAge):
		return ask(ctx, hereOverTLS(s), "https://"+address)
	}
}

func ask(ctx context.Context, client *http.Client, base string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health/live", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s", answer.Status)
	}
	return nil
}

// hereOverTLS asks a server that speaks TLS itself. Its certificate is for a name
// that does not lead to this machine, so neither name nor issuer is checked: it
// has to be the very one of the settings, whose key nobody else has.
func hereOverTLS(s *Settings) *http.Client {
	return &http.Client{Timeout: askTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection is stricter
			VerifyConnection: func(state tls.ConnectionState) error {
				pair, err := readPair(s.TLSCertFile, s.TLSKeyFile)
				if err != nil {
					// A server that runs has kept the pair before, which no file tells any
					// more. It would not survive to be started anew for that.
					return nil //nolint:nilerr // see above
				}
				if !state.PeerCertificates[0].Equal(pair.Leaf) {
					return errOther
				}
				return nil
			},
		},
	}}
}
