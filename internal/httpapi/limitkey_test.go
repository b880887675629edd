package httpapi

import (
	"net/netip"
	"testing"
)

func TestRateLimit_AddressKeyIsIPv4OrIPv6Slash64(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"203.0.113.9":                      "203.0.113.9",
		"203.0.113.10":                     "203.0.113.10",
		"2001:db8:1:2::1":                  "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff:ffff:ffff": "2001:db8:1:2::/64",
		"2001:db8:1:2:3c0a:91ff:fe22:1":    "2001:db8:1:2::/64",
		"2001:db8:1:3::1":                  "2001:db8:1:3::/64",
		"::1":                              "::/64",
		"fe80::1":                          "fe80::/64",
	} {
		if got := limitKey(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s has the key %s, want %s", addr, got, want)
		}
	}
	if got := limitKey(netip.Addr{}); got == "" || got == limitKey(netip.MustParseAddr("::")) {
		t.Errorf("an unknown address has the key %q", got)
	}
}
