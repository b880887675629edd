package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
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
type look struct {
	what string
	at   func(context.Context) []sign
}

// Doctor looks at every setting and, over connections of its own, at everything that
// the server stands on, and writes a line about each. It goes on after what is
// wrong, tells no secret, and takes ten seconds at most. Its error is ErrUnwell if
// something has to be mended.
func Doctor(ctx context.Context, s *Settings, out io.Writer) error {
	signs := lookAt(ctx, []look{
		{"settings", s.lookAtSettings},
		{"https", s.lookAtEdge},
		{"address", s.lookAtAddress},
		{"database", s.lookAtDatabase},
		{"announcements", s.lookAtAnnouncements},
		{"redis", s.lookAtRedis},
		{"google", s.lookAtGoogle},
		{"traces", s.lookAtTraces},
	})
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	worst := fine
	for _, sign := range signs {
		fmt.Fprintf(table, "%s\t%s\t%s\n", sign.verdict, sign.what, strings.ReplaceAll(sign.said, "\n", " "))
		if sign.verdict == broken {
			worst = broken
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

// lookAt looks at everything at the same time, and waits no longer than doctorWithin
// for all of it, also where something goes on for longer than it was told.
func lookAt(ctx context.Context, looks []look) (signs []sign) {
	over, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	told, cancel := context.WithTimeout(over, doctorWithin*9/10)
	defer cancel()
	seen := make([]chan []sign, len(looks))
	for n, look := range looks {
		seen[n] = make(chan []sign, 1)
		go func() { seen[n] <- look.at(told) }()
	}
	for n, look := range looks {
		signs = append(signs, look.wait(over, seen[n])...)
	}
	return signs
}

// wait waits for what was seen until all is over.
func (l look) wait(over context.Context, seen <-chan []sign) []sign {
	select {
	case signs := <-seen:
		return signs
	case <-over.Done():
	}
	select {
	case signs := <-seen: // long ago, while others were waited for
		return signs
	default:
		return []sign{{broken, l.what, fmt.Sprintf("gave no answer within %s", doctorWithin)}}
	}
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
	begins, ends := pair.Leaf.NotBefore, pair.Leaf.NotAfter
	switch left := time.Until(ends); {
	case time.Until(begins) > 0:
		return []sign{{broken, "https", "the certificate in TLS_CERT_FILE is good from " + begins.Format(time.DateTime) + " UTC on only: wait, set the clock, or put another one there"}}
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
