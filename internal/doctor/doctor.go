// Package doctor checks the settings of the server and the services it depends on,
// and reports what to fix. It is the command `codegenapp doctor`.
//
// It opens connections of its own and changes nothing. It does not know how the
// server handles requests.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
)

const (
	// timeout is the longest time that all checks together take.
	timeout = 10 * time.Second
	// checkTimeout is the deadline that each check gets. It leaves time to report
	// the error before timeout.
	checkTimeout = timeout * 9 / 10
)

// ErrFailed is returned by Run if a check has failed.
var ErrFailed = errors.New("some checks have failed")

// status is the outcome of a check.
type status string

const (
	ok status = "ok"
	// warn marks what works, but needs the attention of an operator.
	warn status = "warn"
	fail status = "FAIL"
)

// result is one line of the report: what was checked, its status, and what to do.
type result struct {
	status  status
	subject string
	text    string
}

// check is one subject and the function that examines it.
type check struct {
	subject string
	run     func(context.Context) []result
}

// examination is one run of the doctor over some settings.
type examination struct {
	*server.Settings

	// faults are the faults of the settings, each reported once, by checkSettings.
	faults server.SettingsError
	// err is an error of the settings that is not a list of faults.
	err error
}

// Run checks every setting and every service, and writes one line for each result to
// out. A failed check does not stop the others. The report contains no secrets. Run
// takes ten seconds at most, and returns ErrFailed if a check has failed.
func Run(ctx context.Context, s *server.Settings, out io.Writer) error {
	e := newExamination(s)
	results := runAll(ctx, []check{
		{"settings", e.checkSettings},
		{"https", e.checkHTTPS},
		{"address", e.checkAddress},
		{"database", e.checkDatabase},
		{"notifications", e.checkNotifications},
		{"redis", e.checkRedis},
		{"google", e.checkGoogle},
		{"traces", e.checkTraces},
	})
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.status, r.subject, strings.ReplaceAll(r.text, "\n", " "))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.status == fail }) {
		return ErrFailed
	}
	return nil
}

func newExamination(s *server.Settings) *examination {
	e := &examination{Settings: s}
	if err := s.ForServe(); err != nil {
		var listed bool
		if e.faults, listed = errors.AsType[server.SettingsError](err); !listed {
			e.err = err
		}
	}
	return e
}

// valid reports whether no fault names a setting with one of these prefixes.
func (e *examination) valid(prefixes ...string) bool {
	for _, prefix := range prefixes {
		if slices.ContainsFunc(e.faults, func(fault string) bool { return strings.HasPrefix(fault, prefix) }) {
			return false
		}
	}
	return true
}

// runAll runs all checks concurrently. It returns after timeout at the latest, also
// if a check ignores its deadline.
func runAll(ctx context.Context, checks []check) (results []result) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	checkCtx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	done := make([]chan []result, len(checks))
	for n, c := range checks {
		done[n] = make(chan []result, 1)
		go func() { done[n] <- c.run(checkCtx) }()
	}
	for n, c := range checks {
		results = append(results, c.wait(ctx, done[n])...)
	}
	return results
}

// wait returns the results of the check, or a failure once ctx is done.
func (c check) wait(ctx context.Context, done <-chan []result) []result {
	select {
	case results := <-done:
		return results
	case <-ctx.Done():
	}
	select {
	case results := <-done: // arrived while other checks were waited for
		return results
	default:
		return []result{{fail, c.subject, fmt.Sprintf("no response within %s", timeout)}}
	}
}

// checkSettings reports every setting that is missing or invalid.
func (e *examination) checkSettings(context.Context) []result {
	if e.err != nil {
		return []result{{fail, "settings", e.err.Error()}}
	}
	var results []result
	for _, warning := range e.Warnings() {
		results = append(results, result{warn, "settings", warning})
	}
	if len(e.faults) == 0 {
		return append(results, result{ok, "settings", "all valid; APP_ENV is " + e.Env})
	}
	for _, fault := range e.faults {
		results = append(results, result{fail, "settings", fault})
	}
	return results
}

// checkHTTPS reports how clients connect.
func (e *examination) checkHTTPS(context.Context) []result {
	if e.Unreachable() {
		return []result{{fail, "https", "every request would be rejected: HTTPS is required, but neither TLS_CERT_FILE nor TRUSTED_PROXIES is set"}}
	}
	if !e.TerminatesTLS() {
		if len(e.TrustedProxies) == 0 {
			return []result{{ok, "https", "not required; clients connect over plain HTTP"}}
		}
		return []result{{ok, "https", "terminated by the proxies in TRUSTED_PROXIES, which must set X-Forwarded-Proto and X-Forwarded-For"}}
	}
	pair, err := server.ReadCertificate(e.TLSCertFile, e.TLSKeyFile)
	if err != nil {
		return nil // checkSettings has reported it
	}
	const replace = ": replace the file; no restart is needed"
	from, until := pair.Leaf.NotBefore, pair.Leaf.NotAfter
	switch left := time.Until(until); {
	case time.Until(from) > 0:
		return []result{{fail, "https", "the certificate in TLS_CERT_FILE is not valid before " + from.Format(time.DateTime) + " UTC: wait, set the clock, or replace the file"}}
	case left <= 0:
		return []result{{fail, "https", "the certificate in TLS_CERT_FILE expired on " + until.Format(time.DateOnly) + replace}}
	case left < 14*24*time.Hour:
		return []result{{warn, "https", "the certificate in TLS_CERT_FILE expires on " + until.Format(time.DateOnly) + replace}}
	default:
		return []result{{ok, "https", "terminated by the server; the certificate is valid until " + until.Format(time.DateOnly)}}
	}
}

// checkAddress tries to listen where the server would.
func (e *examination) checkAddress(ctx context.Context) []result {
	if !e.valid("HTTP_ADDR", "METRICS_ADDR") {
		return nil // checkSettings has reported it
	}
	if server.Healthcheck(ctx, e.Settings) == nil {
		return []result{{ok, "address", "a server already responds at HTTP_ADDR"}}
	}
	var results []result
	for _, address := range []struct{ setting, addr string }{{"HTTP_ADDR", e.Addr}, {"METRICS_ADDR", e.MetricsAddr}} {
		if address.addr == "" {
			continue
		}
		listener, err := server.ListenOn(ctx, address.setting, address.addr)
		if err != nil {
			results = append(results, result{fail, "address", err.Error()})
			continue
		}
		_ = listener.Close() // nothing was sent
		results = append(results, result{ok, "address", address.setting + " is free"})
	}
	return results
}
