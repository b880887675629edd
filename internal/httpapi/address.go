package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many proxies stand before the server: a list of thousands
// of trusted addresses is not worth the walk.
const maxHops = 32

// limitBits is what of an address of IPv6 a rate limit goes by: a customer is
// given at least a /64, and could otherwise be somebody else in each request.
const limitBits = 64

// Proxies are the peers that are believed in what they say of a caller, by
// X-Forwarded-For and X-Forwarded-Proto.
type Proxies []netip.Prefix

// ParseProxies reads addresses and CIDRs. An error names the entries that are
// neither by their place in the list.
func ParseProxies(list []string) (Proxies, error) {
	var proxies Proxies
	var bad []string
	for n, entry := range list {
		if addr, err := netip.ParseAddr(entry); err == nil && addr.Zone() == "" {
			proxies = append(proxies, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(entry)
		if err != nil || prefix.Addr().Is4In6() {
			bad = append(bad, fmt.Sprintf("entry %d is neither an address nor a CIDR such as 10.0.0.0/8", n+1))
			continue
		}
		proxies = append(proxies, prefix.Masked())
	}
	if bad != nil {
		return nil, errors.New(strings.Join(bad, "; "))
	}
	return proxies, nil
}

// trust reports whether addr is one of the proxies.
func (p Proxies) trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// caller is who stands behind peer. Each proxy adds at the right of
// X-Forwarded-For whom it was called by, so the list is read from there, as long
// as the one who wrote is trusted. What is further left may be anybody's words.
// An entry that is no address ends the walk: then the proxy that wrote it is all
// that is known.
func (p Proxies) caller(peer netip.Addr, forwarded []string) netip.Addr {
	addr := peer
	entries := fromTheRight(forwarded)
	for range maxHops {
		if !p.trust(addr) {
			break
		}
		entry, more := entries()
		next, ok := parseForwarded(entry)
		if !more || !ok {
			break
		}
		addr = next
	}
	return addr
}

// fromTheRight gives the entries of a list header, the last one first. Several
// lines are one list (RFC 9110, section 5.3).
func fromTheRight(lines []string) func() (entry string, more bool) {
	line := len(lines) - 1
	rest := ""
	if line >= 0 {
		rest = lines[line]
	}
	return func() (string, bool) {
		if line < 0 {
			return "", false
		}
		comma := strings.LastIndexByte(rest, ',')
		entry := strings.Trim(rest[comma+1:], " \t")
		if comma >= 0 {
			rest = rest[:comma]
		} else if line--; line >= 0 {
			rest = lines[line]
		}
		return entry, true
	}
}

// parseForwarded reads an entry of X-Forwarded-For: an address, which some
// proxies write with a port, brackets or a zone.
func parseForwarded(entry string) (netip.Addr, bool) {
	bare := entry
	if inner, ok := strings.CutPrefix(entry, "["); ok {
		if inner, ok := strings.CutSuffix(inner, "]"); ok {
			bare = inner
		}
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return plain(addr), true
	}
	if pair, err := netip.ParseAddrPort(entry); err == nil {
		return plain(pair.Addr()), true
	}
	return netip.Addr{}, false
}

// plain is the one spelling of an address: IPv4 as such, and without the zone,
// which means something on one machine only.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// peerOf is the other end of the connection; the zero Addr where there is none.
func peerOf(r *http.Request) netip.Addr {
	pair, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plain(pair.Addr())
}

// address is where the request comes from, past the trusted proxies. The zero
// Addr, where nobody knows, is a caller of its own.
func (*API) address(r *http.Request) netip.Addr { return recordOf(r.Context()).address }

// limitKey is what a rate limit by address goes by: of IPv6 the /64.
func limitKey(addr netip.Addr) string {
	if !addr.Is6() {
		return addr.String()
	}
	prefix, err := addr.Prefix(limitBits)
	if err != nil { // a zone; addresses of ours have none
		return addr.String()
	}
	return prefix.String()
}
