package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// maxHops is how many proxies may stand in front of the server. A list of thousands
// of trusted addresses is not walked.
const maxHops = 32

// Proxies are the peers whose X-Forwarded-* headers are trusted: -For, -Proto, -Host
// and -Prefix.
type Proxies []netip.Prefix

// ParseProxies reads addresses and CIDRs. An error names each entry that is neither
// by its position in the list.
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

// Trust reports whether addr is one of the proxies.
func (p Proxies) Trust(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// caller is the address behind peer. Each proxy appends the address of its caller
// to X-Forwarded-For, so the list is read from the right, as long as the writer of
// an entry is trusted. Entries further left can be forged. An entry that is not an
// address ends the walk at the proxy that wrote it.
func (p Proxies) caller(peer netip.Addr, forwarded []string) netip.Addr {
	addr := peer
	entries := fromTheRight(forwarded)
	for range maxHops {
		if !p.Trust(addr) {
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

// fromTheRight returns an iterator over the entries of a list header, last first. Several
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

// plain is the canonical form of an address: IPv4 not mapped to IPv6, and without
// the zone, which has a meaning on one machine only.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// peerOf is the other end of the connection; the zero Addr if it is unknown.
func peerOf(r *http.Request) netip.Addr {
	pair, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plain(pair.Addr())
}
