package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// doctorWithin is how long the doctor looks at all of it.
const doctorWithin = 10 * time.Second

// ErrUnwell is returned by Doctor if something has to be mended.
var ErrUnwell = errors.New("something has to be mended")

// verdict is how much something matters.
type verdict string

const (
	fine verdict = "ok"
	// doubtful works, but an operator would want to know.
	doubtful verdict = "warn"
	broken   verdict = "FAIL"
)

// sign is one line of the doctor's: what was looked at, how it is, and what to do.
type sign struct {
	verdict verdict
	what    string
	said    string
}

// look looks at one thing, and tells all that is to be said of it.
type look func(context.Context) []sign

// Doctor looks at every setting and, over connections of its own, at everything that
// the server stands on, and writes a line about each. It goes on after what is
// wrong, tells no secret, and takes ten seconds at most. Its error is ErrUnwell if
// something has to be mended.
func Doctor(ctx context.Context, s *Settings, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	looks := []look{s.lookAtSettings, s.lookAtEdge, s.lookAtAddress, s.lookAtDatabase, s.lookAtAnnouncements, s.lookAtRedis, s.lookAtGoogle}
	signs := make([][]sign, len(looks))
	var looking sync.WaitGroup
	for n, at := range looks {
		looking.Go(func() { signs[n] = at(ctx) })
	}
	looking.Wait()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	worst := fine
	for _, group := range signs {
		for _, sign := range group {
			fmt.Fprintf(table, "%s\t%s\t%s\n", sign.verdict, sign.what, strings.ReplaceAll(sign.said, "\n", " "))
			if sign.verdict == broken {
				worst = broken
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if worst == broken {
		return ErrUnwell
	}
	return nil
}

// lookAtSettings names every setting that is missing or wrong.
func (s *Settings) lookAtSettings(context.Context) []sign {
	err := s.ForServe()
	faults, ok := errors.AsType[SettingsError](err)
	switch {
	case err == nil:
		return []sign{{fine, "settings", "all can be used, for " + s.Env}}
	case !ok:
		return []sign{{broken, "settings", err.Error()}}
	}
	signs := make([]sign, len(faults))
	for n, fault := range faults {
		signs[n] = sign{broken, "settings", fault}
	}
	return signs
}

// lookAtEdge tells how callers come.
func (s *Settings) lookAtEdge(context.Context) []sign {
	if s.unreachable() {
		return []sign{{broken, "https", "every request would be refused: HTTPS is required, but neither TLS_CERT_FILE nor TRUSTED_PROXIES is set"}}
	}
	if !s.ownTLS() {
		if len(s.TrustedProxies) == 0 {
			return []sign{{fine, "https", "not required; callers come over plain HTTP"}}
		}
		return []sign{{fine, "https", "by the proxies of TRUSTED_PROXIES, which must set X-Forwarded-Proto and X-Forwarded-For"}}
	}
	pair, err := readPair(s.TLSCertFile, s.TLSKeyFile)
	if err != nil {
		return nil // lookAtSettings has said so
	}
	ends := pair.Leaf.NotAfter
	switch left := time.Until(ends); {
	case left <= 0:
		return []sign{{broken, "https", "the certificate in TLS_CERT_FILE has ended on " + ends.Format(time.DateOnly) + ": put a new one there; no restart is needed"}}
	case left < 14*24*time.Hour:
		return []sign{{doubtful, "https", "the certificate in TLS_CERT_FILE ends on " + ends.Format(time.DateOnly) + ": put a new one there; no restart is needed"}}
	default:
		return []sign{{fine, "https", "by the server itself; the certificate is good until " + ends.Format(time.DateOnly)}}
	}
}

// lookAtAddress tries to listen where the server would.
func (s *Settings) lookAtAddress(ctx context.Context) []sign {
	if !validAddr(s.Addr) {
		return nil // lookAtSettings has said so
	}
	listener, err := Listen(ctx, s.Addr)
	if err == nil {
		_ = listener.Close() // it was only tried
		return []sign{{fine, "address", "HTTP_ADDR is free"}}
	}
	if Healthcheck(ctx, s) == nil {
		return []sign{{fine, "address", "a server answers at HTTP_ADDR already"}}
	}
	return []sign{{broken, "address", err.Error() + ": another program has it, or it is not of this machine"}}
}
