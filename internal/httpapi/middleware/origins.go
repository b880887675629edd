package middleware

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// AnyOrigin in the list of origins allows all of them.
const AnyOrigin = "*"

// anyPort at the end of an origin of this machine stands for every port.
const anyPort = ":*"

// OriginRules say what may be listed besides https origins, those of this machine, and
// those of app shells and browser extensions.
type OriginRules struct {
	// Any allows "*": pages of every origin, but without cookies.
	Any bool
	// Plain allows http:// origins of other machines.
	Plain bool
}

// CheckOrigins checks origins such as https://app.example.com. Its error says what is
// wrong with each invalid entry, by its position in the list.
func CheckOrigins(list []string, rules OriginRules) error {
	var bad []string
	for n, entry := range list {
		if fault := originFault(entry, rules); fault != "" {
			bad = append(bad, fmt.Sprintf("entry %d %s", n+1, fault))
		}
	}
	if bad != nil {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// AllowsOrigin reports whether a list that CheckOrigins has accepted names an origin.
// AnyOrigin names none: it allows reading responses, but no use of cookies.
func AllowsOrigin(list []string, origin string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		base, wild := strings.CutSuffix(entry, anyPort)
		if !wild {
			return entry == origin && entry != AnyOrigin
		}
		rest, ok := strings.CutPrefix(origin, base)
		return ok && (rest == "" || portForm.MatchString(rest))
	})
}

var (
	portForm = regexp.MustCompile(`^:[1-9][0-9]{0,4}$`)
	// hostForm is a host name as browsers write it, IDNA in ASCII.
	hostForm = regexp.MustCompile(`^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$`)
	// appForm is an origin of an app shell (capacitor://localhost, tauri://localhost,
	// app://-) or of a browser extension.
	appForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[A-Za-z0-9._-]+(?::[1-9][0-9]{0,4})?$`)
)

// noPages are schemes whose documents have no origin of their own, or that no page has.
var noPages = []string{"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "vbscript", "ws", "wss"}

// originFault says what is wrong with an entry; empty if nothing is. A browser sends
// an origin in one spelling only, so another one would never match.
func originFault(entry string, rules OriginRules) string {
	const none = "is not an origin such as https://app.example.com"
	if entry == AnyOrigin {
		if rules.Any {
			return ""
		}
		return "allows every origin; list those that are meant"
	}
	if base, ok := strings.CutSuffix(entry, anyPort); ok {
		u, err := url.Parse(base)
		if err != nil || !isWeb(u.Scheme) || !ofThisMachine(u.Hostname()) || u.Port() != "" || !asBrowsersWrite(base, u) {
			return "has a wildcard for the port, which only http://localhost:* and other origins of this machine may have"
		}
		return ""
	}
	u, err := url.Parse(entry)
	switch {
	case err != nil || u.Host == "" || slices.Contains(noPages, u.Scheme):
		return none
	case u.User != nil:
		return "has a user in it, which no origin has"
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(entry, "#"):
		return "has more than scheme, host and port: an origin has no path and no slash at its end"
	case strings.Contains(entry, "*"):
		return "has a wildcard; list each origin"
	case !isWeb(u.Scheme) && !appForm.MatchString(entry):
		return none
	case u.Scheme == "http" && !rules.Plain && !ofThisMachine(u.Hostname()):
		return "is not https://"
	case isWeb(u.Scheme) && !asBrowsersWrite(entry, u):
		return "is not written as browsers write an origin: lower case, without the usual port, IDNA in ASCII"
	default:
		return ""
	}
}

func isWeb(scheme string) bool { return scheme == "https" || scheme == "http" }

func ofThisMachine(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

// asBrowsersWrite reports whether u, the parsed entry, is written as browsers write an
// origin of the web.
func asBrowsersWrite(entry string, u *url.URL) bool {
	host := u.Hostname()
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		usual := u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80
		if err != nil || n == 0 || usual || entry != u.Scheme+"://"+strings.TrimSuffix(u.Host, ":"+port)+":"+strconv.FormatUint(n, 10) {
			return false
		}
	} else if entry != u.Scheme+"://"+u.Host || strings.HasSuffix(u.Host, ":") {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if last := labels[len(labels)-1]; strings.HasPrefix(u.Host, "[") || last != "" && last[0] >= '0' && last[0] <= '9' {
		address, err := netip.ParseAddr(host) // no top-level domain begins with a digit
		return err == nil && address.Zone() == "" && address.String() == host
	}
	return hostForm.MatchString(host)
}
