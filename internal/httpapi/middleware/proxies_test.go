package middleware

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func proxies(t *testing.T, list ...string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProxies_ClientIsFirstUntrustedAddress(t *testing.T) {
	t.Parallel()
	trusted := proxies(t, "10.0.0.0/8", "192.0.2.7", "2001:db8:aaaa::/48")
	many := strings.Repeat("10.1.1.1, ", 5000)
	for name, tc := range map[string]struct {
		peer      string
		forwarded []string // lines of X-Forwarded-For
		want      string
	}{
		"nothing is said":                     {"10.0.0.1:5000", nil, "10.0.0.1"},
		"one proxy":                           {"10.0.0.1:5000", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy named by its address":        {"192.0.2.7:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"its neighbour":                       {"192.0.2.8:1", []string{"203.0.113.9"}, "192.0.2.8"},
		"two proxies":                         {"10.0.0.1:5000", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		"two lines":                           {"10.0.0.1:5000", []string{"203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		"two lines of two":                    {"10.0.0.1:5000", []string{"198.51.100.1, 203.0.113.9", "10.0.0.3,10.0.0.2"}, "203.0.113.9"},
		"a forged entry at the left":          {"10.0.0.1:5000", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"a forged line before":                {"10.0.0.1:5000", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		"a forged entry that looks trusted":   {"10.0.0.1:5000", []string{"198.51.100.1, 10.9.9.9, 203.0.113.9"}, "203.0.113.9"},
		"a forged one of this machine":        {"10.0.0.1:5000", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		"an untrusted peer":                   {"203.0.113.9:5000", []string{"198.51.100.1"}, "203.0.113.9"},
		"a long line of an untrusted peer":    {"203.0.113.9:5000", []string{many + "198.51.100.1"}, "203.0.113.9"},
		"all are trusted":                     {"10.0.0.1:5000", []string{"10.0.0.4, 10.0.0.3"}, "10.0.0.4"},
		"garbage":                             {"10.0.0.1:5000", []string{"unknown"}, "10.0.0.1"},
		"garbage before":                      {"10.0.0.1:5000", []string{"<script>, 203.0.113.9"}, "203.0.113.9"},
		"garbage behind":                      {"10.0.0.1:5000", []string{"203.0.113.9, _hidden"}, "10.0.0.1"},
		"garbage in the middle":               {"10.0.0.1:5000", []string{"203.0.113.9, x, 10.0.0.2"}, "10.0.0.2"},
		"an empty header":                     {"10.0.0.1:5000", []string{""}, "10.0.0.1"},
		"commas":                              {"10.0.0.1:5000", []string{",,,"}, "10.0.0.1"},
		"a comma at the end":                  {"10.0.0.1:5000", []string{"203.0.113.9,"}, "10.0.0.1"},
		"an empty line behind":                {"10.0.0.1:5000", []string{"203.0.113.9", ""}, "10.0.0.1"},
		"blanks and tabs":                     {"10.0.0.1:5000", []string{" \t203.0.113.9\t , 10.0.0.2 "}, "203.0.113.9"},
		"a leading zero":                      {"10.0.0.1:5000", []string{"010.0.0.9"}, "10.0.0.1"},
		"an octet too few":                    {"10.0.0.1:5000", []string{"203.0.113"}, "10.0.0.1"},
		"a CIDR":                              {"10.0.0.1:5000", []string{"203.0.113.0/24"}, "10.0.0.1"},
		"a port":                              {"10.0.0.1:5000", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"an invalid port":                     {"10.0.0.1:5000", []string{"203.0.113.9:99999"}, "10.0.0.1"},
		"IPv6":                                {"10.0.0.1:5000", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 in capitals and long":           {"10.0.0.1:5000", []string{"2001:0DB8:0:0:0:0:0:1"}, "2001:db8::1"},
		"IPv6 in brackets":                    {"10.0.0.1:5000", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 with a port":                    {"10.0.0.1:5000", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		"half a pair of brackets":             {"10.0.0.1:5000", []string{"[2001:db8::1"}, "10.0.0.1"},
		"IPv6 with a zone":                    {"10.0.0.1:5000", []string{"fe80::1%eth0"}, "fe80::1"},
		"IPv6 with a zone, brackets and port": {"10.0.0.1:5000", []string{"[fe80::1%eth0]:80"}, "fe80::1"},
		"IPv4 as IPv6":                        {"10.0.0.1:5000", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"a peer of IPv6":                      {"[2001:db8:aaaa::1]:80", []string{"203.0.113.9"}, "203.0.113.9"},
		"a peer with a zone":                  {"[fe80::1%eth0]:80", []string{"203.0.113.9"}, "fe80::1"},
		"a trusted peer as IPv6":              {"[::ffff:10.0.0.1]:80", []string{"203.0.113.9"}, "203.0.113.9"},
		"a trusted hop as IPv6":               {"10.0.0.1:5000", []string{"203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9"},
		"thousands of trusted hops":           {"10.0.0.1:5000", []string{"203.0.113.9, " + many + "10.1.1.1"}, "10.1.1.1"},
		"thousands of unknown hops":           {"10.0.0.1:5000", []string{strings.Repeat("198.51.100.1, ", 5000) + "203.0.113.9"}, "203.0.113.9"},
		"thousands of lines":                  {"10.0.0.1:5000", append(make([]string, 5000), "203.0.113.9"), "203.0.113.9"},
		"a peer that is not an address":       {"@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.RemoteAddr = tc.peer
			for _, line := range tc.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			came := New(Config{Proxies: trusted}).Connection(r)
			if got := came.Address.String(); got != tc.want {
				t.Errorf("the caller is %s, want %s", got, tc.want)
			}
			if untrusting := New(Config{}).Connection(r); untrusting.Address != peerOf(r) {
				t.Errorf("without proxies the caller is %s", untrusting.Address)
			}
		})
	}
}

func TestProxies_AreAddressesAndNetworks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		list []string
		want string
	}{
		"none":                   {nil, "[]"},
		"networks":               {[]string{"10.0.0.0/8", "2001:db8::/32"}, "[10.0.0.0/8 2001:db8::/32]"},
		"addresses":              {[]string{"192.0.2.7", "::1"}, "[192.0.2.7/32 ::1/128]"},
		"IPv4 as IPv6":           {[]string{"::ffff:192.0.2.7"}, "[192.0.2.7/32]"},
		"an address in it":       {[]string{"10.1.2.3/8"}, "[10.0.0.0/8]"},
		"all addresses":          {[]string{"0.0.0.0/0"}, "[0.0.0.0/0]"},
		"a name":                 {[]string{"10.0.0.0/8", "proxy.internal"}, "entry 2 is neither an address nor a CIDR such as 10.0.0.0/8"},
		"a zone":                 {[]string{"fe80::1%eth0"}, "entry 1 is neither an address nor a CIDR such as 10.0.0.0/8"},
		"too many bits":          {[]string{"10.0.0.0/33"}, "entry 1 is neither an address nor a CIDR such as 10.0.0.0/8"},
		"a network of IPv4 in 6": {[]string{"::ffff:10.0.0.0/104"}, "entry 1 is neither an address nor a CIDR such as 10.0.0.0/8"},
		"two of three":           {[]string{"x", "::1", "1.2.3.4:80"}, "entry 1 is neither an address nor a CIDR such as 10.0.0.0/8; entry 3 is neither an address nor a CIDR such as 10.0.0.0/8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseProxies(tc.list)
			text := fmt.Sprint([]netip.Prefix(got))
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tc.want, text); diff != "" {
				t.Errorf("proxies (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzProxies_ForwardedFor(f *testing.F) {
	trusted, err := ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	peer := netip.MustParseAddr("10.0.0.1")
	f.Add("203.0.113.9, 10.0.0.2")
	f.Add("[::1%x]:80,[")
	f.Fuzz(func(t *testing.T, forged string) {
		// Whatever a caller writes, the proxy's own entry at the right counts.
		got := trusted.caller(peer, []string{forged + ", 203.0.113.9"})
		if got != netip.MustParseAddr("203.0.113.9") {
			t.Fatalf("%q made the caller %s", forged, got)
		}
		if got := trusted.caller(peer, []string{forged}); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Fatalf("%q made the caller %s", forged, got)
		}
	})
}
